package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"
	"time"
)

// basicCache remembers which names and passwords were right, so that a client
// that sends them with every request does not hash a password each time. It
// holds no password: its keys are made with a secret that dies with the
// process.
type basicCache struct {
	secret []byte
	state  *basicState
}

type basicState struct {
	mu      sync.Mutex
	entries map[[sha256.Size]byte]basicEntry // owned by mu
}

type basicEntry struct {
	accountID string
	hash      string // of the password, as the database had it
	event     time.Time
	until     time.Time
}

const (
	basicLife = 5 * time.Minute
	maxBasic  = 1000
)

func newBasicCache() basicCache {
	return basicCache{randomBytes(32), &basicState{entries: make(map[[sha256.Size]byte]basicEntry)}}
}

func (c basicCache) key(login string, password Secret) (k [sha256.Size]byte) {
	h := hmac.New(sha256.New, c.secret)
	h.Write([]byte(login))
	h.Write([]byte{0})
	h.Write([]byte(password.Reveal()))
	copy(k[:], h.Sum(nil))
	return k
}

func (c basicCache) get(k [sha256.Size]byte, now time.Time) (basicEntry, bool) {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	e, ok := c.state.entries[k]
	return e, ok && now.Before(e.until)
}

func (c basicCache) put(k [sha256.Size]byte, e basicEntry) {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	if len(c.state.entries) >= maxBasic {
		c.state.entries = make(map[[sha256.Size]byte]basicEntry)
	}
	c.state.entries[k] = e
}
