// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/interop/harness"
)

// charmFlavours are the ways to log in and to publish charms.
var charmFlavours = []struct {
	name    string
	flavour string
	factor  bool
	pythons []string
}{
	{"gateway", "gateway", true, []string{"craft-store-3"}},
	{"Candid", "candid-gateway", false, []string{"craft-store-2", "craft-store-3"}},
}

// TestCharmPublishersClientsAgree publishes charms with every version of
// craft-store and with larder's SDK, and compares what they were told.
func TestCharmPublishersClientsAgree(t *testing.T) {
	for _, f := range charmFlavours {
		t.Run(f.name, func(t *testing.T) {
			made := publishing{
				Name:      "interop-oven",
				Resources: []string{textFile(t, "menu.txt", "rye"), textFile(t, "menu.txt", "rye and wheat")},
			}
			for _, version := range []string{"1.0", "2.0"} {
				made.Snaps = append(made.Snaps, charmFile(t, made.Name, publishedCharm(version)))
			}
			task := func(w *publisherWorld) publishing {
				p := w.task(f.flavour, f.factor, false, made.Snaps)
				p.Name, p.Resources = made.Name, made.Resources
				return p
			}
			told := make(map[string][]harness.Step)
			for _, python := range f.pythons {
				client := harness.FindPython(t, python)
				w := newPublisherWorld(t, client.Browser())
				task := task(w)
				told[python] = client.Drive(t, "drive_charms.py", task, task.env(filepath.Join(t.TempDir(), "seen")), w.charmOperator)
			}
			w := newPublisherWorld(t, harness.FindPython(t, "craft-store-3").Browser())
			want := w.driveCharms(task(w))
			checkRaised(t, "SDK", f.flavour, want)
			for python, steps := range told {
				checkRaised(t, python, f.flavour, steps)
				compareSteps(t, python, steps, want)
			}
		})
	}
}

// charmOperator is operator for a store of charms.
func (w *publisherWorld) charmOperator(what string) (line string) {
	w.t.Helper()
	if what != "guardrail" {
		return w.operator(what)
	}
	w.Run("package", "track", "guardrail", "charm/interop-oven", "--add", `[0-9]+\.0`)
	return ""
}

// publishedCharm is a charm with a file, for two bases.
func publishedCharm(version string) charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: `name: interop-oven
summary: Bakes
description: Bakes bread
resources:
  menu:
    type: file
    filename: menu.txt
    description: What it bakes
`,
		Bases:      []charmbuild.Base{ubuntu("22.04", "amd64", "arm64"), ubuntu("24.04", "amd64")},
		Charmcraft: "name: interop-oven\ntype: charm\n",
		Version:    version + "\n",
	}
}

// charms does the steps of python/drive_charms.py, with larder's SDK.
type charms struct {
	*sdk
	c *charmhub.Client
}

func (w *publisherWorld) driveCharms(p publishing) []harness.Step {
	w.t.Helper()
	d := &charms{sdk: &sdk{publishing: p, w: w, ctx: w.t.Context(), words: gatewayWords, seen: filepath.Join(w.t.TempDir(), "seen")}}
	d.c = &charmhub.Client{
		Endpoints: charmhub.At(p.URL), PollInterval: 100 * time.Millisecond,
		Credentials: &auth.Store{
			Application: sdkApplication, Host: auth.HostOf(p.URL), Backend: auth.File{Path: filepath.Join(w.t.TempDir(), "credentials.json")},
		},
	}
	d.client = d.c.Gateway()
	if p.Flavour == "gateway" {
		d.gatewaySteps()
		return d.steps
	}
	d.storeSteps()
	return d.steps
}

func (d *charms) storeSteps() {
	do(d.sdk, "whoami before login", d.whoami)
	login := auth.CandidLogin{Discharger: auth.Discharger{Interactors: []auth.Interactor{auth.Browser{Open: d.browse}}}}
	d.typed = map[string][]string{"login": {d.Email}, "password": {"not this one", d.Password}}
	do(d.sdk, "login", d.login(login))
	do(d.sdk, "login again", d.login(login))
	do(d.sdk, "whoami", d.whoami)
	d.publish()
	do(d.sdk, "logout", d.logout)
	do(d.sdk, "whoami after logout", d.whoami)
	do(d.sdk, "logout again", d.logout)
}

