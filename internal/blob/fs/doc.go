// Package fs keeps blobs as files in a directory tree. What was committed
// survives power loss: see durable.go for the order of its system calls.
package fs
