package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/squashfs"
	"github.com/larder-store/larder/internal/store"
)

func TestABareSnapIsRegisteredNumberedAndSigned(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		for n := 1; n <= 3; n++ {
			s := h.snap(t, snapYAML("hello", fmt.Sprintf("%d.0", n), ""))
			digest := s.Staged.Digests().SHA3_384
			s.Channels = channelsOf(t, "edge")
			got := h.push(t, Incoming{Snaps: []IncomingSnap{s}, Register: true}).Pushed[0]
			if got.Revision != n || !got.New || got.Registered != (n == 1) || len(got.PackageID) != 32 {
				t.Errorf("push %d: %+v", n, got)
			}
			ref, err := assertion.NewRef("snap-revision", digest.Base64URL(), "global-upload")
			if err != nil {
				t.Fatal(err)
			}
			if a, err := h.Assertion(t.Context(), ref, 0); err != nil || a.AuthorityID() != "own" {
				t.Errorf("push %d is not signed: %v", n, err)
			}
			if got := install(t, h.Catalog, Asker{}, "hello", "edge", "amd64"); got != n {
				t.Errorf("a device gets %d, want %d", got, n)
			}
		}
	})
}

func TestPushingABareSnapAgainChangesNothing(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	for i, version := range []string{"1.0", "2.0", "1.0", "2.0"} {
		s := h.snap(t, snapYAML("hello", version, ""))
		s.ReleaseNew, s.Channels = true, channelsOf(t, "stable")
		out := h.push(t, Incoming{Snaps: []IncomingSnap{s}, Register: true})
		if out.Changed() != (i < 2) || out.Pushed[0].Revision != i%2+1 {
			t.Errorf("push %d of %s: %+v", i, version, out)
		}
	}
	if got := install(t, h.Catalog, Asker{}, "hello", "stable", "amd64"); got != 2 {
		t.Errorf("pushing an old revision again moved stable to %d", got)
	}
}

func TestABareSnapIsRefused(t *testing.T) {
	tests := []struct {
		name, yaml, code string
		says             []string
		register         bool
		prepare          func(t *testing.T, h *house)
	}{
		{name: "without a root", yaml: snapYAML("hello", "1", ""), code: "missing-assertion", says: []string{".assert", "larder init"}, register: true},
		{name: "unregistered", yaml: snapYAML("hello", "1", ""), code: "name-not-registered", says: []string{"--register"},
			prepare: func(t *testing.T, h *house) { h.ownRoot(t) }},
		{name: "reserved name", yaml: snapYAML("featured", "1", ""), code: "reserved-name", register: true,
			prepare: func(t *testing.T, h *house) { h.ownRoot(t) }},
		{name: "all its problems", yaml: "name: hello\nversion: 'a b'\nsummary: s\ndescription: d\nconfinement: loose\ngrade: fine\n", code: "invalid-snap",
			says: []string{"version", "confinement", "grade"}, register: true,
			prepare: func(t *testing.T, h *house) { h.ownRoot(t) }},
		{name: "name of another authority", yaml: snapYAML("hello", "1", ""), code: "foreign-package", says: []string{"foreign", ".assert"}, register: true,
			prepare: func(t *testing.T, h *house) {
				h.ownRoot(t)
				root := h.foreign(t)
				_, err := h.AddAssertions(t.Context(), operator, []*assertion.Assertion{
					root.Sign(t, assertiontest.DeclarationHeaders(assertiontest.SnapID(1), "hello", "foreign"), nil)})
				if err != nil {
					t.Fatal(err)
				}
			}},
		{name: "provenance of nobody", yaml: snapYAML("hello", "1", "provenance: site\n"), code: "name-not-registered", register: true,
			prepare: func(t *testing.T, h *house) { h.ownRoot(t) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			if tt.prepare != nil {
				tt.prepare(t, h)
			}
			_, err := h.Push(t.Context(), operator, Incoming{Snaps: []IncomingSnap{h.snap(t, tt.yaml)}, Register: tt.register})
			wantCode(t, err, tt.code)
			for _, word := range tt.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
			if n := h.storedBlobs(t); n > 0 {
				t.Errorf("%d blobs are left", n)
			}
			h.noneStaged(t)
		})
	}
}

