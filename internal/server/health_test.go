package server

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-store/larder/internal/store"
)

func well(context.Context) error { return nil }

func TestPingSaysTheVersion(t *testing.T) {
	w := httptest.NewRecorder()
	New(Options{Logger: discard(), Version: "1.2.3"}).ServeHTTP(w, httptest.NewRequest("GET", "/_status/ping", nil))
	if w.Code != 200 || w.Body.String() != "1.2.3\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestCheckSaysWhatIsNotWellAndNothingInternal(t *testing.T) {
	internal := errors.New("dial tcp 10.0.0.7: password authentication failed")
	s := New(Options{Logger: discard(), Checks: []Check{
		{"database", well},
		{"blobs", func(context.Context) error { return internal }},
		{"disk", func(context.Context) error {
			return store.Unavailablef("disk-full", "3 MiB of disk space are left").Because(internal)
		}},
		{"clock", func(context.Context) error { panic("at the disco") }},
	}})
	want := map[string]string{
		"database": "OK",
		"blobs":    "failed; the log says why",
		"disk":     "3 MiB of disk space are left",
		"clock":    "failed; the log says why",
	}

	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/_status/check", nil))
	text := "database: OK\nblobs: failed; the log says why\ndisk: 3 MiB of disk space are left\nclock: failed; the log says why\n"
	if w.Code != 500 || w.Body.String() != text {
		t.Errorf("%d %q, want 500 %q", w.Code, w.Body, text)
	}

	w = httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/_status/check", nil)
	r.Header.Set("Accept", "application/json")
	s.ServeHTTP(w, r)
	var got map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if w.Code != 500 || !maps.Equal(got, want) {
		t.Errorf("%d %v, want 500 %v", w.Code, got, want)
	}

	w = httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("HEAD", "/_status/check", nil))
	if w.Code != 500 {
		t.Errorf("HEAD: %d, want 500", w.Code)
	}
}

func TestCheckIsOKWhenAllIsWell(t *testing.T) {
	s := New(Options{Logger: discard(), Checks: []Check{
		{"database", well},
		DiskSpace(t.TempDir(), 1),
		Clock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), nil),
	}})
	for _, method := range []string{"GET", "HEAD"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, "/_status/check", nil))
		if w.Code != 200 {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
}

func TestAStuckCheckIsReportedAndNotPiledUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		release := make(chan struct{})
		h := newHealth([]Check{{"blobs", func(context.Context) error {
			runs.Add(1)
			<-release
			return nil
		}}}, 5*time.Second, discard())

		begin := time.Now()
		if got := h.run()[0].text; got != "no answer within 5s" {
			t.Errorf("first: %q", got)
		}
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("took %s, want the timeout of 5s", took)
		}
		<-time.After(2 * resultsLast)
		if got := h.run()[0].text; got != "no answer yet" || runs.Load() != 1 {
			t.Errorf("second: %q after %d runs, want one run", got, runs.Load())
		}
		close(release)
		synctest.Wait()
		<-time.After(2 * resultsLast)
		if got := h.run()[0].text; got != checkOK {
			t.Errorf("third: %q", got)
		}
	})
}

func TestAskingOftenRunsTheChecksOncePerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		h := newHealth([]Check{{"database", func(context.Context) error { runs.Add(1); return nil }}}, time.Second, discard())
		for range 100 {
			h.run()
		}
		<-time.After(resultsLast)
		h.run()
		if runs.Load() != 2 {
			t.Errorf("%d runs, want 2", runs.Load())
		}
	})
}

func TestDiskSpaceFailsBelowTheLimit(t *testing.T) {
	err := DiskSpace(t.TempDir(), math.MaxUint64).Run(t.Context())
	if store.CodeOf(err) != "disk-full" || !strings.Contains(err.Error(), "MiB of disk space are left") {
		t.Errorf("error %v, want disk-full", err)
	}
	if err := DiskSpace(t.TempDir()+"/nowhere", 1).Run(t.Context()); err == nil || store.CodeOf(err) != "" {
		t.Errorf("error %v, want one for the log only", err)
	}
}

func TestAClockInThePastIsFound(t *testing.T) {
	built := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	recorded := built.Add(240 * time.Hour)
	tests := []struct {
		name string
		now  time.Time
		want string // part of the error; none if empty
	}{
		{"after all", recorded.Add(time.Hour), ""},
		{"a little behind the record", recorded.Add(-time.Second), ""},
		{"an hour behind the record", recorded.Add(-time.Hour), "the store has been written to at 2026-11-11T00:00:00Z"},
		{"before the build", built.Add(-time.Second), "before this program was built"},
	}
	for _, tt := range tests {
		check := clock(func() time.Time { return tt.now }, built, func(context.Context) (time.Time, error) { return recorded, nil })
		err := check.Run(t.Context())
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}
