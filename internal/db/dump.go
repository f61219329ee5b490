package db

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"slices"
)

// A dump is lines of JSON, the same for both databases, so that what one
// wrote the other can load. The first line is a dumpHeader; then, for each
// table, a dumpTable and its rows as arrays; the last is a dumpEnd, without
// which the dump is torn. Bytes stand as {"base64": "…"}.
type dumpHeader struct {
	Format int `json:"larder-dump"` // of the lines
	Schema int `json:"schema"`      // version of the tables
}

type dumpTable struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

type dumpEnd struct {
	Rows int64 `json:"rows"`
}

type dumpBytes struct {
	Base64 []byte `json:"base64"`
}

const (
	dumpFormat = 1
	// maxDumpLine bounds one row. The largest hold an assertion or the
	// metadata of a revision.
	maxDumpLine = 64 << 20
)

// Dump writes everything in the database to w, as it was at one moment, while
// others go on reading and writing. Load reads it back. The sealed signing
// keys are in it, still sealed. On a torn write the end is missing and Load
// says so.
func (db *DB) Dump(ctx context.Context, w io.Writer) error {
	buf := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	err := db.View(ctx, func(tx *Tx) error {
		schema, err := tx.schemaVersion()
		if err != nil {
			return err
		}
		if err := enc.Encode(dumpHeader{dumpFormat, schema}); err != nil {
			return err
		}
		var end dumpEnd
		for _, t := range tables {
			n, err := tx.dumpTable(enc, t)
			if err != nil {
				return failed(err, "dump table %s", t.name)
			}
			end.Rows += n
		}
		return enc.Encode(end)
	})
	if err == nil {
		err = buf.Flush()
	}
	return failed(err, "dump the database")
}

func (tx *Tx) schemaVersion() (int, error) {
	v, err := one[int](tx.query, `SELECT MAX(version_id) FROM goose_db_version WHERE is_applied`)
	return v, failed(err, "read the version of the tables")
}

func (tx *Tx) dumpTable(enc *json.Encoder, t table) (n int64, err error) {
	r, err := tx.query(`SELECT * FROM ` + t.name + ` ORDER BY ` + t.order)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	columns, err := r.ColumnTypes()
	if err != nil {
		return 0, err
	}
	var kept []int
	head := dumpTable{Table: t.name}
	for i, c := range columns {
		if !slices.Contains(t.derived, c.Name()) {
			kept = append(kept, i)
			head.Columns = append(head.Columns, c.Name())
		}
	}
	if err := enc.Encode(head); err != nil {
		return 0, err
	}
	values := make([]any, len(columns))
	dest := make([]any, len(columns))
	for i := range values {
		dest[i] = &values[i]
	}
	row := make([]any, len(kept))
	for ; r.Next(); n++ {
		if err := r.Scan(dest...); err != nil {
			return n, err
		}
		for to, from := range kept {
			row[to] = dumpValue(values[from], columns[from].DatabaseTypeName())
		}
		if err := enc.Encode(row); err != nil {
			return n, err
		}
	}
	return n, r.Err()
}

// dumpValue evens out how the two databases give values back.
func dumpValue(v any, columnType string) any {
	switch v := v.(type) {
	case []byte:
		return dumpBytes{append([]byte{}, v...)} // never null: SQLite reads empty bytes as nil
	case int64:
		if columnType == "BOOLEAN" {
			return v != 0
		}
	}
	return v
}
