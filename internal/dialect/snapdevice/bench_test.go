package snapdevice

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

// warm is a catalog that has everything in memory and decides nothing, so
// that what is measured is the dialect.
type warm struct {
	Catalog
	byID    map[string]*catalog.Snapshot
	account *assertion.Assertion
}

func (c *warm) Resolve(_ context.Context, _ catalog.Asker, _ store.Namespace, wishes []catalog.Wish) ([]catalog.Answer, error) {
	answers := make([]catalog.Answer, len(wishes))
	for i := range wishes {
		s := c.byID[wishes[i].Ref.ID]
		answers[i] = catalog.Answer{Snapshot: s, Choice: store.Choice{
			Revision: s.Facts.Revisions[2], Effective: store.Channel{Track: store.LatestTrack},
		}}
	}
	return answers, nil
}

const benchSnaps = 10

func newWarm() *warm {
	c := &warm{byID: make(map[string]*catalog.Snapshot)}
	for n := range benchSnaps {
		id := assertiontest.SnapID(n)
		rev := &store.Revision{
			PackageID: id, Number: 2, Status: store.StatusApproved, Version: "2.0", Size: 123456789,
			CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Platforms: []store.Platform{{Architecture: "amd64"}},
			Manifest: "name: bench\nversion: '2.0'\nsummary: A snap\ndescription: |\n" + strings.Repeat("  A line of the description.\n", 20) +
				"apps:\n" + strings.Repeat("  app:\n    command: bin/app\n    plugs: [home, network]\n", 10),
			Meta: store.Meta{Type: "app", Base: "core24", Confinement: "strict", Grade: "stable", Summary: "A snap",
				Description: strings.Repeat("A line of the description.\n", 20), License: "Apache-2.0",
				Links: map[string][]string{"website": {"https://example.org"}}, CommonIDs: []string{"org.example.app"}},
		}
		c.byID[id] = &catalog.Snapshot{Facts: &store.Facts{
			Package: store.Package{ID: id, Namespace: store.Snap, Name: fmt.Sprintf("bench-%d", n), StoreID: store.GlobalStore,
				Publisher:  store.Account{ID: "dev", Username: "dev", DisplayName: "Developer", Validation: "verified"},
				Categories: []store.Category{{Name: "utilities"}}},
			Revisions: map[int]*store.Revision{2: rev},
		}}
	}
	return c
}

// snapdFields are what snapd asks for on refresh.
var snapdFields = func() []string {
	var names []string
	for _, f := range snapFields {
		if f.name != "channel" && f.name != "grade" && f.name != "unlisted" {
			names = append(names, f.name)
		}
	}
	return names
}()

func benchRequest() string {
	var context, actions []string
	for n := range benchSnaps {
		id := assertiontest.SnapID(n)
		context = append(context, have(id, 1, `,"refreshed-date":"2026-01-02T03:04:05Z"`))
		actions = append(actions, refreshOf(id))
	}
	fields, _ := json.Marshal(snapdFields)
	return fmt.Sprintf(`{"context":[%s],"actions":[%s],"fields":%s}`, strings.Join(context, ","), strings.Join(actions, ","), fields)
}

// The types that the bare peer decodes into and encodes from: one a
// programmer would write who has nothing to look up.
type (
	bareEpoch struct {
		Read  []uint32 `json:"read"`
		Write []uint32 `json:"write"`
	}
	bareRequest struct {
		Context []struct {
			SnapID          string     `json:"snap-id"`
			InstanceKey     string     `json:"instance-key"`
			Revision        int        `json:"revision"`
			TrackingChannel string     `json:"tracking-channel"`
			Epoch           *bareEpoch `json:"epoch"`
			RefreshedDate   time.Time  `json:"refreshed-date"`
		} `json:"context"`
		Actions []struct {
			Action      string `json:"action"`
			InstanceKey string `json:"instance-key"`
			SnapID      string `json:"snap-id"`
		} `json:"actions"`
		Fields []string `json:"fields"`
	}
	bareSnap struct {
		Categories    []store.Category    `json:"categories"`
		Contact       *string             `json:"contact"`
		Description   string              `json:"description"`
		License       string              `json:"license"`
		Links         map[string][]string `json:"links"`
		Media         []struct{}          `json:"media"`
		Name          string              `json:"name"`
		Prices        map[string]string   `json:"prices"`
		Private       bool                `json:"private"`
		Publisher     map[string]string   `json:"publisher"`
		SnapID        string              `json:"snap-id"`
		StoreURL      *string             `json:"store-url"`
		Summary       string              `json:"summary"`
		Title         string              `json:"title"`
		Website       *string             `json:"website"`
		Architectures []string            `json:"architectures"`
		Base          *string             `json:"base"`
		CommonIDs     []string            `json:"common-ids"`
		Confinement   string              `json:"confinement"`
		CreatedAt     string              `json:"created-at"`
		Epoch         bareEpoch           `json:"epoch"`
		Integrity     []struct{}          `json:"integrity"`
		Revision      int                 `json:"revision"`
		SnapYAML      string              `json:"snap-yaml"`
		Type          string              `json:"type"`
		Version       string              `json:"version"`
		Download      struct {
			URL    string     `json:"url"`
			Size   int64      `json:"size"`
			SHA3   string     `json:"sha3-384"`
			Deltas []struct{} `json:"deltas"`
		} `json:"download"`
		Resources []struct{} `json:"resources"`
	}
	bareResponse struct {
		Results []struct {
			Result           string   `json:"result"`
			InstanceKey      string   `json:"instance-key"`
			SnapID           string   `json:"snap-id"`
			Name             string   `json:"name"`
			EffectiveChannel string   `json:"effective-channel"`
			Snap             bareSnap `json:"snap"`
		} `json:"results"`
		ErrorList []struct{} `json:"error-list"`
	}
)

