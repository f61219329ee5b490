package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
)

// Hashing says how passwords are hashed. The parameters stand beside each
// hash; when they change, a password is hashed anew at its next login.
type Hashing struct {
	Memory uint32 // KiB; default 32 MiB
	Passes uint32 // default 3
	// Parallel is how many hashes are computed at once; default 2. Each needs
	// a processor and Memory while it lasts.
	Parallel int
	// Waiting is how many may wait for their turn; default 64. Further ones are
	// turned away.
	Waiting int
}

const (
	saltBytes = 16
	hashBytes = 32
	// maxHashWait keeps logins well below the 10 s that snapd waits.
	maxHashWait = 6 * time.Second
)

// hasher is a bounded queue before argon2id.
type hasher struct {
	Hashing
	running chan struct{}
	waiting chan struct{}
	dummy   func() string // of no password
}

func newHasher(h Hashing) *hasher {
	if h.Memory == 0 {
		h.Memory = 32 << 10
	}
	if h.Passes == 0 {
		h.Passes = 3
	}
	if h.Parallel == 0 {
		h.Parallel = 2
	}
	if h.Waiting == 0 {
		h.Waiting = 64
	}
	return &hasher{
		Hashing: h,
		running: make(chan struct{}, h.Parallel),
		waiting: make(chan struct{}, h.Parallel+h.Waiting),
		dummy: sync.OnceValue(func() string {
			return h.encode(randomBytes(saltBytes), randomBytes(hashBytes))
		}),
	}
}

// turn waits for a place in the queue. Whoever got one calls done.
func (h *hasher) turn(ctx context.Context) (done func(), err error) {
	select {
	case h.waiting <- struct{}{}:
	default:
		return nil, tooMany(maxHashWait)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, maxHashWait, tooMany(maxHashWait))
	defer cancel()
	select {
	case h.running <- struct{}{}:
		return func() { <-h.running; <-h.waiting }, nil
	case <-ctx.Done():
		<-h.waiting
		return nil, context.Cause(ctx)
	}
}

// hash returns what the database keeps of a password.
func (h *hasher) hash(ctx context.Context, password Secret) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := randomBytes(saltBytes)
	return h.encode(salt, argon2.IDKey([]byte(password.Reveal()), salt, h.Passes, h.Memory, 1, hashBytes)), nil
}

// matches reports whether the password is the hash's. An empty hash is no
// password's, and takes as long to find out.
func (h *hasher) matches(ctx context.Context, password Secret, encoded string) (bool, error) {
	real := encoded != ""
	if !real {
		encoded = h.dummy()
	}
	p, err := decodeHash(encoded)
	if err != nil {
		return false, err
	}
	done, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	got := argon2.IDKey([]byte(password.Reveal()), p.salt, p.passes, p.memory, 1, uint32(len(p.hash)))
	return subtle.ConstantTimeCompare(got, p.hash) == 1 && real, nil
}

// stale reports whether a hash was made with other parameters than today's.
func (h *hasher) stale(encoded string) bool {
	p, err := decodeHash(encoded)
	return err == nil && (p.memory != h.Memory || p.passes != h.Passes)
}

func (h Hashing) encode(salt, hash []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, h.Memory, h.Passes, b64(salt), b64(hash))
}

type decodedHash struct {
	memory, passes uint32
	salt, hash     []byte
}

// decodeHash reads a hash as it is kept. A restored database is not ours alone:
// parameters that would exhaust the machine are refused.
func decodeHash(encoded string) (p decodedHash, err error) {
	bad := errors.New("cannot read a password's hash")
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, bad
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &p.memory, &p.passes); err != nil {
		return p, bad
	}
	p.salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return p, bad
	}
	p.hash, err = base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(p.hash) != hashBytes || p.passes < 1 || p.passes > 100 || p.memory < 8 || p.memory > 1<<20 {
		return p, bad
	}
	return p, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// randomText is n random bytes as text that may stand in URLs.
func randomText(n int) string { return base64.RawURLEncoding.EncodeToString(randomBytes(n)) }
