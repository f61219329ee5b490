package catalog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/store"
)

func stageBytes(t testing.TB, blobs blob.Store, content []byte) blob.Staged {
	t.Helper()
	staged, err := blobs.Stage(t.Context(), bytes.NewReader(content), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(staged.Discard)
	return staged
}

// incomingCharm stages a charm or bundle and reads it.
func (h *house) incomingCharm(t testing.TB, content []byte) IncomingCharm {
	t.Helper()
	staged := stageBytes(t, h.blobs, content)
	info, err := inspect.Charm(t.Context(), staged, int64(len(content)), inspect.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	more, err := blob.MoreDigests(t.Context(), io.NewSectionReader(staged, 0, int64(len(content))))
	if err != nil {
		t.Fatal(err)
	}
	return IncomingCharm{Source: info.Name + ".charm", Staged: staged, More: more, Info: info}
}

func (h *house) incomingFile(t testing.TB, charm, name, content string) IncomingResource {
	t.Helper()
	return IncomingResource{Source: name + ".bin", Charm: charm, Name: name, Staged: stageBytes(t, h.blobs, []byte(content))}
}

// taking is a charm that needs a file and can do without another.
func taking(name string) charmbuild.Spec {
	return small(name, "resources: {tool: {type: file, filename: t}, extra: {type: file, filename: e, optional: true}}\n")
}

func TestPushedCharmsAreRegisteredNumberedAndReleased(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		push := func(channels ...string) CharmOutcome {
			t.Helper()
			out, err := h.PushCharms(t.Context(), operator, IncomingCharms{
				Charms: []IncomingCharm{
					h.incomingCharm(t, charmtest.CharmBytes(t, taking("pantry"))),
					h.incomingCharm(t, charmtest.BundleBytes(t, charmtest.BundleYAML)),
				},
				Resources: []IncomingResource{h.incomingFile(t, "pantry", "tool", "a tool")},
				Channels:  channelsOf(t, channels...), Register: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		out := push("edge", "2.0/stable")
		if len(out.Pushed) != 3 || !out.Pushed[0].Registered || !out.Pushed[1].New || out.Pushed[2].Resource != "tool" || out.Pushed[2].Revision != 1 {
			t.Fatalf("%+v", out.Pushed)
		}
		if len(out.Released) != 6 { // two bases and the bundle, to two channels
			t.Errorf("%+v", out.Released)
		}
		for _, r := range out.Released {
			tool := slices.Equal(r.Resources, []store.ResourcePin{{Name: "tool", Revision: 1}})
			if r.PackageID == out.Pushed[0].PackageID != tool {
				t.Errorf("released with %v", r.Resources)
			}
		}
		pkg, err := h.packageNamed(t, "kitchen")
		if err != nil || pkg.Type != store.TypeBundle || pkg.PublisherID != "own" {
			t.Errorf("%+v, %v", pkg, err)
		}
		rev := h.revisionAt(t, out.Pushed[0].PackageID, 1)
		if rev.Status != store.StatusApproved || len(rev.SHA384) != 96 || len(rev.SHA512) != 128 || rev.Version != "1" {
			t.Errorf("%+v", rev)
		}
		since := h.seq(t)
		if again := push("edge", "2.0/stable"); again.Changed() || again.Pushed[0].Revision != 1 || h.seq(t) != since {
			t.Errorf("the same again: %+v", again)
		}
		// Released further without its resource, a charm takes the newest there is.
		more, err := h.PushCharms(t.Context(), operator, IncomingCharms{
			Charms: []IncomingCharm{h.incomingCharm(t, charmtest.CharmBytes(t, taking("pantry")))}, Channels: channelsOf(t, "beta"),
		})
		if err != nil || len(more.Released) != 2 || more.Released[0].Resources[0].Revision != 1 {
			t.Errorf("%+v, %v", more, err)
		}
	})
}

func (h *house) packageNamed(t testing.TB, name string) (pkg *store.Package, err error) {
	t.Helper()
	err = h.db.View(t.Context(), func(tx *db.Tx) (err error) {
		pkg, err = tx.PackageByName(store.Charm, name)
		return err
	})
	return pkg, err
}

func TestAPushOfCharmsHealsLostBytes(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	push := func() CharmOutcome {
		out, err := h.PushCharms(t.Context(), operator, IncomingCharms{
			Charms:    []IncomingCharm{h.incomingCharm(t, charmtest.CharmBytes(t, taking("pantry")))},
			Resources: []IncomingResource{h.incomingFile(t, "pantry", "tool", "a tool")}, Register: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, p := range push().Pushed {
		if err := h.blobs.Delete(t.Context(), p.blob, h.now().AddDate(1, 0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	out := push()
	for _, p := range out.Pushed {
		if !p.Healed || p.New {
			t.Errorf("%+v", p)
		}
		if _, err := h.blobs.Stat(t.Context(), p.blob); err != nil {
			t.Error(err)
		}
	}
	if !out.Changed() {
		t.Error("healing is a change")
	}
}

// What is refused leaves nothing, also of what came with it and was fine.
func TestAPushOfCharmsThatIsRefusedLeavesNothing(t *testing.T) {
	good := charmtest.CharmBytes(t, small("fine", ""))
	for _, tt := range []struct {
		name, code string
		charm      []byte
		in         func(h *house) IncomingCharms
	}{
		{"a name that nobody has", "name-not-registered", charmtest.CharmBytes(t, small("pantry", "")), func(h *house) IncomingCharms { return IncomingCharms{} }},
		{"a reserved name", CodeReservedName, charmtest.CharmBytes(t, small("libraries", "")), func(h *house) IncomingCharms { return IncomingCharms{Register: true} }},
		{"a needed resource that is not here", "missing-resources", charmtest.CharmBytes(t, taking("pantry")), func(h *house) IncomingCharms {
			return IncomingCharms{Register: true, Channels: channelsOf(t, "edge")}
		}},
		{"a resource that it does not declare", "resource-not-found", charmtest.CharmBytes(t, taking("pantry")), func(h *house) IncomingCharms {
			return IncomingCharms{Register: true, Resources: []IncomingResource{h.incomingFile(t, "pantry", "other", "x")}}
		}},
		{"a resource of another charm", "unknown-charm", charmtest.CharmBytes(t, taking("pantry")), func(h *house) IncomingCharms {
			return IncomingCharms{Register: true, Resources: []IncomingResource{h.incomingFile(t, "cellar", "tool", "x")}}
		}},
		{"a file for an image", "wrong-resource-type", charmtest.CharmBytes(t, small("pantry", "resources: {tool: {type: oci-image}}\n")), func(h *house) IncomingCharms {
			return IncomingCharms{Register: true, Resources: []IncomingResource{h.incomingFile(t, "pantry", "tool", "x")}}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			h.ownRoot(t)
			in := tt.in(h)
			if in.Register {
				in.Charms = append(in.Charms, h.incomingCharm(t, good))
			}
			in.Charms = append(in.Charms, h.incomingCharm(t, tt.charm))
			_, err := h.PushCharms(t.Context(), operator, in)
			wantCode(t, err, tt.code)
			h.nothing(t)
		})
	}
	t.Run("a type that the name is not for", func(t *testing.T) {
		h := newHouse(t)
		alice := h.person(t, "alice", store.RolePublisher)
		h.charmed(t, alice, Registration{Name: "kitchen", Type: store.TypeCharm})
		_, err := h.PushCharms(t.Context(), operator, IncomingCharms{Charms: []IncomingCharm{h.incomingCharm(t, charmtest.BundleBytes(t, charmtest.BundleYAML))}})
		wantCode(t, err, "wrong-type")
	})
	t.Run("a store without a root registers nothing", func(t *testing.T) {
		h := newHouse(t)
		_, err := h.PushCharms(t.Context(), operator, IncomingCharms{Charms: []IncomingCharm{h.incomingCharm(t, good)}, Register: true})
		wantCode(t, err, "no-authority")
		h.nothing(t)
	})
	t.Run("somebody who may not", func(t *testing.T) {
		h := newHouse(t)
		alice := h.person(t, "alice", store.RolePublisher)
		_, err := h.PushCharms(t.Context(), alice, IncomingCharms{Charms: []IncomingCharm{h.incomingCharm(t, good)}, Register: true})
		if store.KindOf(err) != store.KindForbidden {
			t.Errorf("%v", err)
		}
		h.nothing(t)
	})
}

// Of any number that push the same at once, one makes the revision and the others
// find it.
func TestPushesOfOneCharmAtOnceMakeOneRevision(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		content := charmtest.CharmBytes(t, taking("pantry"))
		var pushing sync.WaitGroup
		made := make(chan PushedCharm, 8)
		for i := range 4 {
			node := h.Catalog
			if i%2 == 1 {
				node = h.neighbour(t)
			}
			in := IncomingCharms{
				Charms: []IncomingCharm{h.incomingCharm(t, content)}, Register: true, Channels: channelsOf(t, "edge"),
				Resources: []IncomingResource{h.incomingFile(t, "pantry", "tool", fmt.Sprint("tool", i/2))},
			}
			pushing.Go(func() {
				out, err := node.PushCharms(t.Context(), operator, in)
				if err != nil {
					t.Error(err)
					return
				}
				for _, p := range out.Pushed {
					made <- p
				}
			})
		}
		pushing.Wait()
		close(made)
		fresh := 0
		for p := range made {
			if p.Resource == "" {
				if p.Revision != 1 {
					t.Errorf("revision %d", p.Revision)
				}
				if p.New {
					fresh++
				}
			}
		}
		if fresh != 1 {
			t.Errorf("%d were new", fresh)
		}
	})
}

// unstorable is staged bytes whose commit fails, as on a disk that is full.
type unstorable struct{ blob.Staged }

func (unstorable) Commit(context.Context) error { return blob.ErrNoSpace }

// Bytes come before rows: where some cannot be kept, nothing is seen of the rest,
// and the same push succeeds later.
func TestAPushOfCharmsWhoseBytesCannotBeKeptShowsNothing(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	in := func() IncomingCharms {
		return IncomingCharms{
			Charms:    []IncomingCharm{h.incomingCharm(t, charmtest.CharmBytes(t, taking("pantry")))},
			Resources: []IncomingResource{h.incomingFile(t, "pantry", "tool", "a tool")},
			Channels:  channelsOf(t, "edge"), Register: true,
		}
	}
	since := h.seq(t)
	broken := in()
	broken.Resources[0].Staged = unstorable{broken.Resources[0].Staged}
	_, err := h.PushCharms(t.Context(), operator, broken)
	wantCode(t, err, "no-space")
	if _, err := h.packageNamed(t, "pantry"); store.KindOf(err) != store.KindNotFound || h.seq(t) != since {
		t.Errorf("something is seen: %v, %v", err, h.kinds(t, since))
	}
	out, err := h.PushCharms(t.Context(), operator, in())
	if err != nil || !out.Pushed[0].New || !out.Pushed[1].New || len(out.Released) != 2 {
		t.Errorf("%+v, %v", out, err)
	}
}
