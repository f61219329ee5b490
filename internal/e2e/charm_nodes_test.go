package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/internal/testservice"
)

// registryHost is where clients are told to pull from, whichever server they ask.
const registryHost = "registry.example:5000"

// pantry is a store with the charm pantry of alice: one revision, its recipes and
// its image, in edge; a library; and an image that no revision is made of.
type pantry struct {
	n              *node
	m              maker
	images         repository
	charm, recipes []byte
	pinned, tagged image
	library        string // id
}

func (p *pantry) libraryText() string {
	return fmt.Sprintf("LIBID = %q\nLIBAPI = 0\nLIBPATCH = 1\nsalt = 1\n", p.library)
}

func newPantry(n *node, s *server) *pantry {
	t := n.t
	t.Helper()
	n.must("config", "proxy.oci-registry.domain="+registryHost)
	p := &pantry{n: n, m: n.makerOf(s), recipes: []byte("the recipes"), pinned: makeImage(1), tagged: makeImage(2)}
	p.push("POST", "/v1/charm", object{"name": "pantry", "type": "charm"}, nil)
	var err error
	if p.charm, err = os.ReadFile(makeCharm(t, t.TempDir(), "pantry", "1.0")); err != nil {
		t.Fatal(err)
	}
	p.m.publish(t, revisionsOf("pantry"), p.charm, nil)
	p.m.publish(t, resourceRevisionsOf("pantry", "recipes"), p.recipes, object{"type": "file"})
	p.images = must[repository](t)(p.m.repository("pantry", "server"))
	for reference, i := range map[string]image{digestOf(p.pinned.manifest): p.pinned, "latest": p.tagged} {
		if err := p.images.push(reference, i); err != nil {
			t.Fatal(err)
		}
	}
	p.m.soonApproved(t, must[string](t)(p.m.attach("pantry", "server", p.pinned)))
	p.push("POST", "/v1/charm/pantry/releases", []object{{"channel": "edge", "revision": 1, "resources": pins(1)}}, nil)
	var made struct {
		ID string `json:"library-id"`
	}
	p.push("POST", "/v1/charm/libraries/pantry", object{"library-name": "cooking"}, &made)
	p.library = made.ID
	p.push("POST", "/v1/charm/libraries/pantry/"+p.library, object{
		"api": 0, "patch": 1, "content": p.libraryText(), "hash": charmhub.ContentHash([]byte(p.libraryText())),
	}, nil)
	return p
}

func (p *pantry) push(method, path string, body, into any) {
	p.n.t.Helper()
	if err := p.m.ask(method, path, body, into); err != nil {
		p.n.t.Fatal(err)
	}
}

// pull is the text that stands for the image, and what it opens at a server.
type pull struct {
	text  []byte
	image struct{ ImageName, Username, Password string }
}

// pull downloads what juju is told of the image in a channel.
func (p *pantry) pull(base, channel string) (pull, error) {
	m := maker{base: base}
	var got pull
	d, err := m.deploy("pantry", channel)
	if err != nil {
		return got, err
	}
	_, file := d.resource(p.n.t, "server")
	if got.text, err = m.fetch(file); err == nil {
		err = json.Unmarshal(got.text, &got.image)
	}
	return got, err
}

// opens reports what comes of pulling an image from a server.
func (p *pantry) opens(base string, with pull, i image) (bool, error) {
	r := p.images
	r.maker, r.username, r.password = maker{base: base}, with.image.Username, with.image.Password
	return r.serves(i)
}

