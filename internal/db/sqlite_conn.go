package db

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// sqliteConn is a connection with the statements it has prepared.
type sqliteConn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func (b *sqliteBackend) connect(ctx context.Context) (*sqliteConn, error) {
	c, err := b.pool.Conn(ctx)
	if err != nil {
		return nil, classified(b, err)
	}
	return &sqliteConn{conn: c, stmts: make(map[string]*sql.Stmt)}, nil
}

func (c *sqliteConn) close() {
	if c == nil {
		return
	}
	for _, s := range c.stmts {
		s.Close()
	}
	c.conn.Close()
}

func (c *sqliteConn) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if s, ok := c.stmts[text]; ok {
		return s, nil
	}
	s, err := c.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if len(c.stmts) == maxStatements {
		for old, s := range c.stmts { // any will do
			s.Close()
			delete(c.stmts, old)
			break
		}
	}
	c.stmts[text] = s
	return s, nil
}

// maxStatements bounds the prepared statements of a connection: searches and
// lists have a text for every combination of filters.
const maxStatements = 128

func (c *sqliteConn) query(ctx context.Context, text string, args []any) (*sql.Rows, error) {
	s, err := c.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (c *sqliteConn) exec(ctx context.Context, text string, args ...any) (sql.Result, error) {
	s, err := c.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// take waits for a connection of queue.
func (b *sqliteBackend) take(ctx context.Context, queue *sqliteConns) (*sqliteConn, error) {
	select {
	case <-b.closed:
		return nil, sql.ErrConnDone
	default:
	}
	select {
	case <-queue.free:
		if c := queue.pop(); c != nil {
			return c, nil
		}
		c, err := b.connect(ctx)
		if err != nil {
			queue.put(nil)
		}
		return c, err
	case <-b.closed:
		return nil, sql.ErrConnDone
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// query reads on a connection that goes back when the rows are closed.
func (b *sqliteBackend) query(ctx context.Context, text string, args []any) (rows, error) {
	c, err := b.take(ctx, b.readers)
	if err != nil {
		return nil, err
	}
	r, err := c.query(ctx, text, args)
	if err != nil {
		b.readers.put(c)
		return nil, err
	}
	return &sqliteRows{Rows: r, giveBack: sync.OnceFunc(func() { b.readers.put(c) })}, nil
}

type sqliteRows struct {
	*sql.Rows
	giveBack func()
}

func (r *sqliteRows) Close() error {
	err := r.Rows.Close()
	r.giveBack()
	return err
}

func (b *sqliteBackend) read(ctx context.Context) (session, error) {
	return b.begin(ctx, b.readers, "BEGIN")
}

// write takes SQLite's write lock at once, so that nothing can fail later for
// another writer's sake.
func (b *sqliteBackend) write(ctx context.Context, _ int) (session, error) {
	return b.begin(ctx, b.writer, "BEGIN IMMEDIATE")
}

func (b *sqliteBackend) begin(ctx context.Context, queue *sqliteConns, begin string) (session, error) {
	c, err := b.take(ctx, queue)
	if err != nil {
		return nil, err
	}
	if _, err := c.exec(ctx, begin); err != nil {
		// A cancelled context may have come too late to stop it.
		c.exec(context.WithoutCancel(ctx), "ROLLBACK")
		queue.put(c)
		return nil, err
	}
	return &sqliteSession{c: c, queue: queue, ctx: context.WithoutCancel(ctx)}, nil
}

// sqliteSession is a transaction on a connection it has taken from queue.
type sqliteSession struct {
	c     *sqliteConn
	queue *sqliteConns
	ctx   context.Context // of the end of the transaction, which must happen
	done  bool
}

func (s *sqliteSession) query(ctx context.Context, text string, args []any) (rows, error) {
	return s.c.query(ctx, text, args)
}

func (s *sqliteSession) exec(ctx context.Context, text string, args []any) (int64, error) {
	r, err := s.c.exec(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// commit ignores that ctx may be cancelled by now: whether an interrupted
// commit has happened would be hard to say.
func (s *sqliteSession) commit(context.Context) error {
	if _, err := s.c.exec(s.ctx, "COMMIT"); err != nil {
		return fmt.Errorf("cannot commit: %w", err)
	}
	s.done = true
	s.queue.put(s.c)
	return nil
}

func (s *sqliteSession) rollback() {
	if s.done {
		return
	}
	s.done = true
	// Fails only where SQLite has rolled back by itself already.
	s.c.exec(s.ctx, "ROLLBACK")
	s.queue.put(s.c)
}
