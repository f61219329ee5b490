// Package inspect reads what was uploaded (a snap's squashfs, a component, a
// charm, a bundle) and says what it is and what is wrong with it.
//
// Every input is hostile: sizes, counts, depths and decompressed bytes are
// bounded, nothing is unpacked to disk, and every problem is named. It decides
// nothing: policy is the catalog's.
package inspect
