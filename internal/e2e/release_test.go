package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestTwoPublishersReleaseAtOnceThroughTwoServers makes a thousand releases of
// which no two are alike, ten to a request, and reads them back page by page.
func TestTwoPublishersReleaseAtOnceThroughTwoServers(t *testing.T) {
	const requests = 50
	channels := []string{"stable", "candidate", "beta", "edge", "edge/fix"}
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			n := newStore(t, p.make(t))
			dir := t.TempDir()
			for _, version := range []string{"1.0", "2.0"} {
				n.must("push-snap", writeSnap(t, filepath.Join(dir, version+".snap"), snapYAML("hello", version, "amd64, arm64")), "--register")
			}
			clients := map[string]*login{}
			tokens := map[string]string{}
			for _, name := range []string{"ann", "ben"} {
				n.with(password+"\n", "account", "create", name+"@example.com", "--username", name, "--role", "admin", "--password-stdin")
				var made struct {
					Token string `json:"token"`
				}
				n.ask(&made, "token", "create", name, "--permission", "package_release", "--permission", "package_access")
				clients[name], tokens[name] = &login{t: t, base: n.serve().url}, "Macaroon "+made.Token
			}

			release := func(l *login, token string, from float64, i int) error {
				body, err := json.Marshal(map[string]any{
					"name": "hello", "revision": 1 + i%2, "channels": channels,
					"progressive": map[string]any{"percentage": from + float64(i)/10, "paused": false},
				})
				if err != nil {
					return err
				}
				if status, v := l.do("POST", "/dev/api/snap-release/", token, body); status != http.StatusOK || v["success"] != true {
					return fmt.Errorf("request %d: %d %v", i, status, v)
				}
				return nil
			}
			var wg sync.WaitGroup
			for name, from := range map[string]float64{"ann": 1, "ben": 50} {
				wg.Go(func() {
					for i := range requests {
						if err := release(clients[name], tokens[name], from, i); err != nil {
							t.Errorf("%s: %v", name, err)
							return
						}
					}
				})
			}
			wg.Wait()

			seen := map[string]int{}
			whens := []string{}
			path := "/api/v2/snaps/hello/releases?page=1&size=300"
			for path != "" {
				status, page := clients["ann"].do("GET", path, tokens["ann"], nil)
				if status != http.StatusOK {
					t.Fatalf("%s: %d %v", path, status, page)
				}
				for _, r := range page["releases"].([]any) {
					r := r.(map[string]any)
					seen[fmt.Sprint(r["channel"], r["architecture"], r["progressive"].(map[string]any)["percentage"])]++
					whens = append(whens, r["when"].(string))
				}
				next, _ := page["_links"].(map[string]any)["next"].(string)
				path = next[max(0, strings.Index(next, "/api/v2/")):]
			}
			if len(whens) != 20*requests {
				t.Errorf("%d releases in the history, want %d", len(whens), 20*requests)
			}
			for _, from := range []float64{1, 50} {
				for i := range requests {
					for n := range 2 * len(channels) {
						key := fmt.Sprint("latest/"+channels[n/2], []string{"amd64", "arm64"}[n%2], from+float64(i)/10)
						if seen[key] != 1 {
							t.Fatalf("the release %s stands %d times in the history", key, seen[key])
						}
					}
				}
			}
			for i := 1; i < len(whens); i++ {
				if whens[i] > whens[i-1] {
					t.Errorf("%s stands after %s in a history that goes backwards", whens[i], whens[i-1])
				}
			}
		})
	}
}