func (d *charms) register(name, kind string, private bool) func() (string, error) {
	return func() (string, error) {
		return d.c.RegisterName(d.ctx, charmhub.NameRequest{Name: name, Type: kind, Private: private})
	}
}

// to is a release with a revision of the resource, or with none.
func (d *charms) to(channel string, revision, resource int) charmhub.ReleaseRequest {
	r := charmhub.ReleaseTo(channel, revision)
	if resource != 0 {
		r.Resources = []snapstore.ResourceRelease{{Name: "menu", Revision: &resource}}
	}
	return r
}

func (d *charms) release(requests ...charmhub.ReleaseRequest) func() (string, error) {
	return func() (string, error) {
		_, err := d.c.Release(d.ctx, d.Name, requests...)
		return "released", err
	}
}

func (d *charms) releases() (charmhub.Releases, error) { return d.c.ListReleases(d.ctx, d.Name) }

func (d *charms) resourceRevisions() ([]charmhub.ResourceRevision, error) {
	return d.c.ListResourceRevisions(d.ctx, d.Name, "menu")
}

func (d *charms) update(revision int, architectures ...string) func() (int, error) {
	return func() (int, error) {
		return d.c.UpdateResourceRevisions(d.ctx, d.Name, "menu", charmhub.ResourceUpdate{
			Revision: revision, Bases: []charmhub.ResourceBase{{Architectures: architectures}},
		})
	}
}

func (d *charms) publish() {
	do(d.sdk, "register", d.register(d.Name, "charm", false))
	do(d.sdk, "register again", d.register(d.Name, "charm", false))
	do(d.sdk, "register a reserved name", d.register("libraries", "charm", false))
	do(d.sdk, "list names", d.names)
	d.uploads()
	do(d.sdk, "release without the resource", d.release(d.to("latest/edge", 1, 0)))
	do(d.sdk, "release", d.release(d.to("latest/edge", 1, 1)))
	do(d.sdk, "release to several", d.release(d.to("latest/edge", 2, 2), d.to("latest/beta", 1, 1), d.to("edge/fix", 2, 1)))
	do(d.sdk, "release of no revision", d.release(d.to("latest/edge", 99, 1)))
	do(d.sdk, "release of no resource", d.release(d.to("latest/edge", 1, 99)))
	do(d.sdk, "release to no channel", d.release(d.to("latest/bogus", 1, 1)))
	do(d.sdk, "list releases", d.releases)
	do(d.sdk, "close", func() (string, error) {
		_, err := d.c.Close(d.ctx, d.Name, "latest/beta")
		return "released", err
	})
	do(d.sdk, "list releases after closing", d.releases)
	do(d.sdk, "list revisions", func() ([]charmhub.Revision, error) { return d.c.ListRevisions(d.ctx, d.Name, nil) })
	do(d.sdk, "list resource revisions", d.resourceRevisions)
	do(d.sdk, "update a resource revision", d.update(1, "arm64", "amd64"))
	do(d.sdk, "update no resource revision", d.update(99, "arm64"))
	do(d.sdk, "list resource revisions after it", d.resourceRevisions)
}

func (d *charms) uploads() {
	review := func(statusURL string) func() (object, error) {
		return func() (object, error) {
			r, err := d.client.WaitForReview(d.ctx, statusURL, nil)
			return object{"status": r.Status, "revision": r.Revision, "errors": r.Errors}, err
		}
	}
	notify := func(id string) func() (string, error) {
		return func() (string, error) { return d.c.NotifyRevision(d.ctx, d.Name, id) }
	}
	for i, which := range []string{"first", "second"} {
		uploaded := do(d.sdk, "upload the "+which, func() (uploadAnswer, error) { return d.upload(d.Snaps[i]) })
		statusURL := do(d.sdk, "notify of the "+which, notify(uploaded.UploadID))
		do(d.sdk, "review of the "+which, review(statusURL))
	}
	for i, which := range []string{"first", "second"} {
		uploaded := do(d.sdk, "upload the "+which+" resource", func() (uploadAnswer, error) { return d.upload(d.Resources[i]) })
		statusURL := do(d.sdk, "push the "+which+" resource", func() (string, error) {
			return d.c.PushResource(d.ctx, d.Name, "menu", uploaded.UploadID, charmhub.ResourceOptions{Type: "file"})
		})
		do(d.sdk, "review of the "+which+" resource", review(statusURL))
	}
	do(d.sdk, "notify of no upload", notify("a0b1c2d3-0000-4000-8000-000000000000"))
}

