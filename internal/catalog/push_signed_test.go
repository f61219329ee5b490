package catalog

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/store"
)

func TestASignedSnapKeepsItsIDRevisionAndName(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		root := h.foreign(t)
		account := root.Sign(t, assertiontest.AccountHeaders("dev"), nil)
		for _, publisher := range []string{"dev", "foreign"} {
			s := h.snap(t, snapYAML("old-"+publisher, "1.0", "architectures: [amd64]\n"))
			d := s.Staged.Digests()
			id := assertiontest.SnapID(len(publisher))
			s.Channels = channelsOf(t, "stable")
			out := h.push(t, Incoming{Snaps: []IncomingSnap{s}, Assertions: []*assertion.Assertion{
				root.Sign(t, assertiontest.RevisionHeaders(id, d.SHA3_384.Base64URL(), uint64(d.Size), 77, publisher), nil),
				root.Sign(t, assertiontest.DeclarationHeaders(id, "name-"+publisher, publisher), nil),
				account,
			}})
			got := out.Pushed[0]
			if got.PackageID != id || got.Revision != 77 || got.Name != "name-"+publisher || !got.New || got.Registered {
				t.Errorf("publisher %s: pushed %+v", publisher, got)
			}
			if n := install(t, h.Catalog, Asker{}, "name-"+publisher, "stable", "amd64"); n != 77 {
				t.Errorf("publisher %s: a device gets revision %d", publisher, n)
			}
			ref, err := assertion.NewRef("snap-revision", d.SHA3_384.Base64URL(), "global-upload")
			if err != nil {
				t.Fatal(err)
			}
			if a, err := h.Assertion(t.Context(), ref, 0); err != nil || a.AuthorityID() != "foreign" {
				t.Errorf("the assertion served: %v", err)
			}
		}
		h.noneStaged(t)
	})
}

func TestASignedPushThatCannotBeBelievedLeavesNothing(t *testing.T) {
	other := assertiontest.NewRoot(t, "stranger", assertiontest.BrandKey)
	tests := []struct {
		name, code string
		// spoil changes what is pushed.
		spoil func(t *testing.T, root *assertiontest.Authority, s IncomingSnap, p *publication)
	}{
		{"wrong size", "wrong-size", func(t *testing.T, root *assertiontest.Authority, s IncomingSnap, p *publication) {
			d := s.Staged.Digests()
			p.revision = root.Sign(t, assertiontest.RevisionHeaders(assertiontest.SnapID(1), d.SHA3_384.Base64URL(), uint64(d.Size+1), 5, "dev"), nil)
		}},
		{"digest of other bytes", "wrong-bytes", func(t *testing.T, root *assertiontest.Authority, s IncomingSnap, p *publication) {
			d := s.Staged.Digests()
			d.SHA3_384[0] ^= 1
			p.revision = root.Sign(t, assertiontest.RevisionHeaders(assertiontest.SnapID(1), d.SHA3_384.Base64URL(), uint64(d.Size), 5, "dev"), nil)
		}},
		{"forged signature", "bad-signature", func(t *testing.T, root *assertiontest.Authority, s IncomingSnap, p *publication) {
			p.revision = forged(t, p.revision)
		}},
		{"authority that nobody trusts", "missing-assertion", func(t *testing.T, root *assertiontest.Authority, s IncomingSnap, p *publication) {
			d := s.Staged.Digests()
			p.revision = other.Sign(t, assertiontest.RevisionHeaders(assertiontest.SnapID(1), d.SHA3_384.Base64URL(), uint64(d.Size), 5, "dev"), nil)
		}},
		{"no declaration", "missing-assertion", func(t *testing.T, root *assertiontest.Authority, s IncomingSnap, p *publication) {
			p.declaration = p.account
		}},
		{"no revision", "missing-assertion", func(t *testing.T, root *assertiontest.Authority, s IncomingSnap, p *publication) {
			p.revision = p.account
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			root := h.foreign(t)
			s := h.snap(t, snapYAML("hello", "1.0", ""))
			p := publish(t, root, s, assertiontest.SnapID(1), "hello", 5)
			tt.spoil(t, root, s, &p)
			_, err := h.Push(t.Context(), operator, Incoming{Snaps: []IncomingSnap{s}, Assertions: p.all()})
			wantCode(t, err, tt.code)
			h.nothing(t)
		})
	}
}

// forged is a with another body of the signature.
func forged(t *testing.T, a *assertion.Assertion) *assertion.Assertion {
	t.Helper()
	text := bytes.Clone(a.Encoded())
	text = bytes.Replace(text, []byte("snap-revision: 5\n"), []byte("snap-revision: 6\n"), 1)
	changed, err := assertion.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func TestPushingASignedSnapAgainChangesNothing(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		root := h.foreign(t)
		yaml := snapYAML("hello", "1.0", "")
		for i := range 3 {
			s := h.snap(t, yaml)
			p := publish(t, root, s, assertiontest.SnapID(1), "hello", 5)
			if i > 0 { // the same documents as before
				p = publication{}
			}
			s.Channels = channelsOf(t, "stable", "2.0/edge")
			in := Incoming{Snaps: []IncomingSnap{s}}
			if i == 0 {
				in.Assertions = p.all()
			}
			if out := h.push(t, in); out.Changed() != (i == 0) || out.Pushed[0].Revision != 5 {
				t.Errorf("push %d: %+v", i, out)
			}
		}
	})
}

