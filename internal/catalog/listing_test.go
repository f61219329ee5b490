package catalog

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect/squashfs"
	"github.com/larder-store/larder/internal/store"
)

// square is a PNG with as many pixels on each side.
func square(t *testing.T, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.Gray{7}})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// setIcon makes a picture hello's only one.
func setIcon(ctx context.Context, c *Catalog, content []byte, edited bool) error {
	_, _, err := c.SetMedia(ctx, operator, store.Snap, store.Ref{Name: "hello"}, func(take Receiver) (MediaOrder, error) {
		err := take("icon", bytes.NewReader(content))
		return MediaOrder{Entries: []MediaEntry{{Kind: store.MediumIcon, File: "icon"}}, Uploaded: !edited}, err
	})
	return err
}

func TestWhatIsEditedIsSeenByEveryNode(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		id := h.pushBare(t, snapYAML("hello", "1.0", ""), "stable").PackageID
		h.update(t, func(tx *db.Tx) error {
			tx.Record(store.CategoryPut, "category/games", nil)
			_, err := tx.AddCategory("games")
			return err
		})
		other := h.neighbour(t)
		if got := install(t, other, Asker{}, "hello", "stable", "amd64"); got != 1 {
			t.Fatal(got)
		}
		summary, categories := "edited", []string{"games"}
		if _, err := h.EditListing(t.Context(), operator, store.Snap, store.Ref{ID: id}, Edit{Summary: &summary, Categories: &categories}); err != nil {
			t.Fatal(err)
		}
		if err := setIcon(t.Context(), h.Catalog, square(t, 64), true); err != nil {
			t.Fatal(err)
		}
		// Soon, as TestAChangeIsSeenAtOnceHereAndSoonElsewhere says.
		var p *store.Package
		for deadline := time.Now().Add(time.Minute); p == nil || p.Listing.Summary != "edited" || len(p.Media) == 0; runtime.Gosched() {
			snap, _, err := other.Info(t.Context(), Asker{}, store.Snap, store.Ref{Name: "hello"}, "")
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("another node shows %+v, %v", p, err)
			}
			p = snap.Package()
		}
		if len(p.Media) != 1 || len(p.Categories) != 1 || p.Categories[0].Since.IsZero() {
			t.Errorf("another node shows %+v", p)
		}
		f, err := other.Medium(t.Context(), id, p.Media[0].Blob)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, square(t, 64)) {
			t.Errorf("another node serves %d bytes, %v", len(got), err)
		}
		changes, err := h.db.Changes(t.Context(), 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(changes, func(c store.Change) bool { return c.Kind == store.PackageUpdated && c.Details["summary"] == "edited" }) {
			t.Error("the change log does not say what was edited")
		}
		seq := changes[len(changes)-1].Seq
		if _, err := h.EditListing(t.Context(), operator, store.Snap, store.Ref{ID: id}, Edit{Summary: &summary, Categories: &categories}); err != nil {
			t.Fatal(err)
		}
		if more, err := h.db.Changes(t.Context(), seq, 10); err != nil || len(more) > 0 {
			t.Errorf("the same again changed %v, %v", more, err)
		}
	})
}

func TestANewRevisionDoesNotReplaceTheIconSomebodyHasChosen(t *testing.T) {
	for _, chosen := range []bool{true, false} {
		h := newHouse(t)
		h.ownRoot(t)
		withIcon := func(version string, side int) {
			content := square(t, side)
			icon := squashfs.File{Path: "meta/gui/icon.png", Size: int64(len(content)), Content: bytes.NewReader(content)}
			h.push(t, Incoming{Snaps: []IncomingSnap{h.snap(t, snapYAML("hello", version, ""), icon)}, Register: true})
		}
		withIcon("1.0", 50)
		if err := setIcon(t.Context(), h.Catalog, square(t, 64), chosen); err != nil {
			t.Fatal(err)
		}
		withIcon("2.0", 51)
		_, media, err := h.Media(t.Context(), operator, store.Snap, store.Ref{Name: "hello"})
		if err != nil || len(media) != 1 {
			t.Fatal(media, err)
		}
		want := 51
		if chosen {
			want = 64
		}
		if media[0].Width != want {
			t.Errorf("chosen %t: the icon has %d pixels, want %d", chosen, media[0].Width, want)
		}
	}
}

