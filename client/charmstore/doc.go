// Package charmstore is the client of the legacy charm store API. It imports
// nothing of internal/.
package charmstore
