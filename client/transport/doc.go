// Package transport is what every client of a store has in common: requests
// that are tried again when that is safe, errors that say what the store said,
// and a debug log without secrets. It imports nothing of internal/.
//
// Most programs meet it only through its errors:
//
//	var refused *transport.StoreError
//	if errors.As(err, &refused) && refused.HasCode("already-registered") { … }
//	if errors.Is(err, transport.ErrNotFound) { … }
package transport
