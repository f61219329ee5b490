package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/larder-store/larder/internal/store"
)

// postgresBackend writes under SERIALIZABLE, so that what SQLite's single
// writer gives holds here too, and reads under REPEATABLE READ, READ ONLY.
type postgresBackend struct {
	pool  *sql.DB
	watch *postgresWatch
}

// Keys of the advisory locks, drawn once at random.
const (
	lockMigrate = "8027540712941623041"
	lockChanges = "8027540712941623042"
)

var postgresDialect = dialect{
	name:          "postgres",
	orderChanges:  `SELECT pg_advisory_xact_lock(` + lockChanges + `)`,
	notifyChanges: `SELECT pg_notify('` + changesChannel + `', CAST(CAST(? AS BIGINT) AS TEXT))`,
	restart:       `SELECT setval(pg_get_serial_sequence('%[1]s', '%[2]s'), MAX(%[2]s)) FROM %[1]s HAVING MAX(%[2]s) IS NOT NULL`,
	search:        postgresSearch,
}

func openPostgres(ctx context.Context, url string, opts Options) (_ *postgresBackend, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// The cause may quote the URL, password and all.
		return nil, store.Invalidf("invalid-database-url", "cannot open the database: its PostgreSQL URL cannot be read").
			Try("write it as postgresql://USER:PASSWORD@HOST:PORT/NAME, with special characters as %XX")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "larder"
	}
	if config.RuntimeParams["jit"] == "" {
		// Compiling a plan takes longer than any query here runs.
		config.RuntimeParams["jit"] = "off"
	}
	if config.RuntimeParams["random_page_cost"] == "" {
		// The default is that of turning disks. With it, ten packages of some ten
		// thousand are found by reading them all.
		config.RuntimeParams["random_page_cost"] = "1.1"
	}
	pool := stdlib.OpenDB(*config)
	b := &postgresBackend{pool: pool}
	defer func() {
		if err != nil {
			pool.Close()
		}
	}()
	pool.SetMaxOpenConns(opts.MaxConns)
	pool.SetMaxIdleConns(opts.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := b.migrate(ctx); err != nil {
		return nil, classified(b, err)
	}
	b.watch = watchPostgres(pool, config, opts.Log)
	return b, nil
}

// migrate holds a lock of its own session, which ends with the connection.
func (b *postgresBackend) migrate(ctx context.Context) error {
	conn, err := b.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(`+lockMigrate+`)`); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(`+lockMigrate+`)`)
	return migrate(ctx, b.pool, "postgres")
}

func (b *postgresBackend) close() error {
	b.watch.close()
	return b.pool.Close()
}

func (b *postgresBackend) dialect() *dialect { return &postgresDialect }

// Classes (two characters) and codes of SQLSTATE, from the PostgreSQL manual,
// appendix A.
var sqlStates = map[string]failure{
	"40001": failureBusy, // serialization_failure
	"40P01": failureBusy, // deadlock_detected
	"55P03": failureBusy, // lock_not_available
	"53100": failureNoSpace,
	"23505": failureDuplicate,
	"23503": failureReference,
	"23001": failureReference,
	"22":    failureInvalid, // data exceptions
	"08":    failureUnreachable,
	"28":    failureUnreachable, // the server refuses the user
	"3D":    failureUnreachable, // no such database
	"53":    failureUnreachable, // out of resources
	"57P":   failureUnreachable, // shut down, or starting up
	"58":    failureUnreachable, // the server's own I/O failed
}

func (b *postgresBackend) classify(err error) failure {
	var e *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &e):
		for n := len(e.Code); n >= 2; n-- {
			if f, ok := sqlStates[e.Code[:n]]; ok {
				return f
			}
		}
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, driver.ErrBadConn),
		errors.Is(err, net.ErrClosed), strings.Contains(err.Error(), "conn closed"):
		return failureUnreachable
	}
	return failureOther
}

func (b *postgresBackend) query(ctx context.Context, text string, args []any) (rows, error) {
	r, err := b.pool.QueryContext(ctx, rebind(text), args...)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (b *postgresBackend) read(ctx context.Context) (session, error) {
	tx, err := b.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	return postgresSession{tx}, nil
}

// writable asks whether this is a standby or was made read-only.
func (b *postgresBackend) writable(ctx context.Context) error {
	var readOnly string
	if err := b.pool.QueryRowContext(ctx, `SELECT current_setting('transaction_read_only')`).Scan(&readOnly); err != nil {
		return err
	}
	if readOnly != "off" {
		return store.Unavailablef("database-read-only", "the database takes no writes").
			Try("point the URL at the primary server")
	}
	return nil
}

// patience is how many attempts run beside other writers before one runs alone.
const patience = 3

// write begins with a lock on the change log that all writers share, or, when
// others were in the way too often, that one writer has alone: it waits for
// the running ones, holds back new ones, and then nothing can be in its way.
//
// LOCK TABLE takes no snapshot, so the transaction sees everything that
// was committed while it waited. An advisory lock would not do: asking for it
// is a query, which fixes the snapshot before the wait.
func (b *postgresBackend) write(ctx context.Context, attempt int) (session, error) {
	tx, err := b.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		return nil, err
	}
	lock := `LOCK TABLE changes IN ROW EXCLUSIVE MODE`
	if attempt >= patience {
		lock = `LOCK TABLE changes IN EXCLUSIVE MODE`
	}
	if _, err := tx.ExecContext(ctx, lock); err != nil {
		tx.Rollback()
		return nil, err
	}
	return postgresSession{tx}, nil
}

type postgresSession struct{ tx *sql.Tx }

func (s postgresSession) query(ctx context.Context, text string, args []any) (rows, error) {
	r, err := s.tx.QueryContext(ctx, rebind(text), args...)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (s postgresSession) exec(ctx context.Context, text string, args []any) (int64, error) {
	r, err := s.tx.ExecContext(ctx, rebind(text), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (s postgresSession) commit(context.Context) error { return s.tx.Commit() }

func (s postgresSession) rollback() { s.tx.Rollback() }