func TestAFailingRequestLeavesNoPictureBehind(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	h.pushBare(t, snapYAML("hello", "1.0", ""))
	before := h.storedBlobs(t)
	_, _, err := h.SetMedia(t.Context(), operator, store.Snap, store.Ref{Name: "hello"}, func(take Receiver) (MediaOrder, error) {
		if err := take("icon", bytes.NewReader(square(t, 64))); err != nil {
			return MediaOrder{}, err
		}
		return MediaOrder{}, take("shot", io.MultiReader(strings.NewReader("\x89PNG"), torn{}))
	})
	if err == nil {
		t.Fatal("a torn request was accepted")
	}
	h.noneStaged(t)
	if after := h.storedBlobs(t); after != before {
		t.Errorf("%d blobs are left", after-before)
	}
}

type torn struct{}

func (torn) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAnInviteIsAcceptedOnceByAnyNumberOfNodes(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		h.pushBare(t, snapYAML("hello", "1.0", ""))
		h.update(t, func(tx *db.Tx) error {
			tx.Record(store.UserPut, "account/bob", nil)
			return tx.PutUser(store.User{
				Account: store.Account{ID: "bob", Username: "bob", DisplayName: "Bob", Validation: "unproven", CreatedAt: tx.Now()},
				Email:   "bob@example.com", OpenID: "bob", Role: store.RolePublisher, State: store.UserActive, CreatedAt: tx.Now(),
			})
		})
		made, err := h.Invite(t.Context(), operator, store.Snap, "hello", []string{"Bob@example.com", "bob@example.com"})
		if err != nil || len(made) != 1 {
			t.Fatal(made, err)
		}
		bob := store.Principal{Role: store.RolePublisher, Name: "bob", Account: "bob"}
		nodes := []*Catalog{h.Catalog, h.neighbour(t)}
		var wg sync.WaitGroup
		answers := make([]error, 6)
		for i := range answers {
			wg.Go(func() {
				answers[i] = nodes[i%2].AcceptInvite(context.WithoutCancel(t.Context()), bob, store.Snap, "hello", made[0].Token)
			})
		}
		wg.Wait()
		accepted := 0
		for _, err := range answers {
			if err == nil {
				accepted++
			} else if store.CodeOf(err) != "invite-ended" {
				t.Error(err)
			}
		}
		if accepted != 1 {
			t.Errorf("accepted %d times", accepted)
		}
		team, err := nodes[1].Team(t.Context(), bob, store.Snap, "hello")
		if err != nil || len(team.Collaborators) != 1 || team.Collaborators[0].CreatedBy.Username != operator.Name {
			t.Errorf("the team is %+v, %v", team, err)
		}
		if err := h.AddCollaborator(t.Context(), operator, store.Snap, "hello", "bob@example.com"); err != nil {
			t.Error("adding who collaborates already:", err)
		}
		if err := h.RemoveCollaborator(t.Context(), bob, store.Snap, "hello", "bob@example.com"); store.CodeOf(err) != store.CodeForeignPackage {
			t.Error("a collaborator removes one:", err)
		}
		if err := h.RemoveCollaborator(t.Context(), operator, store.Snap, "hello", "bob@example.com"); err != nil {
			t.Error(err)
		}
		if _, err := nodes[1].Team(t.Context(), bob, store.Snap, "hello"); store.CodeOf(err) != store.CodeForeignPackage {
			t.Error("bob still reads:", err)
		}
	})
}
