// Package server owns the listeners: timeouts, limits, request ids, metrics,
// health, graceful shutdown, and which dialect hangs where.
//
// It knows no rule of the store and no wire format but its own pages. Dialects
// are handed to it as mounts, and what must be healthy as checks.
package server
