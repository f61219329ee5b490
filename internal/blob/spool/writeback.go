package spool

import "os"

// writebackStep is how many bytes may be dirty before the disk is set to work.
const writebackStep = 8 << 20

// earlyWriter starts writing back to disk while later bytes still arrive, so
// that the fsync at the end finds little left to do.
type earlyWriter struct {
	file    *os.File
	written int64
	started int64 // up to where write-back was asked for
}

func (w *earlyWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.written += int64(n)
	if err == nil && w.written-w.started >= writebackStep {
		startWriteback(w.file, w.started, w.written-w.started)
		w.started = w.written
	}
	return n, err
}
