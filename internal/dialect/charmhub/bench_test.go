package charmhub

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/store"
)

const benchCharms = 50

// The types that the bare peer decodes into and encodes from: one a programmer
// would write who has nothing to look up.
type (
	bareRequest struct {
		Context []struct {
			InstanceKey     string            `json:"instance-key"`
			ID              string            `json:"id"`
			Revision        int               `json:"revision"`
			Base            jujuBase          `json:"base"`
			TrackingChannel string            `json:"tracking-channel"`
			RefreshDate     time.Time         `json:"refresh-date"`
			Metrics         map[string]string `json:"metrics"`
		} `json:"context"`
		Actions []struct {
			Action      string `json:"action"`
			InstanceKey string `json:"instance-key"`
			ID          string `json:"id"`
		} `json:"actions"`
		Fields []string `json:"fields"`
	}
	bareDownload struct {
		URL    string `json:"url"`
		Size   int64  `json:"size"`
		SHA256 string `json:"hash-sha-256"`
		SHA384 string `json:"hash-sha-384"`
		SHA512 string `json:"hash-sha-512"`
		SHA3   string `json:"hash-sha3-384"`
	}
	bareResource struct {
		Name        string       `json:"name"`
		Type        string       `json:"type"`
		Revision    int          `json:"revision"`
		Filename    string       `json:"filename"`
		Description string       `json:"description"`
		CreatedAt   string       `json:"created-at"`
		Download    bareDownload `json:"download"`
	}
	bareCharm struct {
		Actions   string            `json:"actions-yaml"`
		Bases     []jujuBase        `json:"bases"`
		Config    string            `json:"config-yaml"`
		Download  bareDownload      `json:"download"`
		ID        string            `json:"id"`
		License   string            `json:"license"`
		Metadata  string            `json:"metadata-yaml"`
		Name      string            `json:"name"`
		Publisher map[string]string `json:"publisher"`
		Revision  int               `json:"revision"`
		Summary   string            `json:"summary"`
		Type      string            `json:"type"`
		Version   string            `json:"version"`
		Resources []bareResource    `json:"resources"`
	}
	bareAnswer struct {
		Results []struct {
			Result           string    `json:"result"`
			InstanceKey      string    `json:"instance-key"`
			ID               string    `json:"id"`
			Name             string    `json:"name"`
			EffectiveChannel string    `json:"effective-channel"`
			ReleasedAt       string    `json:"released-at"`
			Charm            bareCharm `json:"charm"`
		} `json:"results"`
		ErrorList []struct{} `json:"error-list"`
	}
)

// benchStore has charms with some texts and a resource each, and returns what a
// controller asks about all of them.
func benchStore(b *testing.B) (*world, string) {
	w := newWorld(b)
	var context, actions []string
	for n := range benchCharms {
		pkg := w.register(fmt.Sprintf("bench-%d", n), store.TypeCharm)
		rev := w.revision(pkg, pkg.Name, store.Revision{
			Manifest: "name: bench\nsummary: A charm\ndescription: |\n" + strings.Repeat("  A line of the description.\n", 20),
			Texts: map[string]string{
				store.TextConfig:  "options:\n" + strings.Repeat("  option: {type: string, default: \"a value\", description: What it is for}\n", 20),
				store.TextActions: strings.Repeat("action: {description: What it does}\n", 10),
			},
			Meta: store.Meta{Summary: "A charm", License: "Apache-2.0", Charm: &store.CharmMeta{
				Resources: []store.DeclaredResource{{Name: "data", Type: store.ResourceFile, Filename: "data.tgz", Description: "what it needs"}},
			}},
		})
		w.resource(pkg, "data", store.ResourceRevision{Name: "data"})
		w.release(pkg, rev, "latest/stable", "data=1")
		key := fmt.Sprintf("VGhpcyBpcyBhIGtleSB0aGF0IGlzIGFzIGxvbmcgYXMgYSA-%d", n)
		context = append(context, have(key, pkg.ID, 1, "latest/stable", noble))
		actions = append(actions, fmt.Sprintf(`{"action":"refresh","instance-key":%q,"id":%q}`, key, pkg.ID))
	}
	fields, err := json.Marshal(jujuRefreshFields)
	w.Must(err)
	return w, fmt.Sprintf(`{"context":[%s],"actions":[%s],"fields":%s}`, strings.Join(context, ","), strings.Join(actions, ","), fields)
}

// BenchmarkRefresh50 measures a warm refresh of fifty charms, the catalog included,
// beside a handler that only decodes the same request and encodes the same answer.
func BenchmarkRefresh50(b *testing.B) {
	w, body := benchStore(b)
	serve := func(h http.Handler) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/v2/charms/refresh", strings.NewReader(body))
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		return answer
	}
	first := serve(w.API)
	var answer bareAnswer
	if err := json.Unmarshal(first.Body.Bytes(), &answer); err != nil || first.Code != 200 || answer.Results[benchCharms-1].Charm.Metadata == "" {
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
	var bareTime, ourTime time.Duration
	for b.Loop() {
		start := time.Now()
		serve(bare)
		middle := time.Now()
		serve(w.API)
		bareTime += middle.Sub(start)
		ourTime += time.Since(middle)
	}
	b.ReportMetric(float64(bareTime.Nanoseconds())/float64(b.N), "bare-ns/op")
	b.ReportMetric(float64(ourTime.Nanoseconds())/float64(b.N), "larder-ns/op")
	b.ReportMetric(float64(bareTime)/float64(ourTime), "ratio")
}
