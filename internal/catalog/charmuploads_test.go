package catalog

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/store"
)

// claimedCharm uploads bytes and claims them as a charm.
func (h *house) claimedCharm(t testing.TB, who store.Principal, name string, content []byte, channels ...string) store.Upload {
	t.Helper()
	id, err := h.Receive(t.Context(), Sent{Filename: "a.charm", Address: "192.0.2.1"}, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	u, err := h.Claim(t.Context(), who, store.Charm, Claim{Name: name, UploadID: id, Channels: channels})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// small is a charm of few words; what differs in more gives other bytes.
func small(name, more string) charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: fmt.Sprintf("name: %s\nsummary: a charm called %s\ndescription: words about %s\n%s", name, name, name, more),
		Bases:    []charmbuild.Base{{Name: "ubuntu", Channel: "24.04", Architectures: []string{"amd64", "arm64"}}},
	}
}

func TestACharmBecomesARevision(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		alice := h.person(t, "alice", store.RolePublisher)
		pkg := h.charmed(t, alice, Registration{Name: "pantry", Type: store.TypeCharm})
		spec := charmtest.Machine()
		content := charmtest.CharmBytes(t, spec)
		since := h.seq(t)
		got := h.processed(t, h.claimedCharm(t, alice, "pantry", content, "latest/edge"))
		if got.Status != store.UploadApproved || got.Revision != 1 || len(got.Problems) > 0 {
			t.Fatalf("%+v", got)
		}
		rev := h.revisionAt(t, pkg.ID, 1)
		long, longest := sha512.Sum384(content), sha512.Sum512(content)
		if rev.SHA384 != hex.EncodeToString(long[:]) || rev.SHA512 != hex.EncodeToString(longest[:]) || rev.Size != int64(len(content)) {
			t.Errorf("digests %s, %s of %d bytes", rev.SHA384, rev.SHA512, rev.Size)
		}
		if rev.Manifest != spec.Metadata {
			t.Errorf("the manifest is %q", rev.Manifest)
		}
		for key, want := range map[string]string{
			store.TextConfig: spec.Config, store.TextActions: spec.Actions, store.TextReadme: spec.Readme, store.TextCraft: spec.Charmcraft,
		} {
			if rev.Texts[key] != want {
				t.Errorf("%s is %q, want %q", key, rev.Texts[key], want)
			}
		}
		m := rev.Meta
		if m.Type != store.TypeCharm || m.Title != "Pantry" || m.Charm == nil || m.Charm.Provides["shelf"].Limit != 2 ||
			len(m.Charm.Resources) != 1 || !m.Charm.Resources[0].Optional || len(m.Links["issues"]) != 1 {
			t.Errorf("metadata %+v, %+v", m, m.Charm)
		}
		if len(rev.Platforms) < 2 || rev.Platforms[0].BaseName != "ubuntu" || rev.CreatedBy != alice.Account {
			t.Errorf("platforms %v by %s", rev.Platforms, rev.CreatedBy)
		}
		channels, err := h.Channels(t.Context(), alice, store.Charm, store.Ref{Name: "pantry"})
		if err != nil || len(channels.Map.Slots()) != len(rev.Platforms) {
			t.Errorf("released: %v, %v", channels.Map.Slots(), err)
		}
		shown, err := h.Show(t.Context(), alice, store.Charm, store.Ref{Name: "pantry"})
		if err != nil || shown.Title() != "Pantry" || !strings.HasPrefix(shown.Description(), "A charm that keeps") {
			t.Errorf("shown: %q, %q, %v", shown.Title(), shown.Description(), err)
		}
		if len(shown.Package.Media) != 1 {
			t.Errorf("the icon: %v", shown.Package.Media)
		}
		if kinds := h.kinds(t, since); slices.Contains(kinds, store.AssertionAdded) {
			t.Errorf("something was signed: %v", kinds)
		}
	})
}

func TestABundleBecomesARevision(t *testing.T) {
	h := newHouse(t)
	alice := h.person(t, "alice", store.RolePublisher)
	pkg := h.charmed(t, alice, Registration{Name: "kitchen", Type: store.TypeBundle})
	got := h.processed(t, h.claimedCharm(t, alice, "kitchen", charmtest.BundleBytes(t, charmtest.BundleYAML)))
	if got.Status != store.UploadApproved || got.Revision != 1 {
		t.Fatalf("%+v", got)
	}
	rev := h.revisionAt(t, pkg.ID, 1)
	everywhere := []store.Platform{{Architecture: "all", BaseName: "all", BaseChannel: "all"}}
	if rev.Manifest != charmtest.BundleYAML || rev.Texts[store.TextBundle] != charmtest.BundleYAML || rev.Meta.Type != store.TypeBundle ||
		!slices.Equal(rev.Platforms, everywhere) || !slices.Contains(rev.Meta.Charm.Charms, "pantry") || rev.Version != "1" {
		t.Errorf("%+v", rev)
	}
}

