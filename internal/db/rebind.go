package db

import (
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/larder-store/larder/internal/store"
)

// rebound caches rebind by its argument. The texts are constants of this
// package and few combinations of them, so it stays small.
var rebound sync.Map

// rebind turns a text of this package into PostgreSQL's spelling: ? becomes
// $1, $2, …, and the table-valued json_each(?), which lists a JSON array of
// strings, becomes PostgreSQL's function of another name.
func rebind(text string) string {
	if r, ok := rebound.Load(text); ok {
		return r.(string)
	}
	var b strings.Builder
	n := 0
	for rest := strings.ReplaceAll(text, "json_each(?)", "json_array_elements_text(CAST(? AS json)) AS json_each(value)"); ; {
		before, after, found := strings.Cut(rest, "?")
		b.WriteString(before)
		if !found {
			break
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		rest = after
	}
	rebound.Store(text, b.String())
	return b.String()
}

// checkText refuses what only one of the two databases could hold, so that
// both behave alike: text with NUL or that is not UTF-8.
func checkText(args []any) error {
	for _, a := range args {
		if s, ok := a.(string); ok && !isText(s) {
			return store.Invalidf("invalid-text", "%.100q is not text: it holds NUL or is not UTF-8", s)
		}
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
