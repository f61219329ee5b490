package snapdevice

import (
	"os"
	"regexp"
	"testing"
)

// referenceRow is a row of the tables of routes in the reference.
var referenceRow = regexp.MustCompile("(?m)^\\| `((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)` \\|")

func TestReferenceNamesEveryRoute(t *testing.T) {
	text, err := os.ReadFile("../../../docs/reference/http.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for _, m := range referenceRow.FindAllSubmatch(text, -1) {
		documented[string(m[1])] = true
	}
	// The server's own pages stand in the same reference.
	for _, own := range []string{"GET /", "GET /_status/ping", "GET /_status/check", "GET /metrics"} {
		if !documented[own] {
			t.Errorf("the reference lacks %s", own)
		}
		delete(documented, own)
	}
	for _, r := range (&api{}).routes() {
		if !documented[r.Pattern] {
			t.Errorf("the reference lacks %s", r.Pattern)
		}
		delete(documented, r.Pattern)
	}
	for row := range documented {
		t.Errorf("the reference has %s, and the API does not", row)
	}
}
