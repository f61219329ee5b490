package snapdevice

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

func TestRefreshNamesTheValueThatDoesNotFit(t *testing.T) {
	const ok = `"context":[],"actions":[]`
	for body, want := range map[string]string{
		``:                                  "not JSON",
		`[]`:                                "cannot use /: it is an array, not an object",
		`{}`:                                "it has no actions",
		`{"actions":[]}`:                    "it has no context",
		`{` + ok + `} x`:                    "not JSON",
		`{` + ok + `,"fields":{}}`:          "cannot use /fields: it is an object, not an array",
		`{` + ok + `,"fields":[1]}`:         "cannot use /fields/0: it is a number, not a string",
		`{"context":[{}],"actions":[]}`:     "cannot use /context/0: it has no snap-id",
		`{"context":[7],"actions":[]}`:      "cannot use /context/0: it is a number, not an object",
		`{"context":[],"actions":[[]]}`:     "cannot use /actions/0: it is an array, not an object",
		`{` + ok + `,"a":01}`:               "not JSON",
		`{` + ok + `,"a":1.}`:               "not JSON",
		`{` + ok + `,"a":"` + "\x01" + `"}`: "not JSON",
		`{` + ok + `,"a":tru}`:              "not JSON",
		`{"context":[{"snap-id":"x","epoch":5}],"actions":[]}`:                       "cannot use /context/0/epoch: it is a number, not an object",
		`{"context":[{"snap-id":"x","epoch":"x"}],"actions":[]}`:                     "cannot use /context/0/epoch: it is not an epoch",
		`{"context":[{"snap-id":"x","epoch":{"read":[-1]}}],"actions":[]}`:           "cannot use /context/0/epoch/read/0: it is not a whole number",
		`{"context":[{"snap-id":"x","revision":1.5}],"actions":[]}`:                  "cannot use /context/0/revision: it is not a whole number",
		`{"context":[{"snap-id":"x","revision":99999999999999999999}],"actions":[]}`: "cannot use /context/0/revision: it is not a whole number",
		`{"context":[{"snap-id":"x","validation-sets":[["16"]]}],"actions":[]}`:      "cannot use /context/0/validation-sets/0: a validation set",
		`{"context":[{"snap-id":"x","held":{"by":"system"}}],"actions":[]}`:          "cannot use /context/0/held/by: it is a string, not an array",
		`{"context":[{"snap-id":"x","a/b~c":` + strings.Repeat(`{"":`, 40):           "cannot use /context/0/a~1b~0c",
		`{"context":[],"actions":[{"assertions":[{"type":"account"}]}]}`:             "cannot use /actions/0/assertions/0: it has neither",
		`{"context":[],"actions":[{"assertions":[{"primary-key":["x"]}]}]}`:          "cannot use /actions/0/assertions/0: it has no type",
		`{` + ok + `,"assertion-max-formats":{"account-key":"1"}}`:                   "cannot use /assertion-max-formats/account-key: it is a string, not a whole number",
	} {
		err := parseRefresh(body, new(refreshRequest))
		var e *store.Error
		if !errors.As(err, &e) || e.Kind != store.KindInvalid || e.Code != "api-error" || !strings.Contains(e.Message, want) {
			t.Errorf("%.80s: %v\nwant %s", body, err, want)
		}
	}
}

