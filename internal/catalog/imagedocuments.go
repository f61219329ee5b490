package catalog

import (
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"sync"

	"github.com/larder-store/larder/internal/store"
)

// The operator's settings about where clients pull the images of charms.
const (
	settingRegistryDomain   = "proxy.oci-registry.domain"
	settingRegistryUsername = "proxy.oci-registry.username"
	settingRegistryPassword = "proxy.oci-registry.password"
)

// ImagePull is where clients pull the images of a resource, and with what.
type ImagePull struct {
	Host               string // and its port, where it has one
	Username, Password string
}

// ImagePullBySettings returns what the operator's settings say about pulling
// images; what they leave open is empty, and this store's own registry counts.
func (c *Catalog) ImagePullBySettings(ctx context.Context) (ImagePull, error) {
	var p ImagePull
	for _, s := range [...]struct {
		name string
		to   *string
	}{
		{settingRegistryDomain, &p.Host}, {settingRegistryUsername, &p.Username}, {settingRegistryPassword, &p.Password},
	} {
		var err error
		if *s.to, err = c.setting(ctx, s.name); err != nil {
			return ImagePull{}, err
		}
	}
	return p, nil
}

// Document is the text that stands for an image where clients download it.
type Document struct {
	Text     []byte // its holders must not change it
	Size     int64  // bytes
	SHA3_384 store.Digest
	SHA256   string // hex, as the next two
	SHA384   string
	SHA512   string
}

// ImageDocument returns the document of one of a resource's images. The same
// arguments give the same bytes on every node and after every restart: clients
// are told its digests first, and download it later.
func (c *Catalog) ImageDocument(packageID, resource, image string, from ImagePull) (*Document, error) {
	key := documentKey{packageID, resource, image, from}
	if d := c.documents.get(key); d != nil {
		return d, nil
	}
	repository, err := store.ImageRepository(packageID, resource)
	if err != nil {
		return nil, err
	}
	text := store.BuildImageDocument(from.Host, repository, image, from.Username, from.Password)
	short, middle, long := sha256.Sum256(text), sha512.Sum384(text), sha512.Sum512(text)
	d := &Document{
		Text: text, Size: int64(len(text)), SHA3_384: store.Digest(sha3.Sum384(text)),
		SHA256: hex.EncodeToString(short[:]), SHA384: hex.EncodeToString(middle[:]), SHA512: hex.EncodeToString(long[:]),
	}
	if len(text) <= maxDocument { // the host is what a client says
		c.documents.keep(key, d)
	}
	return d, nil
}

type documentKey struct {
	packageID, resource, image string
	from                       ImagePull
}

// Bounds of the documents that are kept: how many of either age, and how large
// each is, bytes.
const (
	maxDocuments = 2000
	maxDocument  = 4 << 10
)

// documents keeps documents that were asked for lately, so that a refresh of many
// charms hashes nothing.
type documents struct {
	mu    sync.Mutex
	young map[documentKey]*Document // owned by mu, as old
	old   map[documentKey]*Document // what was young before young was full
}

func (m *documents) get(key documentKey) *Document {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.young[key]; d != nil {
		return d
	}
	d := m.old[key]
	if d != nil {
		m.put(key, d)
	}
	return d
}

func (m *documents) keep(key documentKey, d *Document) {
	m.mu.Lock()
	m.put(key, d)
	m.mu.Unlock()
}

// put makes a document young. mu is held.
func (m *documents) put(key documentKey, d *Document) {
	if m.young == nil || len(m.young) >= maxDocuments {
		m.young, m.old = make(map[documentKey]*Document), m.young
	}
	m.young[key] = d
}
