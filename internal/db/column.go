package db

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// micros is how a time is kept: microseconds since 1970, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// timeColumn scans a time.
type timeColumn struct{ t *time.Time }

func (c timeColumn) Scan(src any) error {
	us, ok := src.(int64)
	if !ok {
		return fmt.Errorf("cannot read a time from %T", src)
	}
	*c.t = fromMicros(us)
	return nil
}

// digestColumn scans a digest kept as hex.
type digestColumn struct{ d *store.Digest }

func (c digestColumn) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("cannot read a digest from %T", src)
	}
	d, err := store.ParseHex(s)
	*c.d = d
	return err
}

// jsonColumn scans JSON text.
type jsonColumn struct{ v any }

func (c jsonColumn) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("cannot read JSON from %T", src)
	}
	switch s {
	case "", "{}", "[]", "null": // the zero value already
		return nil
	}
	return json.Unmarshal([]byte(s), c.v)
}

// asJSON is what a JSON column keeps. The values are the domain's own types,
// which always marshal.
func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("cannot marshal " + fmt.Sprintf("%T", v) + ": " + err.Error())
	}
	return string(b)
}

// listParam is a list of strings as one parameter, for json_each(?). What is no
// text is in no row, and left out: PostgreSQL would refuse the whole list for it,
// and with it what others wait for.
func listParam(list []string) string {
	kept := make([]string, 0, len(list))
	for _, s := range list {
		if isText(s) {
			kept = append(kept, s)
		}
	}
	return asJSON(kept)
}

// numbersParam is listParam for numbers, to be cast where they are used.
func numbersParam(list []int) string {
	text := make([]string, len(list))
	for i, n := range list {
		text[i] = strconv.Itoa(n)
	}
	return asJSON(text)
}

// page bounds a limit that a caller asks for.
func page(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, 1000)
}

// afterPrefix is larger than every text that begins with prefix and smaller
// than every other text larger than prefix, in the order of bytes.
func afterPrefix(prefix string) string { return prefix + "\U0010FFFF" }