func TestRefreshBoundsWhatItCounts(t *testing.T) {
	list := func(n int, element func(i int) string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = element(i)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	snap := func(i int) string { return fmt.Sprintf(`{"snap-id":"%d"}`, i) }
	refs := func(n int) string {
		return `{"action":"fetch-assertions","key":"k","assertions":` + list(n, func(int) string { return `{"type":"account","primary-key":["x"]}` }) + `}`
	}
	for name, tt := range map[string]struct {
		body string
		fits bool
	}{
		"context":             {`{"actions":[],"context":` + list(maxContext, snap) + `}`, true},
		"too large a context": {`{"actions":[],"context":` + list(maxContext+1, snap) + `}`, false},
		"too many actions":    {`{"context":[],"actions":` + list(maxActions+1, func(int) string { return `{}` }) + `}`, false},
		"too many fields":     {`{"context":[],"actions":[],"fields":` + list(maxFields+1, func(int) string { return `"x"` }) + `}`, false},
		"group":               {`{"context":[],"actions":[` + refs(maxGroupRefs) + `]}`, true},
		"too large a group":   {`{"context":[],"actions":[` + refs(maxGroupRefs+1) + `]}`, false},
		"too many references": {`{"context":[],"actions":` + list(maxAssertionRefs/maxGroupRefs+1, func(int) string { return refs(maxGroupRefs) }) + `}`, false},
		"too many formats": {`{"context":[],"actions":[],"assertion-max-formats":{` +
			strings.Trim(list(maxMaxFormats+1, func(i int) string { return fmt.Sprintf(`"t%d":1`, i) }), "[]") + `}}`, false},
	} {
		if err := parseRefresh(tt.body, new(refreshRequest)); (err == nil) != tt.fits {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefreshRefusesActionsThatCannotBeToldApart(t *testing.T) {
	w := newWorld(t)
	for code, actions := range map[string]string{
		"missing-instance-key":           `{"action":"install","name":"hello"}`,
		"instance-key-not-unique":        install("hello") + "," + install("tracky"),
		"missing-context":                refreshOf(helloID),
		"missing-fetch-assertions-key":   `{"action":"fetch-assertions","assertions":[]}`,
		"duplicate-fetch-assertions-key": `{"action":"fetch-assertions","key":"k"},{"action":"fetch-assertions","key":"k"}`,
		"api-error":                      install("hello") + `,{"action":"refresh-all"}`,
	} {
		got := w.post("/v2/snaps/refresh", `{"context":[],"actions":[`+actions+`]}`, deviceHeaders...)
		if got.Code != 400 || listCode(t, got) != code {
			t.Errorf("%s: %d %s", code, got.Code, got.Body)
		}
	}
	groups := make([]string, maxGroups+1)
	for i := range groups {
		groups[i] = fmt.Sprintf(`{"action":"fetch-assertions","key":"%d"}`, i)
	}
	if got := w.post("/v2/snaps/refresh", `{"context":[],"actions":[`+strings.Join(groups, ",")+`]}`, deviceHeaders...); got.Code != 400 {
		t.Error(got.Code)
	}
	noArch := w.post("/v2/snaps/refresh", `{"context":[],"actions":[`+install("hello")+`]}`)
	if noArch.Code != 400 || listCode(t, noArch) != "missing-header" {
		t.Error(noArch.Code, noArch.Body)
	}
}

// endless is a body that never stops.
type endless struct{ piece string }

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.piece)
	}
	return n, nil
}

func TestHostileBodiesCostBoundedMemory(t *testing.T) {
	w := newWorld(t)
	for name, tt := range map[string]struct {
		body io.Reader
		code int
	}{
		"endless":        {io.MultiReader(strings.NewReader(`{"context":[`), endless{`{},`}), 413},
		"a gigabyte":     {io.LimitReader(endless{" "}, 1<<30), 413},
		"deep":           {strings.NewReader(strings.Repeat(`{"a":`, 1<<19)), 400},
		"many contexts":  {strings.NewReader(`{"context":[` + strings.Repeat(`{"snap-id":"x"},`, 200_000)), 400},
		"many actions":   {strings.NewReader(`{"actions":[` + strings.Repeat(`{},`, 1_000_000)), 400},
		"many strangers": {strings.NewReader(`{"x":[` + strings.Repeat(`[],`, 1_000_000)), 400},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v2/snaps/refresh", tt.body)
		r.Header.Set("Snap-Device-Architecture", "amd64")
		got := httptest.NewRecorder()
		w.api.ServeHTTP(got, r)
		runtime.ReadMemStats(&after)
		if got.Code != tt.code {
			t.Errorf("%s: %d %.200s", name, got.Code, got.Body)
		}
		// The buffer doubles until it holds the limit, which the race detector
		// makes cost twice.
		if used := after.TotalAlloc - before.TotalAlloc; used > 10*maxRefreshBody {
			t.Errorf("%s: %d MiB were allocated", name, used>>20)
		}
	}
}

// FuzzRefreshRequest holds the reader to encoding/json: what it takes is JSON,
// and it never fails in another way than with an error a client may see.
func TestASmallRequestCannotAskForAHugeAnswer(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("x", 64<<10)
	_, err := w.catalog.ChangePackage(t.Context(), operator, store.Snap, "hello", catalog.PackageChange{Description: &long})
	w.must(err)
	var installs, snaps strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&installs, `,{"action":"install","instance-key":"%d","name":"hello"}`, i)
		fmt.Fprintf(&snaps, `,{"snap_id":"%s"}`, helloID)
	}
	for path, body := range map[string]string{
		"/v2/snaps/refresh":      `{"context":[],"fields":["description"],"actions":[` + installs.String()[1:] + `]}`,
		"/api/v1/snaps/metadata": `{"fields":["description"],"snaps":[` + snaps.String()[1:] + `]}`,
	} {
		if r := w.post(path, body, deviceHeaders...); r.Code != 413 || !strings.Contains(r.Body.String(), "ask for fewer") {
			t.Errorf("%s: %d, %d bytes: %.200s", path, r.Code, r.Body.Len(), r.Body)
		}
	}
}

func TestAStreamHoldsEachAssertionOnce(t *testing.T) {
	w := newWorld(t)
	r := w.get(streamPath + "?" + strings.Repeat("assertion=account/dev&", maxStreamRefs))
	if list := stream(t, r.Body); len(list) != 1 {
		t.Errorf("%d: %d assertions, want 1", r.Code, len(list))
	}
}

func FuzzRefreshRequest(f *testing.F) {
	f.Add(benchRequest())
	f.Add(`{"context":[` + have(helloID, 7, `,"held":{"by":["system"]},"validation-sets":[["16","a","b","1"]],"cohort-key":"k"`) + `],"actions":[{"action":"refresh-all"}]}`)
	f.Add(`{"context":[],"actions":[{"action":"install","instance-key":"i","name":"tool","epoch":null,"revision":3,"ignore-validation":true}],"fields":["name"],"x":[1.5e+9,{"a":null},true]}`)
	f.Add(`{"context":[],"actions":[{"action":"fetch-assertions","key":"k","assertions":[{"type":"validation-set","sequence-key":["16","a","n"],"if-sequence-equal-or-newer-than":2,"if-newer-than":0}]}],"assertion-max-formats":{"snap-declaration":7}}`)
	f.Add(`{"context":[{"snap-id":"\u00e9\ud83d\ude00\n","epoch":"1*"}],"actions":[]}`)
	f.Fuzz(func(t *testing.T, body string) {
		var q refreshRequest
		err := parseRefresh(body, &q)
		if err != nil {
			if store.KindOf(err) != store.KindInvalid {
				t.Fatal(err)
			}
			return
		}
		if !json.Valid([]byte(body)) {
			t.Fatalf("took %q, which is not JSON", body)
		}
		if len(q.context) > maxContext || len(q.actions) > maxActions {
			t.Fatal("took more than it may")
		}
		for _, s := range q.context {
			if !json.Valid(wire.AppendString(nil, s.instanceKey)) {
				t.Fatalf("%q does not survive", s.instanceKey)
			}
		}
	})
}