func TestADevicesPrincipalMayNotPush(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	_, err := h.Push(t.Context(), store.Principal{}, Incoming{Snaps: []IncomingSnap{h.snap(t, snapYAML("hello", "1", ""))}, Register: true})
	if store.KindOf(err) != store.KindForbidden {
		t.Errorf("error %v", err)
	}
	h.nothing(t)
}

func TestADelegatedKeySignsForItsProvenance(t *testing.T) {
	h := newHouse(t)
	root := h.foreign(t)
	brand := root.Certify(t, "brand", assertiontest.BrandKey)
	keys, err := authority.ParsePrivateKeys(assertiontest.PEM(assertiontest.BrandKey), nil)
	if err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *db.Tx) error {
		if _, err := h.authority.Add(tx, []*assertion.Assertion{brand.Account, brand.Key}); err != nil {
			return err
		}
		_, err := h.authority.AddKey(tx, keys[0], "brand", "revisions")
		return err
	})
	declaration := root.Sign(t, assertiontest.With(
		assertiontest.DeclarationHeaders(assertiontest.SnapID(1), "hello", "brand"),
		"revision-authority", []any{map[string]any{"account-id": "brand", "provenance": []any{"site"}}}), nil)
	if _, err := h.AddAssertions(t.Context(), operator, []*assertion.Assertion{declaration}); err != nil {
		t.Fatal(err)
	}
	for i, provenance := range []string{"site", "elsewhere"} {
		s := h.snap(t, snapYAML("hello", "1", "provenance: "+provenance+"\n"))
		digest := s.Staged.Digests().SHA3_384
		_, err := h.Push(t.Context(), operator, Incoming{Snaps: []IncomingSnap{s}})
		if i == 1 {
			if store.KindOf(err) != store.KindForbidden {
				t.Errorf("provenance %s: error %v", provenance, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		ref, err := assertion.NewRef("snap-revision", digest.Base64URL(), provenance)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := h.Assertion(t.Context(), ref, 0); err != nil || a.AuthorityID() != "brand" {
			t.Errorf("provenance %s: %v", provenance, err)
		}
	}
}

func TestArchitecturesFillWhatTheSnapLeavesUnsaid(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	s := h.snap(t, snapYAML("hello", "1", ""))
	s.Architectures, s.Channels = []string{"arm64", "riscv64"}, channelsOf(t, "stable")
	out := h.push(t, Incoming{Snaps: []IncomingSnap{s}, Register: true})
	if got := out.Pushed[0].Architectures; !slices.Equal(got, []string{"arm64", "riscv64"}) {
		t.Errorf("architectures %v", got)
	}
	for arch, want := range map[string]int{"arm64": 1, "riscv64": 1, "amd64": 0} {
		if got := install(t, h.Catalog, Asker{}, "hello", "stable", arch); got != want {
			t.Errorf("%s gets %d", arch, got)
		}
	}
}

func pngOf(t *testing.T, pixels int) squashfs.File {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, pixels, pixels))); err != nil {
		t.Fatal(err)
	}
	return snapbuild.Text("meta/gui/icon.png", b.String())
}

func TestTheNewestRevisionsIconIsThePackages(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		widths := []int{16, 32, 16, 32}
		for i, version := range []string{"1", "2", "1", "2"} {
			s := h.snap(t, snapYAML("hello", version, ""), pngOf(t, widths[i]))
			h.push(t, Incoming{Snaps: []IncomingSnap{s}, Register: true})
			d, err := h.Describe(t.Context(), operator, store.Snap, "hello")
			if err != nil || len(d.Package.Media) != 1 || d.Package.Media[0].Width != max(16, slices.Max(widths[:i+1])) {
				t.Fatalf("push %d: media %+v, %v", i, d.Package.Media, err)
			}
			f, err := h.Medium(t.Context(), d.Package.ID, d.Package.Media[0].Blob)
			if err != nil || f.Type != "image/png" || f.Size() != d.Package.Media[0].Size {
				t.Fatalf("the icon cannot be read: %v", err)
			}
			f.Close()
		}
		if _, err := h.Medium(t.Context(), assertiontest.SnapID(1), store.Digest{}); store.KindOf(err) != store.KindNotFound {
			t.Errorf("a picture of nobody: %v", err)
		}
	})
}

