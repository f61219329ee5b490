package db

import (
	"context"
	"database/sql"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// changesChannel is what a commit notifies with the newest seq.
const changesChannel = "larder_changes"

// How the watch keeps up.
const (
	staleAfter     = time.Second // an answer older than this is asked for again
	reconnectAfter = 2 * time.Second
)

// postgresWatch knows the newest seq. Notifications are a hint that makes it
// quick; asking when the last answer is old is what makes it right.
type postgresWatch struct {
	pool   *sql.DB
	config *pgx.ConnConfig
	log    *slog.Logger

	seq   atomic.Int64 // only grows
	asked atomic.Int64 // when seq was last read from the table, in nanoseconds since began
	began time.Time    // never changes; its monotonic clock counts
	ask   sync.Mutex   // held by the one who asks

	stop func()
	done chan struct{} // closed when listening has ended
}

func watchPostgres(pool *sql.DB, config *pgx.ConnConfig, log *slog.Logger) *postgresWatch {
	ctx, stop := context.WithCancel(context.Background())
	w := &postgresWatch{
		pool: pool, config: config, log: log,
		began: time.Now(), stop: stop, done: make(chan struct{}),
	}
	w.asked.Store(-int64(staleAfter))
	go w.listen(ctx)
	return w
}

func (w *postgresWatch) close() {
	w.stop()
	<-w.done
}

// listen runs until the context ends, on a connection of its own.
func (w *postgresWatch) listen(ctx context.Context) {
	defer close(w.done)
	for {
		err := w.listenOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		w.log.Warn("cannot listen for changes of other nodes, asking every second instead", "error", err)
		pause := time.NewTimer(reconnectAfter)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return
		}
	}
}

func (w *postgresWatch) listenOnce(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, w.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+changesChannel); err != nil {
		return err
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if seq, err := strconv.ParseInt(n.Payload, 10, 64); err == nil {
			w.advance(seq)
		}
	}
}

// advance notes that seq exists.
func (w *postgresWatch) advance(seq int64) {
	for {
		old := w.seq.Load()
		if seq <= old || w.seq.CompareAndSwap(old, seq) {
			return
		}
	}
}

func (w *postgresWatch) stale() bool {
	return time.Since(w.began)-time.Duration(w.asked.Load()) >= staleAfter
}

func (b *postgresBackend) committed(seq int64) { b.watch.advance(seq) }

func (b *postgresBackend) newest(ctx context.Context) (int64, error) {
	w := b.watch
	if !w.stale() {
		return w.seq.Load(), nil
	}
	w.ask.Lock()
	defer w.ask.Unlock()
	if !w.stale() { // another has asked meanwhile
		return w.seq.Load(), nil
	}
	asked := time.Since(w.began)
	var seq int64
	if err := w.pool.QueryRowContext(ctx, newestChange).Scan(&seq); err != nil {
		return 0, err
	}
	w.advance(seq)
	w.asked.Store(int64(asked))
	return w.seq.Load(), nil
}