func TestWhatCannotBeARevisionOfACharm(t *testing.T) {
	h := newHouse(t)
	alice := h.person(t, "alice", store.RolePublisher)
	h.charmed(t, alice, Registration{Name: "kitchen", Type: store.TypeBundle})
	pantry := h.charmed(t, alice, Registration{Name: "pantry", Type: store.TypeCharm})
	first := charmtest.CharmBytes(t, small("pantry", "resources: {image: {type: oci-image}, tool: {type: file, filename: t}}\n"))
	if got := h.processed(t, h.claimedCharm(t, alice, "pantry", first)); got.Revision != 1 {
		t.Fatalf("%+v", got)
	}
	res, err := h.ClaimResource(t.Context(), alice, ResourceClaim{Name: "pantry", Resource: "tool", UploadID: h.sentFile(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.processed(t, res); got.Status != store.UploadApproved || got.Revision != 1 {
		t.Fatalf("a resource without bytes: %+v", got)
	}
	for _, tt := range []struct {
		name, as, code string
		content        []byte
	}{
		{"a bundle as a charm", "pantry", "wrong-type", charmtest.BundleBytes(t, charmtest.BundleYAML)},
		{"a charm as a bundle", "kitchen", "wrong-type", charmtest.CharmBytes(t, small("kitchen", ""))},
		{"another's name", "pantry", "wrong-name", charmtest.CharmBytes(t, small("cellar", ""))},
		{"the same again", "pantry", "duplicate-upload", first},
		{"a resource of another type", "pantry", "wrong-resource-type", charmtest.CharmBytes(t, small("pantry", "resources: {tool: {type: oci-image}}\n"))},
		{"no archive", "pantry", "invalid-file", []byte("text")},
		{"neither charm nor bundle", "pantry", "invalid-file", charmtest.ArchiveBytes(t)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := h.processed(t, h.claimedCharm(t, alice, tt.as, tt.content))
			if got.Status != store.UploadFailed || got.Revision != 0 || len(got.Problems) != 1 || got.Problems[0].Code != tt.code || got.Problems[0].Message == "" {
				t.Errorf("%s %d %v, want %s", got.Status, got.Revision, got.Problems, tt.code)
			}
			if tt.code == "duplicate-upload" && !strings.Contains(got.Problems[0].Message, "as revision 1") {
				t.Errorf("it names no revision: %s", got.Problems[0].Message)
			}
		})
	}
	t.Run("everything that is wrong at once", func(t *testing.T) {
		spec := small("pantry", "resources: {image: {type: tape}}\nrequires: {juju: {interface: x}}\n")
		got := h.processed(t, h.claimedCharm(t, alice, "pantry", charmtest.CharmBytes(t, spec)))
		if got.Status != store.UploadFailed || len(got.Problems) < 2 {
			t.Errorf("%s %v", got.Status, got.Problems)
		}
	})
	if _, err := h.Claim(t.Context(), alice, store.Charm, Claim{Name: "pantry", UploadID: h.sentFile(t, nil)}); store.CodeOf(err) != "empty-upload" {
		t.Errorf("a charm without bytes: %v", err)
	}
	id := h.sentFile(t, []byte("bytes"))
	if _, err := h.ClaimResource(t.Context(), alice, ResourceClaim{Name: "pantry", Resource: "tool", UploadID: id}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Claim(t.Context(), alice, store.Charm, Claim{Name: "pantry", UploadID: id}); store.CodeOf(err) != "upload-claimed" {
		t.Errorf("a resource claimed as a charm: %v", err)
	}
	if rev := h.revisionAt(t, pantry.ID, 1); rev.Version != "1" {
		t.Errorf("the version is %q", rev.Version)
	}
}

// sentFile uploads bytes and returns the upload's id.
func (h *house) sentFile(t testing.TB, content []byte) string {
	t.Helper()
	id, err := h.Receive(t.Context(), Sent{Filename: "f", Address: "192.0.2.1"}, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAPolicyHoldsCharmsAndReviewersDecide(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.set(map[string]string{settingReviewPolicy: "reject type=charm size>1MiB\nhold type=charm,bundle\n"})
		alice := h.person(t, "alice", store.RolePublisher)
		rita := h.person(t, "rita", store.RoleReviewer)
		pkg := h.charmed(t, alice, Registration{Name: "pantry", Type: store.TypeCharm})
		claim := func(more string) store.Upload {
			return h.claimedCharm(t, alice, "pantry", charmtest.CharmBytes(t, small("pantry", more)), "edge")
		}
		good, bad := claim(""), claim("subordinate: false\n")
		if got := h.processed(t, good); got.Status != store.UploadHeld || got.Revision != 1 {
			t.Fatalf("%+v", got)
		}
		held, err := h.Reviews(t.Context(), rita)
		if err != nil || len(held) != 2 || held[0].Package.Namespace != store.Charm || held[0].Channels[0] != "latest/edge" {
			t.Fatalf("%+v, %v", held, err)
		}
		if _, err := h.Release(t.Context(), alice, store.Charm, "pantry", 1, []Pointing{{Channel: channel(t, "edge")}}); store.CodeOf(err) != "revision-not-approved" {
			t.Errorf("a held revision is released: %v", err)
		}
		if _, err := h.Approve(t.Context(), alice, store.Charm, "pantry", 1, ""); store.KindOf(err) != store.KindForbidden {
			t.Errorf("its publisher approves it: %v", err)
		}
		if _, err := h.Approve(t.Context(), rita, store.Charm, "pantry", 1, "fine"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Reject(t.Context(), rita, store.Charm, "pantry", 2, "no"); err != nil {
			t.Fatal(err)
		}
		if got := h.state(t, good); got.Status != store.UploadApproved {
			t.Errorf("approved: %+v", got)
		}
		if got := h.state(t, bad); got.Status != store.UploadRejected || got.Problems[0].Code != CodeRejected {
			t.Errorf("rejected: %+v", got)
		}
		channels, err := h.Channels(t.Context(), alice, store.Charm, store.Ref{ID: pkg.ID})
		if err != nil || len(channels.Map.Slots()) != 2 || channels.Map.Slots()[0].Release.Revision != 1 {
			t.Errorf("%v, %v", channels.Map.Slots(), err)
		}
		list, err := h.RevisionList(t.Context(), alice, store.Charm, "pantry", RevisionQuery{Manifests: true})
		if err != nil || len(list) != 2 || len(list[0].Problems) != 1 || !strings.Contains(list[0].Problems[0].Message, "no") || len(list[1].Problems) > 0 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// Numbers and the versions that charms are called by stay one series whoever
// hands them out.
func TestNodesNumberCharmsTogether(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		alice := h.person(t, "alice", store.RolePublisher)
		pkg := h.charmed(t, alice, Registration{Name: "pantry", Type: store.TypeCharm})
		var uploads []store.Upload
		for i := range 6 {
			more := fmt.Sprintf("terms: [t%d]\n", i/2) // each twice
			uploads = append(uploads, h.claimedCharm(t, alice, "pantry", charmtest.CharmBytes(t, small("pantry", more))))
		}
		nodes := []*Catalog{h.Catalog, h.neighbour(t), h.neighbour(t)}
		var working sync.WaitGroup
		for _, node := range nodes {
			working.Go(func() {
				if _, err := node.ProcessUploads(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		working.Wait()
		approved, twice := []int{}, 0
		for _, u := range uploads {
			switch s := h.processed(t, u); {
			case s.Status == store.UploadApproved:
				approved = append(approved, s.Revision)
				if rev := h.revisionAt(t, pkg.ID, s.Revision); rev.Version != strconv.Itoa(rev.Number) {
					t.Errorf("revision %d is called %s", rev.Number, rev.Version)
				}
			case s.Status == store.UploadFailed && s.Problems[0].Code == "duplicate-upload":
				twice++
			default:
				t.Errorf("%+v", s)
			}
		}
		if slices.Sort(approved); !slices.Equal(approved, []int{1, 2, 3}) || twice != 3 {
			t.Errorf("revisions %v, %d twice", approved, twice)
		}
	})
}

// A node that dies after the revision is made leaves an upload that another
// releases.
func TestWhatADeadNodeLeftOfACharmIsReleased(t *testing.T) {
	h := newHouse(t)
	alice := h.person(t, "alice", store.RolePublisher)
	h.charmed(t, alice, Registration{Name: "pantry", Type: store.TypeCharm})
	u := h.claimedCharm(t, alice, "pantry", charmtest.CharmBytes(t, small("pantry", "")), "candidate")
	j, err := h.lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, problems, err := h.lookInto(t.Context(), j.upload)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	if done, err := h.enterUpload(t.Context(), j, s); done || err != nil {
		t.Fatal(done, err)
	}
	h.abandon(t, j)
	if got := h.processed(t, u); got.Status != store.UploadApproved || got.Revision != 1 {
		t.Errorf("%+v", got)
	}
	channels, err := h.Channels(t.Context(), alice, store.Charm, store.Ref{Name: "pantry"})
	if err != nil || len(channels.Map.Slots()) != 2 {
		t.Errorf("%v, %v", channels.Map.Slots(), err)
	}
}
