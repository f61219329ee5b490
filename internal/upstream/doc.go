// Package upstream is another store seen as a source of packages, and the cache
// at the edge of it.
package upstream