func (d *charms) gatewaySteps() {
	c, ctx, name := d.c, d.ctx, d.Name
	do(d.sdk, "login with a wrong password", d.login(d.person(func(l *auth.UbuntuOneLogin) { l.Password = "not this one" })))
	d.wrongCodes(d.w.charmOperator)
	do(d.sdk, "login", d.login(d.person(nil)))
	do(d.sdk, "whoami", d.whoami)
	do(d.sdk, "register", d.register(name, "charm", false))
	do(d.sdk, "register again", d.register(name, "charm", false))
	do(d.sdk, "register a bundle", d.register(name+"-all", "bundle", true))
	metadata := func(name string) func() (charmhub.RegisteredName, error) {
		return func() (charmhub.RegisteredName, error) { return c.Metadata(ctx, name) }
	}
	do(d.sdk, "metadata", metadata(name))
	do(d.sdk, "metadata of nothing", metadata(name+"-nothing"))
	do(d.sdk, "list names", d.allNames)
	d.uploads()
	revisions := func(f *charmhub.RevisionsFilter) func() ([]charmhub.Revision, error) {
		return func() ([]charmhub.Revision, error) { return c.ListRevisions(ctx, name, f) }
	}
	do(d.sdk, "list charm revisions", revisions(nil))
	do(d.sdk, "list one charm revision", revisions(&charmhub.RevisionsFilter{Revision: 2}))
	do(d.sdk, "list charm revisions with the craft file", revisions(&charmhub.RevisionsFilter{IncludeCraftYAML: true}))
	d.w.charmOperator("guardrail")
	tracks := func(names ...string) func() (int, error) {
		return func() (int, error) {
			var requests []charmhub.TrackRequest
			for _, n := range names {
				requests = append(requests, charmhub.TrackRequest{Name: n})
			}
			made, err := c.CreateTracks(ctx, name, requests...)
			return len(made), err
		}
	}
	do(d.sdk, "create a track", tracks("1.0", "2.0"))
	do(d.sdk, "create a track again", tracks("1.0"))
	do(d.sdk, "create a track outside the guardrail", tracks("other"))
	release := func(requests ...charmhub.ReleaseRequest) func() ([]charmhub.ReleaseResult, error) {
		return func() ([]charmhub.ReleaseResult, error) { return c.Release(ctx, name, requests...) }
	}
	do(d.sdk, "release", release(d.to("latest/edge", 2, 2), d.to("1.0/stable", 1, 1)))
	do(d.sdk, "release without the resource", release(d.to("latest/edge", 1, 0)))
	do(d.sdk, "release of no revision", release(d.to("latest/edge", 99, 1)))
	do(d.sdk, "list releases", d.releases)
	do(d.sdk, "close", func() ([]charmhub.ReleaseResult, error) { return c.Close(ctx, name, "1.0/stable") })
	unregister := func(name string) func() (string, error) {
		return func() (string, error) { return c.UnregisterName(ctx, name) }
	}
	do(d.sdk, "unregister a published charm", unregister(name))
	do(d.sdk, "unregister", unregister(name+"-all"))
	do(d.sdk, "list names at the end", d.allNames)
	do(d.sdk, "logout", d.logout)
}

func (d *charms) allNames() ([]charmhub.RegisteredName, error) {
	found, err := d.c.ListNames(d.ctx, true)
	slices.SortFunc(found, func(a, b charmhub.RegisteredName) int { return strings.Compare(a.Name, b.Name) })
	return found, err
}
