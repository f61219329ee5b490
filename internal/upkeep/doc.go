// Package upkeep holds the use cases on a store as a whole: founding it, its
// own root and address, its status, checking and collecting what it keeps,
// backup and restore. Single packages are the catalog's.
package upkeep