func TestPushingAgainHealsALostBlob(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		again := func() Outcome {
			return h.push(t, Incoming{Snaps: []IncomingSnap{h.snap(t, snapYAML("hello", "1.0", ""))}, Register: true})
		}
		d := h.snap(t, snapYAML("hello", "1.0", ""))
		digest := d.Staged.Digests().SHA3_384
		d.Staged.Discard()
		if out := again(); out.Pushed[0].Healed {
			t.Errorf("the first push %+v", out)
		}
		if out := again(); out.Pushed[0].Healed || out.Changed() {
			t.Errorf("the second push %+v", out)
		}
		for name, lose := range map[string]func() error{
			"quarantined": func() error { return h.blobs.Quarantine(t.Context(), digest, time.Time{}) },
			"deleted":     func() error { return h.blobs.Delete(t.Context(), digest, time.Time{}) },
		} {
			if err := lose(); err != nil {
				t.Fatal(err)
			}
			if out := again(); !out.Pushed[0].Healed || out.Pushed[0].New || !out.Changed() {
				t.Errorf("%s: pushed %+v", name, out)
			}
			if _, err := h.blobs.Stat(t.Context(), digest); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestADefaultTrackIsSetOnlyWhenItHasAReleaseHere(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	for i, tt := range []struct{ track, channel, want string }{
		{"latest", "2.0/stable", ""},
		{"2.0", "stable", ""},
		{"2.0", "2.0/edge", "2.0"},
		{"latest", "edge", "latest"},
	} {
		name := fmt.Sprintf("snap%d", i)
		s := h.snap(t, snapYAML(name, "1.0", ""))
		s.Channels = channelsOf(t, tt.channel)
		h.push(t, Incoming{Snaps: []IncomingSnap{s}, Register: true, DefaultTrack: tt.track})
		d, err := h.Describe(t.Context(), operator, store.Snap, name)
		if err != nil || d.Package.DefaultTrack != tt.want {
			t.Errorf("%+v: the default track is %q, %v", tt, d.Package.DefaultTrack, err)
		}
	}
}

func TestTwoFilesCannotBeOneRevision(t *testing.T) {
	h := newHouse(t)
	root := h.foreign(t)
	for i, version := range []string{"1.0", "2.0"} {
		s := h.snap(t, snapYAML("hello", version, ""))
		p := publish(t, root, s, assertiontest.SnapID(1), "hello", 5)
		p.account, p.declaration = p.revision, p.revision
		if i == 0 {
			p = publish(t, root, s, assertiontest.SnapID(1), "hello", 5)
		}
		_, err := h.Push(t.Context(), operator, Incoming{Snaps: []IncomingSnap{s}, Assertions: p.all()})
		if i == 0 && err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			wantCode(t, err, "revision-conflict")
		}
	}
	if n := h.storedBlobs(t); n != 1 {
		t.Errorf("%d blobs are stored", n)
	}
}

func TestADeclarationRenamesAndHandsOver(t *testing.T) {
	h := newHouse(t)
	root := h.foreign(t)
	s := h.snap(t, snapYAML("hello", "1.0", ""))
	h.push(t, Incoming{Snaps: []IncomingSnap{s}, Assertions: publish(t, root, s, assertiontest.SnapID(1), "hello", 5).all()})
	declare := func(name, publisher, revision string) error {
		_, err := h.AddAssertions(t.Context(), operator, []*assertion.Assertion{root.Sign(t, assertiontest.With(
			assertiontest.DeclarationHeaders(assertiontest.SnapID(1), name, publisher), "revision", revision), nil)})
		return err
	}
	if err := declare("hallo", "foreign", "1"); err != nil {
		t.Fatal(err)
	}
	d, err := h.Describe(t.Context(), operator, store.Snap, "hallo")
	if err != nil || d.Package.PublisherID != "foreign" || d.Package.ID != assertiontest.SnapID(1) {
		t.Errorf("after the hand-over: %+v, %v", d.Package, err)
	}
	taken := root.Sign(t, assertiontest.DeclarationHeaders(assertiontest.SnapID(2), "hallo", "foreign"), nil)
	_, err = h.AddAssertions(t.Context(), operator, []*assertion.Assertion{taken})
	wantCode(t, err, "name-taken")
	if err := declare("", "foreign", "2"); err != nil {
		t.Errorf("a revoked declaration: %v", err)
	}
	// Revoked, it gives its name up; who has it still finds it by its id.
	if _, err := h.AddAssertions(t.Context(), operator, []*assertion.Assertion{taken}); err != nil {
		t.Errorf("the name that was given up: %v", err)
	}
	answers, err := h.Resolve(t.Context(), Asker{}, store.Snap, []Wish{{
		Ref:   store.Ref{ID: assertiontest.SnapID(1)},
		Query: store.Query{Action: store.ActionInstall, Architecture: "amd64", Revision: 5, MayByRevision: true},
	}})
	if err != nil || answers[0].Err != nil || answers[0].Snapshot.Package().Name != assertiontest.SnapID(1) {
		t.Errorf("by its id: %+v, %v", answers, err)
	}
}

func TestANameThatARenameFreesIsThereForAnotherAtOnce(t *testing.T) {
	h := newHouse(t)
	root := h.foreign(t)
	declaration := func(n int, name, revision string) *assertion.Assertion {
		return root.Sign(t, assertiontest.With(
			assertiontest.DeclarationHeaders(assertiontest.SnapID(n), name, "foreign"), "revision", revision), nil)
	}
	for _, batch := range [][]*assertion.Assertion{
		{declaration(1, "hello", "0")},
		{declaration(2, "hello", "0"), declaration(1, "hello-old", "1")},
	} {
		if _, err := h.AddAssertions(t.Context(), operator, batch); err != nil {
			t.Fatal(err)
		}
	}
	for name, n := range map[string]int{"hello": 2, "hello-old": 1} {
		if d, err := h.Describe(t.Context(), operator, store.Snap, name); err != nil || d.Package.ID != assertiontest.SnapID(n) {
			t.Errorf("%s is %s, %v", name, d.Package.ID, err)
		}
	}
}
