// Package snapdevice speaks the snap device API: what snapd, the snap command and
// image builders ask of a store.
//
// It translates between JSON and the use cases. It holds no rule of the store,
// does no SQL, and imports no other dialect.
package snapdevice
