package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// CaveatHash is the SHA-256 of a third-party caveat's id: what identifiers and
// the rows of discharges know it by.
type CaveatHash [sha256.Size]byte

// HashCaveat returns the hash of a caveat id.
func HashCaveat(id []byte) CaveatHash { return sha256.Sum256(id) }

// IsZero reports whether h is the hash of no caveat.
func (h CaveatHash) IsZero() bool { return h == CaveatHash{} }

func (h CaveatHash) String() string { return hex.EncodeToString(h[:]) }

// Identifier is what the id of a macaroon of ours says. Its key signs the id
// and a holder cannot change it, so it says what no caveat may: caveats can be
// appended by anyone.
//
// The text is, in this order and with single blanks,
//
//	larder-token purpose=P key=K session=S [subject=U] [identity=H]
type Identifier struct {
	Purpose  Purpose
	Key      KeyID
	Session  string     // the row it belongs to, or random
	Subject  string     // the account or agent it stands for, where no row says so
	Identity CaveatHash // of the one caveat whose discharge says who the user is
}

const (
	identifierWord = "larder-token"
	maxWord        = 128 // bytes of a session or a subject
)

// NewSessionID draws an id for a session: 128 random bits, spelled as a UUID,
// as the public store's are.
func NewSessionID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

func (i Identifier) text() string {
	s := identifierWord + " purpose=" + i.Purpose.String() + " key=" + i.Key.String() + " session=" + i.Session
	if i.Subject != "" {
		s += " subject=" + i.Subject
	}
	if !i.Identity.IsZero() {
		s += " identity=" + i.Identity.String()
	}
	return s
}

// ReadIdentifier reads a macaroon's id. It is false for one that was not
// minted here; a true one proves nothing yet.
func ReadIdentifier(id []byte) (Identifier, bool) {
	if len(id) > 1<<10 {
		return Identifier{}, false
	}
	var i Identifier
	rest, ok := strings.CutPrefix(string(id), identifierWord)
	if !ok {
		return Identifier{}, false
	}
	take := func(name string) string {
		after, found := strings.CutPrefix(rest, " "+name+"=")
		if !found {
			return ""
		}
		end := strings.IndexByte(after, ' ')
		if end < 0 {
			end = len(after)
		}
		rest = after[end:]
		return after[:end]
	}
	i.Purpose, ok = ParsePurpose(take("purpose"))
	key := take("key")
	i.Session, i.Subject = take("session"), take("subject")
	identity := take("identity")
	if !ok || !readHex(i.Key[:], key) || identity != "" && !readHex(i.Identity[:], identity) {
		return Identifier{}, false
	}
	// Writing it again finds empty values, repetitions and remainders.
	return i, isWord(i.Session) && (i.Subject == "" || isWord(i.Subject)) && i.text() == string(id)
}

func readHex(into []byte, text string) bool {
	if len(text) != hex.EncodedLen(len(into)) {
		return false
	}
	_, err := hex.Decode(into, []byte(text))
	return err == nil
}

// isWord reports whether s may stand in an identifier or as a declared name.
func isWord(s string) bool {
	if s == "" || len(s) > maxWord {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-._@+", c) >= 0:
		default:
			return false
		}
	}
	return true
}
