package catalog

import (
	"slices"
	"strconv"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/store"
)

const withData = "components:\n  data:\n    type: standard\n"

func componentYAML(version string) string {
	return "component: hello+data\ntype: standard\nversion: \"" + version + "\"\nsummary: s\ndescription: d\n"
}

// pinned are the components that stand beside the snap in a channel.
func pinned(t *testing.T, h *house, ch string) []store.ResourcePin {
	t.Helper()
	answers, err := h.Resolve(t.Context(), Asker{}, store.Snap, []Wish{{
		Ref:   store.Ref{Name: "hello"},
		Query: store.Query{Action: store.ActionInstall, Channel: channel(t, ch), Architecture: "amd64", At: h.now()},
	}})
	if err != nil || answers[0].Err != nil {
		t.Fatal(err, answers[0].Err)
	}
	return answers[0].Choice.Resources
}

func wantPins(t *testing.T, h *house, ch string, want ...store.ResourcePin) {
	t.Helper()
	if got := pinned(t, h, ch); !slices.Equal(got, want) {
		t.Errorf("%s has components %v, want %v", ch, got, want)
	}
}

func TestABareComponentBelongsToTheSnapItIsPushedWith(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		both := func(snap, comp string) Outcome {
			s := h.snap(t, snapYAML("hello", snap, withData))
			s.Channels = channelsOf(t, "stable")
			return h.push(t, Incoming{Snaps: []IncomingSnap{s}, Components: []IncomingComponent{h.component(t, componentYAML(comp))}, Register: true})
		}
		both("1", "1")
		wantPins(t, h, "stable", store.ResourcePin{Name: "data", Revision: 1})
		both("2", "2")
		wantPins(t, h, "stable", store.ResourcePin{Name: "data", Revision: 2})
		if out := both("2", "2"); out.Changed() {
			t.Errorf("pushing both again changed %+v", out)
		}
		// The component as it was goes with the new snap, too.
		if out := both("3", "2"); !out.Pushed[0].New || out.Pushed[1].New || out.Pushed[1].Revision != 2 {
			t.Errorf("pushed %+v", out.Pushed)
		}
		wantPins(t, h, "stable", store.ResourcePin{Name: "data", Revision: 2})
		d, err := h.Describe(t.Context(), operator, store.Snap, "hello")
		if err != nil {
			t.Fatal(err)
		}
		f, err := h.DownloadResource(t.Context(), Asker{}, store.Snap, d.Package.ID, store.ResourcePin{Name: "data", Revision: 1})
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	})
}

func TestAComponentPushedLaterComesWithTheNextRelease(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	h.pushBare(t, snapYAML("hello", "1", withData), "stable")
	wantPins(t, h, "stable")
	h.push(t, Incoming{Components: []IncomingComponent{h.component(t, componentYAML("1"))}})
	wantPins(t, h, "stable")
	made, err := h.Release(t.Context(), operator, store.Snap, "hello", 1, []Pointing{{Channel: channel(t, "stable")}})
	if err != nil || len(made) != 1 {
		t.Fatalf("released %v, %v", made, err)
	}
	wantPins(t, h, "stable", store.ResourcePin{Name: "data", Revision: 1})
}

func TestAComponentIsRefused(t *testing.T) {
	tests := []struct{ name, yaml, snap, code string }{
		{"undeclared", componentYAML("1"), snapYAML("hello", "1", ""), "undeclared-component"},
		{"of no snap here", "component: other+data\ntype: standard\nversion: 1\n", snapYAML("hello", "1", ""), "package-not-found"},
		{"invalid", "component: hello+data\ntype: wobbly\n", snapYAML("hello", "1", withData), "invalid-component"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			h.ownRoot(t)
			_, err := h.Push(t.Context(), operator, Incoming{
				Snaps: []IncomingSnap{h.snap(t, tt.snap)}, Components: []IncomingComponent{h.component(t, tt.yaml)}, Register: true})
			wantCode(t, err, tt.code)
			h.noneStaged(t)
			if n := h.storedBlobs(t); n > 0 {
				t.Errorf("%d blobs are left", n)
			}
		})
	}
}

func TestASignedComponentKeepsItsRevisionAndPair(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t) // of no use here, and in the way of nothing
	root := h.foreign(t)
	s := h.snap(t, snapYAML("hello", "1", withData))
	s.Channels = channelsOf(t, "stable")
	c := h.component(t, componentYAML("1"))
	p := publish(t, root, s, assertiontest.SnapID(1), "hello", 5)
	d := c.Staged.Digests()
	signed := root.Sign(t, assertiontest.Headers{
		"type": "snap-resource-revision", "snap-id": assertiontest.SnapID(1), "resource-name": "data",
		"resource-sha3-384": d.SHA3_384.Base64URL(), "resource-size": strconv.FormatInt(d.Size, 10), "resource-revision": "30",
		"developer-id": "dev", "timestamp": assertiontest.Time,
	}, nil)
	pair := root.Sign(t, assertiontest.Headers{
		"type": "snap-resource-pair", "snap-id": assertiontest.SnapID(1), "resource-name": "data",
		"resource-revision": "30", "snap-revision": "5", "developer-id": "dev", "timestamp": assertiontest.Time,
	}, nil)
	out := h.push(t, Incoming{Snaps: []IncomingSnap{s}, Components: []IncomingComponent{c},
		Assertions: append(p.all(), pair, signed)})
	if out.Pushed[1].Revision != 30 || out.Pushed[1].Component != "data" {
		t.Errorf("pushed %+v", out.Pushed)
	}
	wantPins(t, h, "stable", store.ResourcePin{Name: "data", Revision: 30})

	_, err := h.Push(t.Context(), operator, Incoming{Components: []IncomingComponent{h.component(t, componentYAML("2"))}})
	wantCode(t, err, "foreign-package")
	ref := assertion.Ref(pair.Ref())
	if a, err := h.Assertion(t.Context(), ref, 0); err != nil || a.AuthorityID() != "foreign" {
		t.Errorf("the pair: %v", err)
	}
}
