package db

import "sync"

// sqliteConns lends connections, the one that came back last first: its page
// cache is warm and its statements are prepared, and what a quiet store never
// needs is never opened.
type sqliteConns struct {
	free chan struct{} // holds one for every connection that may be taken

	mu   sync.Mutex
	idle []*sqliteConn // opened and not lent, the last used last; owned by mu
}

// newSQLiteConns lends up to n connections.
func newSQLiteConns(n int) *sqliteConns {
	q := &sqliteConns{free: make(chan struct{}, n)}
	for range n {
		q.free <- struct{}{}
	}
	return q
}

// pop is for who has received from free. It returns nil when no connection is
// idle; then one has to be opened.
func (q *sqliteConns) pop() *sqliteConn {
	q.mu.Lock()
	defer q.mu.Unlock()
	last := len(q.idle) - 1
	if last < 0 {
		return nil
	}
	c := q.idle[last]
	q.idle = q.idle[:last]
	return c
}

// put gives back what was taken; nil if it could not be opened.
func (q *sqliteConns) put(c *sqliteConn) {
	if c != nil {
		q.mu.Lock()
		q.idle = append(q.idle, c)
		q.mu.Unlock()
	}
	q.free <- struct{}{}
}

// takeAll waits until nothing is lent, and returns what was opened. Nothing can
// be taken afterwards.
func (q *sqliteConns) takeAll() []*sqliteConn {
	for range cap(q.free) {
		<-q.free
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.idle
}