// served fails unless a server has all of the pantry.
func (p *pantry) served(base string) error {
	m := maker{base: base, token: p.m.token}
	d, err := m.deploy("pantry", "edge")
	if err != nil {
		return err
	}
	_, file := d.resource(p.n.t, "recipes")
	for f, want := range map[wireFile][]byte{d.Charm.Download: p.charm, file: p.recipes} {
		if got, err := m.fetch(f); err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("%s has %d bytes, want %d: %w", f.URL, len(got), len(want), err)
		}
	}
	var library wireLibrary
	if err := m.ask("GET", "/v1/charm/libraries/pantry/"+p.library, nil, &library); err != nil || library.Content != p.libraryText() {
		return fmt.Errorf("the library is %q: %w", library.Content, err)
	}
	with, err := p.pull(base, "edge")
	if err != nil {
		return err
	}
	for _, i := range []image{p.pinned, p.tagged} {
		if whole, err := p.opens(base, with, i); err != nil || !whole {
			return fmt.Errorf("the image %s is there: %t, %w", digestOf(i.manifest), whole, err)
		}
	}
	r := p.images // pull credentials read no tags
	r.maker = m
	if latest, err := r.get("manifests", "latest"); err != nil || !bytes.Equal(latest, p.tagged.manifest) {
		return fmt.Errorf("latest is %.200q: %w", latest, err)
	}
	return nil
}

func (p *pantry) wantServed(base string) {
	p.n.t.Helper()
	if err := p.served(base); err != nil {
		p.n.t.Error(err)
	}
}

// TestTwoServersOfOneStoreAgreeOnCharms asks one server for what was given to
// another.
func TestTwoServersOfOneStoreAgreeOnCharms(t *testing.T) {
	for _, at := range places {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			n := newStore(t, at.make(t))
			one, two := n.serve(), n.serve()
			p := newPantry(n, one)
			poll(t, "the other server to know it all", func() error { return p.served(two.url) })
			p.wantServed(one.url)
			before := must[pull](t)(p.pull(one.url, "edge"))
			if other := must[pull](t)(p.pull(two.url, "edge")); !bytes.Equal(before.text, other.text) {
				t.Errorf("the document is %s and %s", before.text, other.text)
			}
			if !bytes.Contains(before.text, []byte(registryHost+"/"+p.images.name+"@"+digestOf(p.pinned.manifest))) {
				t.Errorf("the document is %s", before.text)
			}

			// An upload that began at one server goes on at the other.
			whole := makeImage(3)
			location, err := p.images.begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.images.piece(location, whole.layer[:1000]); err != nil {
				t.Fatal(err)
			}
			elsewhere := p.images
			elsewhere.base = two.url
			if size, err := elsewhere.uploaded(location); err != nil || size != 1000 {
				t.Errorf("the other server has %d bytes: %v", size, err)
			}
			if err := elsewhere.finish(location, digestOf(whole.layer), whole.layer[1000:]); err != nil {
				t.Error(err)
			}
			if there, err := p.images.holds("blobs", whole.layer); err != nil || !there {
				t.Errorf("the first server has it: %t, %v", there, err)
			}

			// Releases, and images that a tag moves to.
			p.push("POST", "/v1/charm/pantry/releases", []object{{"channel": "stable", "revision": 1, "resources": pins(1)}}, nil)
			poll(t, "the release at the other server", func() error {
				_, err := p.pull(two.url, "stable")
				return err
			})
			if err := p.images.push("latest", p.pinned); err != nil {
				t.Fatal(err)
			}
			if latest, err := elsewhere.get("manifests", "latest"); err != nil || !bytes.Equal(latest, p.pinned.manifest) {
				t.Errorf("the tag leads to %.200q, %v", latest, err)
			}

			// What one server has opened, the other opens no more.
			n.must("image", "revoke-pulls", "pantry")
			for _, s := range []*server{two, one} {
				_, err := p.opens(s.url, before, p.pinned)
				var status errStatus
				if !errors.As(err, &status) || status.code != http.StatusUnauthorized {
					t.Errorf("with revoked credentials: %v", err)
				}
			}
			poll(t, "new credentials at the other server", func() error {
				now, err := p.pull(two.url, "edge")
				if err == nil && bytes.Equal(now.text, before.text) {
					err = errors.New("they are the old ones")
				}
				if err == nil {
					_, err = p.opens(one.url, now, p.pinned)
				}
				return err
			})
		})
	}
}

// TestCharmsAndImagesAreBackedUp restores a store in a place of the other kind.
func TestCharmsAndImagesAreBackedUp(t *testing.T) {
	for at, from := range places {
		t.Run("from "+from.name, func(t *testing.T) {
			t.Parallel()
			n := newStore(t, from.make(t))
			s := n.serve()
			p := newPantry(n, s)
			location, err := p.images.begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.images.piece(location, p.pinned.layer[:1000]); err != nil {
				t.Fatal(err)
			}
			before := must[pull](t)(p.pull(s.url, "edge"))
			file := filepath.Join(t.TempDir(), "store.tar")
			n.must("backup", file)
			s.stop()

			restored := newNode(t, places[1-at].make(t))
			restored.must("restore", file, "--secret", filepath.Join(n.dir, "secret"))
			restored.fsckClean()
			s = restored.serve()
			p.n = restored
			p.wantServed(s.url)
			after := must[pull](t)(p.pull(s.url, "edge"))
			if !bytes.Equal(before.text, after.text) {
				t.Errorf("the document was %s and is %s", before.text, after.text)
			}
			if whole, err := p.opens(s.url, before, p.pinned); err != nil || !whole {
				t.Errorf("the pull credentials of before open the image: %t, %v", whole, err)
			}
			// What publishers were given still counts, too.
			p.m.base, p.images.base = s.url, s.url
			if err := p.images.push("next", makeImage(4)); err != nil {
				t.Error(err)
			}
			p.m.publish(t, resourceRevisionsOf("pantry", "recipes"), []byte("other recipes"), object{"type": "file"})
			s.stop()
			restored.must("gc")
			restored.fsckClean()
			p.wantServed(restored.serve().url)
		})
	}
}

// TestOldImagesAreCollectedUnlessSomethingLeadsToThem runs gc when everything is
// older than the grace time.
func TestOldImagesAreCollectedUnlessSomethingLeadsToThem(t *testing.T) {
	// The blobs are files, which can be made older.
	for name, database := range map[string]func(testing.TB) string{
		"sqlite":     func(testing.TB) string { return "" },
		"postgresql": func(t testing.TB) string { return testservice.PostgreSQL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newStore(t, place{db: database(t)})
			s := n.serve()
			p := newPantry(n, s)
			untagged, moved := makeImage(10), makeImage(11)
			for _, reference := range []string{digestOf(untagged.manifest), "moved"} {
				i := map[bool]image{true: moved, false: untagged}[reference == "moved"]
				if err := p.images.push(reference, i); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.images.putManifest("moved", p.tagged.manifest); err != nil {
				t.Fatal(err)
			}
			n.must("push-charm", pushOf(t, "oven")...)
			unclaimed := []byte("nobody claims this")
			if _, err := p.m.upload(unclaimed); err != nil {
				t.Fatal(err)
			}
			collected := func() (c struct{ Images, Rows, Blobs int }) {
				s.stop()
				n.ask(&c, "gc")
				s = n.serve()
				p.images.base = s.url
				return c
			}
			if c := collected(); c.Images != 0 || c.Rows != 0 || c.Blobs != 0 {
				t.Errorf("collected %+v within the grace time", c)
			}
			s.stop()
			n.age(48 * time.Hour)
			if c := collected(); c.Images != 2 || c.Blobs < 6 { // both images in three blobs each
				t.Errorf("collected %+v", c)
			}
			p.wantServed(s.url)
			for _, gone := range []image{untagged, moved} {
				for kind, content := range map[string][]byte{"manifests": gone.manifest, "blobs": gone.layer} {
					if there, err := p.images.holds(kind, content); err != nil || there {
						t.Errorf("an image that nothing leads to has %s: %t, %v", kind, there, err)
					}
				}
			}
			if d, err := (maker{base: s.url}).deploy("oven", "edge"); err != nil {
				t.Error(err)
			} else {
				_, file := d.resource(t, "recipes")
				for _, f := range []wireFile{d.Charm.Download, file} {
					if _, err := (maker{base: s.url}).fetch(f); err != nil {
						t.Error(err)
					}
				}
			}
			var found struct {
				Damage  []any
				Orphans int
			}
			n.ask(&found, "fsck")
			if len(found.Damage) != 0 || found.Orphans != 0 {
				t.Errorf("fsck finds %+v", found)
			}
			if c := collected(); c.Images != 0 || c.Rows != 0 || c.Blobs != 0 {
				t.Errorf("collected again %+v", c)
			}
		})
	}
}