// BenchmarkRefresh10 measures a warm refresh of ten snaps beside a handler
// that only decodes the same request and encodes the same answer.
func BenchmarkRefresh10(b *testing.B) {
	ours := New(Options{Catalog: newWarm()})
	body := benchRequest()
	serve := func(h http.Handler) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/v2/snaps/refresh", strings.NewReader(body))
		for i := 0; i < len(deviceHeaders); i += 2 {
			r.Header.Set(deviceHeaders[i], deviceHeaders[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	first := serve(ours)
	var answer bareResponse
	if err := json.Unmarshal(first.Body.Bytes(), &answer); err != nil || first.Code != 200 {
		b.Fatal(first.Code, err)
	}
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			b.Error(err)
		}
		var q bareRequest
		if err := json.Unmarshal(text, &q); err != nil {
			b.Error(err)
		}
		out, err := json.Marshal(&answer)
		if err != nil {
			b.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(out)
	})
	if got := serve(bare).Body.Len(); math.Abs(float64(got-first.Body.Len())) > 0.01*float64(got) {
		b.Fatalf("the peer answers %d bytes, we %d", got, first.Body.Len())
	}
	beside(b, serve, bare, ours)
}

// beside measures two handlers in turn, so that whatever else the machine does
// weighs on both, and says how many requests of ours fit into one of the bare
// one's.
func beside(b *testing.B, serve func(http.Handler) *httptest.ResponseRecorder, bare, ours http.Handler) {
	var bareTime, ourTime time.Duration
	for b.Loop() {
		start := time.Now()
		serve(bare)
		middle := time.Now()
		serve(ours)
		bareTime += middle.Sub(start)
		ourTime += time.Since(middle)
	}
	b.ReportMetric(float64(bareTime.Nanoseconds())/float64(b.N), "bare-ns/op")
	b.ReportMetric(float64(ourTime.Nanoseconds())/float64(b.N), "larder-ns/op")
	b.ReportMetric(float64(bareTime)/float64(ourTime), "ratio")
}

func (c *warm) Assertion(context.Context, assertion.Ref, int) (*assertion.Assertion, error) {
	return c.account, nil
}

// BenchmarkAssertion measures reading an assertion beside a handler that
// writes the same bytes.
func BenchmarkAssertion(b *testing.B) {
	c := newWarm()
	c.account = assertiontest.NewRoot(b, "rooty", assertiontest.RootKey).Account
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/assertions/{type}/{key...}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentAssertion)
		w.Header().Set("Content-Length", fmt.Sprint(len(c.account.Encoded())))
		w.Write(c.account.Encoded())
	})
	get := func(h http.Handler) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/v2/assertions/account/rooty?max-format=0", nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	ours := New(Options{Catalog: c})
	if got := get(ours); got.Code != 200 {
		b.Fatal(got.Code, got.Body)
	}
	beside(b, get, mux, ours)
}

// BenchmarkNames measures what one name of a long list costs, in time and
// memory.
func BenchmarkNames(b *testing.B) {
	const names = 100_000
	c := &long{warm: newWarm(), names: names}
	h := New(Options{Catalog: c})
	b.ReportAllocs()
	for b.Loop() {
		w := &discard{header: http.Header{}}
		h.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/snaps/names", nil))
		b.SetBytes(w.written)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/names, "ns/name")
}

// long lists the same package many times.
type long struct {
	*warm
	names int
}

func (c *long) EachListed(_ context.Context, _ catalog.Asker, _ store.Namespace, _ catalog.FindQuery, yield func(catalog.Found) error) error {
	s := c.byID[assertiontest.SnapID(0)]
	for range c.names {
		if err := yield(catalog.Found{Snapshot: s, Choice: store.Choice{Revision: s.Facts.Revisions[2]}}); err != nil {
			return err
		}
	}
	return nil
}

// discard is a client that reads everything and keeps nothing.
type discard struct {
	header  http.Header
	written int64
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(p []byte) (int, error) {
	d.written += int64(len(p))
	return len(p), nil
}
