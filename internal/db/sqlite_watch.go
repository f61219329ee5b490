package db

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

// sqliteWatch answers "has anything changed" with PRAGMA data_version, which
// differs after a commit by any other connection, of this or another process,
// and costs no read of the file.
type sqliteWatch struct {
	mu      sync.Mutex
	conn    *sqliteConn // used under mu only; nil after close
	version int64       // of the last look
	seq     int64       // newest then
	known   bool        // version and seq have been read
	looked  time.Time   // when; zero makes the next call look
}

// lookAgainAfter is how long an answer may lag behind a commit of another
// process. It makes the many reads of one busy moment share one look.
const lookAgainAfter = 5 * time.Millisecond

func (b *sqliteBackend) newest(ctx context.Context) (int64, error) {
	ctx = context.WithoutCancel(ctx) // too short to interrupt
	w := &b.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn == nil {
		return 0, sql.ErrConnDone
	}
	now := time.Now()
	if w.known && now.Sub(w.looked) < lookAgainAfter {
		return w.seq, nil
	}
	// The version is read first: a commit between the two reads is then seen
	// by the next call at the latest.
	version, err := w.ask(ctx, "PRAGMA data_version")
	if err != nil {
		return 0, classified(b, err)
	}
	w.looked = now
	if w.known && version == w.version {
		return w.seq, nil
	}
	seq, err := w.ask(ctx, newestChange)
	if err != nil {
		return 0, classified(b, err)
	}
	w.version, w.seq, w.known = version, seq, true
	return seq, nil
}

// dirty makes the next answer hold a commit of this process.
func (w *sqliteWatch) dirty() {
	w.mu.Lock()
	w.looked = time.Time{}
	w.mu.Unlock()
}

func (w *sqliteWatch) ask(ctx context.Context, text string) (v int64, err error) {
	s, err := w.conn.prepare(ctx, text)
	if err != nil {
		return 0, err
	}
	err = s.QueryRowContext(ctx).Scan(&v)
	return v, err
}
