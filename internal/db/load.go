package db

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// Load reads what Dump wrote into an empty database. Either everything is
// there afterwards, the change log with its seqs too, or nothing is.
//
// Its error codes: "database-not-empty"; "invalid-dump" for a dump that is
// torn or damaged; "dump-too-new" for one of a newer larder.
func (db *DB) Load(ctx context.Context, r io.Reader) error {
	s, err := db.backend.write(ctx, patience)
	if err != nil {
		return failed(classified(db.backend, err), "load a dump")
	}
	defer s.rollback()
	tx := &Tx{ctx: ctx, backend: db.backend, session: s, now: db.clock(), writes: true}
	if err := tx.load(r); err != nil {
		return failed(err, "load a dump")
	}
	seq, err := one[int64](tx.query, newestChange)
	if err != nil {
		return failed(err, "load a dump")
	}
	if err := s.commit(ctx); err != nil {
		return failed(classified(db.backend, err), "load a dump")
	}
	db.backend.committed(seq)
	return nil
}

func invalidDump(line int, format string, args ...any) error {
	return store.Invalidf("invalid-dump", "cannot load the dump: line %d: %s", line, fmt.Sprintf(format, args...)).
		Try("use another backup; nothing was changed")
}

func (tx *Tx) load(r io.Reader) error {
	for _, t := range tables {
		if full, err := tx.exists(`SELECT 1 FROM ` + t.name + ` LIMIT 1`); err != nil {
			return err
		} else if full {
			return store.Conflictf("database-not-empty", "cannot load the dump: the database holds something already").
				Try("load it into a new database")
		}
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxDumpLine)
	l := loader{tx: tx, byName: make(map[string]table)}
	for _, t := range tables {
		l.byName[t.name] = t
	}
	for lines.Scan() {
		l.line++
		if err := l.read(lines.Bytes()); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return invalidDump(l.line+1, "it is longer than %d bytes", maxDumpLine)
	case err != nil:
		return err
	case !l.ended:
		return invalidDump(l.line, "the end is missing")
	}
	for _, t := range tables {
		restart := tx.backend.dialect().restart
		if t.identity == "" || restart == "" {
			continue
		}
		if _, err := tx.keep(fmt.Sprintf(restart, t.name, t.identity)); err != nil {
			return err
		}
	}
	return nil
}

// loader reads the lines of a dump in turn.
type loader struct {
	tx     *Tx
	byName map[string]table // those not yet seen
	line   int
	rows   int64
	ended  bool

	insert  string // of the table whose rows come
	columns int
	batch   []any // arguments not yet inserted
}

// batchRows is how many rows one INSERT holds.
const batchRows = 50

func (l *loader) read(line []byte) error {
	switch {
	case l.ended:
		return invalidDump(l.line, "something follows the end")
	case l.line == 1:
		return l.header(line)
	case bytes.HasPrefix(line, []byte{'['}):
		return l.row(line)
	}
	if err := l.flush(); err != nil {
		return err
	}
	var next struct {
		dumpTable
		Rows *int64 `json:"rows"`
	}
	if err := json.Unmarshal(line, &next); err != nil {
		return invalidDump(l.line, "%v", err)
	}
	if next.Rows != nil {
		if *next.Rows != l.rows {
			return invalidDump(l.line, "%d rows came, %d were announced", l.rows, *next.Rows)
		}
		l.ended = true
		return nil
	}
	return l.begin(next.dumpTable)
}

func (l *loader) header(line []byte) error {
	var h dumpHeader
	if err := json.Unmarshal(line, &h); err != nil || h.Format == 0 {
		return invalidDump(l.line, "this is no dump of larder")
	}
	schema, err := l.tx.schemaVersion()
	if err != nil {
		return err
	}
	if h.Format > dumpFormat || h.Schema > schema {
		return store.Unavailablef("dump-too-new", "cannot load the dump: a newer larder wrote it").Try("use that larder")
	}
	return nil
}

// begin prepares for the rows of a table. Its columns are checked against the
// table, since they become part of a statement.
func (l *loader) begin(head dumpTable) error {
	t, known := l.byName[head.Table]
	if !known {
		return invalidDump(l.line, "no table %q is expected here", head.Table)
	}
	delete(l.byName, head.Table)
	r, err := l.tx.query(`SELECT * FROM ` + t.name + ` LIMIT 0`)
	if err != nil {
		return err
	}
	columns, err := r.Columns()
	r.Close()
	if err != nil {
		return err
	}
	for i, c := range head.Columns {
		if !slices.Contains(columns, c) || slices.Contains(t.derived, c) || slices.Contains(head.Columns[:i], c) {
			return invalidDump(l.line, "table %s cannot take a column %q", t.name, c)
		}
	}
	if l.columns = len(head.Columns); l.columns == 0 {
		return invalidDump(l.line, "table %s has no columns", t.name)
	}
	l.insert = `INSERT INTO ` + t.name + ` (` + strings.Join(head.Columns, ", ") + `) VALUES `
	return nil
}

func (l *loader) row(line []byte) error {
	if l.insert == "" {
		return invalidDump(l.line, "a row stands before its table")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var values []any
	if err := dec.Decode(&values); err != nil {
		return invalidDump(l.line, "%v", err)
	}
	if len(values) != l.columns {
		return invalidDump(l.line, "%d values for %d columns", len(values), l.columns)
	}
	for _, v := range values {
		arg, err := loadValue(v)
		if err != nil {
			return invalidDump(l.line, "%v", err)
		}
		l.batch = append(l.batch, arg)
	}
	l.rows++
	if len(l.batch) == batchRows*l.columns {
		return l.flush()
	}
	return nil
}

// loadValue turns what stands in a row into an argument.
func loadValue(v any) (any, error) {
	switch v := v.(type) {
	case nil, string, bool:
		return v, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		return v.Float64()
	case map[string]any:
		text, ok := v["base64"].(string)
		if !ok || len(v) != 1 {
			return nil, errors.New("an object that holds no bytes")
		}
		var b dumpBytes
		err := json.Unmarshal([]byte(`{"base64":`+asJSON(text)+`}`), &b)
		if b.Base64 == nil {
			b.Base64 = []byte{}
		}
		return b.Base64, err
	}
	return nil, fmt.Errorf("a value of an unknown kind, %T", v)
}

// flush inserts the batch.
func (l *loader) flush() error {
	if len(l.batch) == 0 {
		return nil
	}
	row := `(` + strings.Repeat(`?, `, l.columns-1) + `?)`
	rows := len(l.batch) / l.columns
	_, err := l.tx.keep(l.insert+strings.Repeat(row+`, `, rows-1)+row, l.batch...)
	l.batch = l.batch[:0]
	switch failureOf(err) {
	case failureBusy, failureUnreachable, failureNoSpace:
		return err
	}
	if err != nil && l.tx.ctx.Err() == nil {
		return invalidDump(l.line, "the rows before it do not fit: %v", err)
	}
	return err
}
