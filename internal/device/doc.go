// Package device knows machines: nonces, sessions, serials, models, cohorts.
//
// A session proves who the device is; what it may see is decided in store.
package device
