package device

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// A ring is a set of symmetric keys: the first makes new tokens, all of them
// recognise old ones. Its text is a setting: secrets separated by commas or
// spaces, newest first. To rotate, put a new secret in front; drop the old
// one when the last token made with it has ended.
type ring []ringKey

// ringKey is one key, and the mark that tokens name it by.
type ringKey struct {
	mark markBytes
	key  [32]byte
}

type markBytes [8]byte

func (m markBytes) String() string { return hex.EncodeToString(m[:]) }

// newRingSecret draws a secret for the text of a ring.
func newRingSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// parseRing reads the text of a ring. Purpose separates the keys of two
// rings that were given the same text.
func parseRing(purpose, text string) (ring, error) {
	secrets, err := store.SplitSecrets(text)
	if err != nil {
		return nil, fmt.Errorf("cannot use the secrets for %s: %w", purpose, err)
	}
	var r ring
	for _, secret := range secrets {
		var k ringKey
		derive(k.key[:], secret, "larder "+purpose+" key")
		derive(k.mark[:], secret, "larder "+purpose+" mark")
		r = append(r, k)
	}
	return r, nil
}

func derive(out []byte, secret, purpose string) {
	b, err := hkdf.Key(sha256.New, []byte(secret), nil, purpose, len(out))
	if err != nil {
		panic(err) // only for sizes beyond 255 hashes
	}
	copy(out, b)
}

func (r ring) find(mark markBytes) *ringKey {
	for i := range r {
		if r[i].mark == mark {
			return &r[i]
		}
	}
	return nil
}

// rings keeps one setting's ring in memory.
type rings struct {
	purpose string
	now     func() time.Time
	// fetch returns the text of the ring, which it creates where there is none.
	fetch func(ctx context.Context) (string, error)

	mu   sync.Mutex // guards what follows; held while fetching
	ring ring
	at   time.Time // of the last fetch; zero when ring is stale
}

// rereadAfter is how long a ring stands before a token with an unknown mark
// makes rings look at the setting again: another node may have rotated it,
// but strangers' tokens must not each cost a query.
const rereadAfter = 5 * time.Second

// current returns the ring, fetched at most once.
func (k *rings) current(ctx context.Context) (ring, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.at.IsZero() {
		if err := k.refetch(ctx); err != nil {
			return nil, err
		}
	}
	return k.ring, nil
}

// lookup returns the key with this mark, or nil where there is none.
func (k *rings) lookup(ctx context.Context, mark markBytes) (*ringKey, error) {
	r, err := k.current(ctx)
	if err != nil {
		return nil, err
	}
	if key := r.find(mark); key != nil {
		return key, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now().Sub(k.at) >= rereadAfter {
		if err := k.refetch(ctx); err != nil {
			return nil, err
		}
	}
	return k.ring.find(mark), nil
}

// forget makes the next use read the setting again.
func (k *rings) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at = time.Time{}
}

// refetch replaces the ring. The caller holds mu.
func (k *rings) refetch(ctx context.Context) error {
	text, err := k.fetch(ctx)
	if err != nil {
		return err
	}
	r, err := parseRing(k.purpose, text)
	if err != nil {
		return err
	}
	k.ring, k.at = r, k.now()
	return nil
}
