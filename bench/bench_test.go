package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMain is the bare peer when the benchmarks start it.
func TestMain(m *testing.M) {
	if file := os.Getenv(bareVariable); file != "" {
		if err := serveBare(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// small is just enough to show that everything works; its figures mean nothing.
var small = sizes{
	rounds: 1, turn: 20 * time.Millisecond, conns: 2,
	blob: 1 << 20, push: 2 << 20, pushPeak: 4 << 20,
	uploads: 3, upload: 2 << 20, snaps: 2, charms: 3, sessions: 4, logins: 2,
	starts: 2, idle: time.Millisecond,
	few: 100, many: 300, asks: 10,
	layers: []int64{1 << 10, 1 << 20}, piece: 256 << 10, pulls: 1,
}

func TestEveryBenchmarkMeasuresBothSides(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil { // Debian keeps it off a user's PATH
		t.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin")
	}
	b := &lab{dir: t.TempDir(), sizes: small, note: t.Logf}
	var err error
	if b.cores, err = availableCores(); err != nil {
		t.Fatal(err)
	}
	if b.binary, err = buildLarder(t.Context(), b.dir); err != nil {
		t.Fatal(err)
	}
	for _, bench := range benchmarks {
		t.Run(bench.name, func(t *testing.T) {
			rows, err := b.all(t.Context(), regexp.MustCompile("^"+bench.name+"$"))
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) == 0 {
				t.Error("no rows")
			}
			for _, r := range rows {
				if r.what == "" || r.larder == "" || r.peer == "" || r.beside == "" || r.ratio < 0 || r.ratio > 1e6 {
					t.Errorf("an implausible row: %+v", r)
				}
			}
		})
	}
}

func TestARatioIsTheMedianOfItsRounds(t *testing.T) {
	side := func(requests ...int) func() (sample, error) {
		i := 0
		return func() (sample, error) {
			s := sample{requests: requests[i], wall: time.Second}
			i++
			return s, nil
		}
	}
	// The first turn of each warms up; one round is disturbed.
	r, err := alternate(3, side(999, 80, 8, 90), side(1, 100, 100, 100))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.ratio(sample.requestsPerSecond); got != 0.8 {
		t.Errorf("ratio %v, want 0.8", got)
	}
}

func TestSidesTakeTurnsInBeginning(t *testing.T) {
	var order strings.Builder
	side := func(name string) func() (sample, error) {
		return func() (sample, error) {
			order.WriteString(name)
			return sample{requests: 1, wall: 1}, nil
		}
	}
	if _, err := alternate(3, side("l"), side("p")); err != nil {
		t.Fatal(err)
	}
	if order.String() != "lp"+"pl"+"lp"+"pl" {
		t.Errorf("order %s", order.String())
	}
}

func TestPercentiles(t *testing.T) {
	list := []int{5, 1, 4, 2, 3}
	for p, want := range map[int]int{1: 1, 20: 1, 50: 3, 80: 4, 99: 5, 100: 5} {
		if got := percentile(list, p); got != want {
			t.Errorf("p%d is %d, want %d", p, got, want)
		}
	}
	if got := percentile([]int(nil), 50); got != 0 {
		t.Errorf("of nothing: %d, want 0", got)
	}
}

func TestGoalsAreFloorsOrCeilings(t *testing.T) {
	tests := []struct {
		goal  goal
		ratio float64
		want  string
	}{
		{goal{atLeast: 0.8}, 0.8, "met"},
		{goal{atLeast: 0.8}, 0.79, "missed"},
		{goal{atMost: 1.3}, 1.3, "met"},
		{goal{atMost: 1.3}, 1.31, "missed"},
		{goal{}, 0, ""},
	}
	for _, tt := range tests {
		if got := tt.goal.verdict(tt.ratio); got != tt.want {
			t.Errorf("%v of goal %s is %q, want %q", tt.ratio, tt.goal, got, tt.want)
		}
	}
}

func TestClonesHaveIdsOfTheirOwn(t *testing.T) {
	seen := make(map[string]bool)
	wellFormed := regexp.MustCompile(`^[0-9A-F]{32}$`)
	for n := range 100_000 {
		id := cloneID(n)
		if seen[id] || !wellFormed.MatchString(id) {
			t.Fatalf("clone %d has the id %q, which is not new or not an id", n, id)
		}
		seen[id] = true
	}
}

func TestALoadRefusesAnswersThatAreNotAsExpected(t *testing.T) {
	dir := t.TempDir()
	b := &lab{dir: dir, cores: cores{}}
	var err error
	if b.cores, err = availableCores(); err != nil {
		t.Fatal(err)
	}
	bare, err := b.startBare(t.Context(), bareSpec{ContentType: "text/plain", Body: []byte("hello")})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.stop()
	good := load{address: bare.address, request: always(httpRequest("GET", "/", nil)), conns: 2, requests: 3, status: 200, size: 5}
	s, err := good.run(t.Context())
	if err != nil || s.requests != 6 || s.bytes != 30 || len(s.latencies) != 6 {
		t.Errorf("%+v, %v; want 6 requests of 5 bytes", s, err)
	}
	for name, change := range map[string]func(*load){
		"status": func(l *load) { l.status = 206 },
		"size":   func(l *load) { l.size = 4 },
		"server": func(l *load) { l.address = filepath.Join(dir, "nowhere") },
	} {
		bad := good
		change(&bad)
		if _, err := bad.run(t.Context()); err == nil {
			t.Errorf("another %s: no error", name)
		}
	}
}
