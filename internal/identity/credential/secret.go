package credential

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// hidden is what a secret prints as.
const hidden = "(secret)"

// Secret is text or bytes that must never be printed: a password, a token, a
// root key. The zero Secret is empty. Secrets do not compare with ==.
type Secret struct {
	_ [0]func()
	// A pointer, because fmt asks no methods of a field that is not exported:
	// there it prints an address.
	text *string
}

// NewSecret keeps text, or bytes, from being printed.
func NewSecret[T string | []byte](text T) Secret {
	s := string(text)
	return Secret{text: &s}
}

// Reveal returns the secret itself. It is for the one place that sends or
// checks it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

func (s Secret) bytes() []byte { return []byte(s.Reveal()) }

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal compares in a time that tells nothing about where the two differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare(s.bytes(), other.bytes()) == 1
}

// Hash is the SHA-256 of the secret, to look its row up by.
func (s Secret) Hash() [sha256.Size]byte { return sha256.Sum256(s.bytes()) }

// Format keeps the secret out of logs and errors, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// String is a placeholder.
func (Secret) String() string { return hidden }

// GoString is a placeholder.
func (Secret) GoString() string { return hidden }

// LogValue is a placeholder.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText writes a placeholder, so JSON and other encodings do as well.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON writes a placeholder.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }
