package catalog

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

const imageOne = "sha256:0000000000000000000000000000000000000000000000000000000000000001"

func TestADocumentIsTheSameForEverEverywhere(t *testing.T) {
	from := ImagePull{Host: "store.example:5000", Username: "u", Password: `p"<é`}
	id := strings.Repeat("Ab3d", 8)
	repository, err := store.ImageRepository(id, "server")
	if err != nil {
		t.Fatal(err)
	}
	var first *Document
	for range 3 { // each a process of its own, which has served others before
		h := newHouse(t)
		for i := range 3*maxDocuments + 1 {
			other := from
			other.Password = fmt.Sprint(i)
			if _, err := h.ImageDocument(id, "server", imageOne, other); err != nil {
				t.Fatal(err)
			}
			if i%maxDocuments != 1 {
				continue
			}
			d, err := h.ImageDocument(id, "server", imageOne, from)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = d
			}
			short, middle, long := sha256.Sum256(d.Text), sha512.Sum384(d.Text), sha512.Sum512(d.Text)
			if string(d.Text) != string(first.Text) || d.Size != int64(len(d.Text)) || d.SHA3_384 != store.Digest(sha3.Sum384(d.Text)) ||
				d.SHA256 != hex.EncodeToString(short[:]) || d.SHA384 != hex.EncodeToString(middle[:]) || d.SHA512 != hex.EncodeToString(long[:]) {
				t.Fatalf("another document: %+v", d)
			}
			parsed, err := store.ParseImageDocument(d.Text)
			if want := (store.ImageDocument{
				Host: from.Host, Repository: repository, Digest: imageOne, Username: from.Username, Password: from.Password,
			}); err != nil || parsed != want {
				t.Fatalf("%s says %+v, %v", d.Text, parsed, err)
			}
		}
		if n := len(h.documents.young) + len(h.documents.old); n > 2*maxDocuments {
			t.Errorf("%d documents are kept", n)
		}
	}
}

func TestADocumentThatIsKnownCostsNothing(t *testing.T) {
	h := newHouse(t)
	id, from := strings.Repeat("Ab3d", 8), ImagePull{Host: "store.example", Username: "u", Password: "p"}
	ask := func() {
		if _, err := h.ImageDocument(id, "server", imageOne, from); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	if n := testing.AllocsPerRun(100, ask); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// A client chooses the host that it names.
func TestALongHostIsNotRemembered(t *testing.T) {
	h := newHouse(t)
	d, err := h.ImageDocument(strings.Repeat("Ab3d", 8), "server", imageOne, ImagePull{Host: strings.Repeat("h", 1<<20)})
	if err != nil || len(h.documents.young) > 0 {
		t.Errorf("%d bytes of document, %v, and %d are kept", len(d.Text), err, len(h.documents.young))
	}
	if _, err := h.ImageDocument("no-id", "server", imageOne, ImagePull{}); store.KindOf(err) != store.KindInvalid {
		t.Errorf("a document of no package: %v", err)
	}
}

func TestTheOperatorMayNameAnotherRegistry(t *testing.T) {
	h := newHouse(t)
	if p, err := h.ImagePullBySettings(t.Context()); err != nil || p != (ImagePull{}) {
		t.Errorf("nothing set: %+v, %v", p, err)
	}
	h.set(map[string]string{
		"proxy.oci-registry.domain": "images.example:5000", "proxy.oci-registry.username": "user", "proxy.oci-registry.password": "secret",
	})
	if p, err := h.ImagePullBySettings(t.Context()); err != nil || p != (ImagePull{"images.example:5000", "user", "secret"}) {
		t.Errorf("%+v, %v", p, err)
	}
}