func TestConcurrentPushesNumberWithoutGaps(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		catalogs := []*Catalog{h.Catalog, h.neighbour(t)}
		const pushes = 16
		snaps := make([]IncomingSnap, pushes)
		for i := range snaps {
			snaps[i] = h.snap(t, snapYAML("hello", fmt.Sprint(i), ""))
			snaps[i].Channels = channelsOf(t, "edge")
		}
		outs := make([]Outcome, pushes)
		errs := make([]error, pushes)
		var wg sync.WaitGroup
		for i := range snaps {
			wg.Go(func() {
				outs[i], errs[i] = catalogs[i%2].Push(t.Context(), operator, Incoming{Snaps: snaps[i : i+1], Register: true})
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		var numbers []int
		registered := 0
		for _, out := range outs {
			numbers = append(numbers, revisions(out)...)
			if out.Pushed[0].Registered {
				registered++
			}
		}
		slices.Sort(numbers)
		for i, n := range numbers {
			if n != i+1 {
				t.Fatalf("revisions %v", numbers)
			}
		}
		if registered != 1 {
			t.Errorf("%d pushes registered the name", registered)
		}
		want := install(t, catalogs[0], Asker{}, "hello", "edge", "amd64")
		if got := install(t, catalogs[1], Asker{}, "hello", "edge", "amd64"); got == 0 || got != want {
			t.Errorf("edge is %d for one process and %d for the other", want, got)
		}
	})
}

// hook is a blob store whose staged bytes call a function before they commit.
type hooked struct {
	blob.Staged
	before func() error
}

func (h hooked) Commit(ctx context.Context) error {
	if err := h.before(); err != nil {
		return err
	}
	return h.Staged.Commit(ctx)
}

func TestAPushThatIsCutOffLeavesNothingToSee(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	s := h.snap(t, snapYAML("hello", "1", ""))
	ctx, cancel := context.WithCancel(t.Context())
	s.Staged = hooked{s.Staged, func() error { cancel(); return nil }}
	_, err := h.Push(ctx, operator, Incoming{Snaps: []IncomingSnap{s}, Register: true})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	_, err = h.Describe(t.Context(), operator, store.Snap, "hello")
	if store.KindOf(err) != store.KindNotFound {
		t.Errorf("the package can be seen: %v", err)
	}
	h.noneStaged(t)
	if got := h.pushBare(t, snapYAML("hello", "1", "")); got.Revision != 1 || !got.New {
		t.Errorf("pushed again: %+v", got)
	}
}

func TestAFullDiskIsSaidClearly(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	s := h.snap(t, snapYAML("hello", "1", ""))
	s.Staged = hooked{s.Staged, func() error { return fmt.Errorf("cannot write: %w", blob.ErrNoSpace) }}
	_, err := h.Push(t.Context(), operator, Incoming{Snaps: []IncomingSnap{s}, Register: true})
	wantCode(t, err, "no-space")
	if store.KindOf(err) != store.KindUnavailable || !strings.Contains(err.Error(), "free some disk space") {
		t.Errorf("error %v", err)
	}
	h.nothing(t)
}

func TestARevisionOfOursDoesNotComeWithoutItsSnap(t *testing.T) {
	from, to := newHouse(t), newHouse(t)
	from.ownRoot(t)
	to.ownRoot(t)
	from.push(t, Incoming{Snaps: []IncomingSnap{from.snap(t, snapYAML("hello", "1.0", ""))}, Register: true})
	var batch []*assertion.Assertion
	for _, typ := range []string{"snap-declaration", "snap-revision"} {
		list, err := from.Assertions(t.Context(), operator, typ, nil)
		if err != nil || len(list) != 1 {
			t.Fatalf("%d of type %s, %v", len(list), typ, err)
		}
		batch = append(batch, list...)
	}
	_, err := to.AddAssertions(t.Context(), operator, batch)
	wantCode(t, err, "snap-missing")
	to.nothing(t)
	out := to.push(t, Incoming{Snaps: []IncomingSnap{to.snap(t, snapYAML("hello", "1.0", ""))}, Assertions: batch})
	if len(out.Pushed) != 1 || out.Pushed[0].Revision != 1 {
		t.Errorf("pushed with its snap: %+v", out)
	}
}
