// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/testservice"
	"github.com/larder-store/larder/interop/harness"
)

// Two servers over one database and one blob store are one Charmhub: whichever
// juju asks, it sees what the other was given, and what pulls images from one
// pulls them from the other.
func TestNodesSeeEachOthersCharms(t *testing.T) {
	t.Parallel()
	first := harness.Start(t, harness.Place{DB: testservice.PostgreSQL(t), Blobs: testservice.S3(t)}, harness.Root())
	second := first.Node()
	second.Serve()
	image := harness.NewImage(t, "bread", "amd64", "arm64")
	var names []string // of the image, at each node
	var logins []harness.Login
	for i, here := range []*harness.Larder{first, second} {
		there := harness.NewJuju(t, []*harness.Larder{second, first}[i].URL)
		name := []string{"pantry", "lamp"}[i]
		spec := []func(string) string{
			func(v string) string { return charmFile(t, name, pantryCharm(v)) },
			func(v string) string {
				s := lampCharm()
				s.Version = v + "\n"
				return charmFile(t, name, s)
			},
		}[i]
		here.Run("push-charm", spec("1.0"), "--register", "--channel", "stable")
		current := func() jujuRefresh {
			t.Helper()
			var results []jujuRefresh
			there.Get(harness.JujuCall{Call: "refresh", Actions: []harness.JujuCall{deploying(name, "stable", jammy)}}, &results)
			if results[0].Error != nil {
				t.Fatalf("%s at the other node: %s", name, asJSON(results[0].Error))
			}
			return results[0]
		}
		// Both nodes have looked at the charm before it changes.
		same(t, "before the push", current().Entity.Revision, 1)
		here.Run("push-charm", spec("1.1"), "--channel", "stable")
		r := soon(t, current, func(r jujuRefresh) bool { return r.Entity.Revision == 2 })
		var f fetched
		there.Get(harness.JujuCall{Call: "download", URL: r.Entity.Download.URL, To: filepath.Join(t.TempDir(), name)}, &f)
		f.check(t, name, r.Entity.Download, true)
	}

	first.Run("push-charm", charmFile(t, "oven-k8s", ovenCharm()), "--register", "--channel", "stable",
		"--resource", "menu="+textFile(t, "menu.txt", "rye"), "--resource", "oven-image=oci:"+image.Dir)
	for _, node := range []*harness.Larder{first, second} {
		juju := harness.NewJuju(t, node.URL)
		var results []jujuRefresh
		juju.Get(harness.JujuCall{Call: "refresh", Actions: []harness.JujuCall{deploying("oven-k8s", "stable", jammy)}}, &results)
		same(t, "the oven's resources", resourcesOf(results[0]), []string{"menu file 1", "oven-image oci-image 1"})
		for _, res := range results[0].Entity.Resources {
			var f fetched
			juju.Get(harness.JujuCall{Call: "download-resource", URL: res.Download.URL}, &f)
			f.check(t, res.Name, res.Download, true)
			if res.Name == "oven-image" {
				var d ociDocument
				if err := json.Unmarshal([]byte(f.Text), &d); err != nil {
					t.Fatalf("the document is %s: %v", f.Text, err)
				}
				names, logins = append(names, d.ImageName), append(logins, d.login())
			}
		}
	}
	if logins[0] != logins[1] || !strings.HasSuffix(names[0], "@"+image.Digest) {
		t.Errorf("the nodes say %q and %q, and not the same password", names[0], names[1])
	}
	for i, name := range names {
		_, host, _ := strings.Cut([]*harness.Larder{first, second}[i].URL, "://")
		r := harness.NewRegistries(t, host)
		if out, err := r.Crane(host, logins[1-i], "validate", "--remote", name); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// soon asks again until an answer is as it should be.
func soon[T any](t *testing.T, ask func() T, good func(T) bool) T {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		answer := ask()
		if good(answer) {
			return answer
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it stays %s", asJSON(answer))
		}
	}
}
