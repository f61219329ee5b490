package spool

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriteback is a hint: a file system that refuses it still has its fsync.
func startWriteback(file *os.File, off, n int64) {
	_ = unix.SyncFileRange(int(file.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
}
