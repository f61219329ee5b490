// Package snapstore is the client of snap stores: what devices ask and what
// publishers do. It imports nothing of internal/.
package snapstore
