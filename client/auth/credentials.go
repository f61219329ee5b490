package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"gopkg.in/macaroon.v2"
)

// Kind says what credentials consist of.
type Kind int

const (
	// None is the zero value: no credentials.
	None Kind = iota
	// UbuntuOne is a root macaroon of the store and its discharges by an
	// identity service, sent as "Macaroon root=…, discharge=…".
	UbuntuOne
	// Macaroon is one token of the store, sent as "Macaroon …": what an
	// exchange gives, and what on-premises stores issue.
	Macaroon
	// Bearer is one token sent as "Bearer …", such as larder's API tokens.
	Bearer
	// Basic is a name and a password, for tools.
	Basic
)

var kindNames = map[Kind]string{
	None: "none", UbuntuOne: "u1-macaroon", Macaroon: "macaroon", Bearer: "bearer", Basic: "basic",
}

// String is the name that envelopes use, for example "u1-macaroon".
func (k Kind) String() string { return kindNames[k] }

// Credentials are what a login leaves behind. They print without their secrets.
type Credentials struct {
	Kind Kind
	// Root and Discharges are those of UbuntuOne, serialised; discharges are
	// kept unbound, as the identity service gave them, and bound for each use.
	Root       string
	Discharges []string
	// Token is that of Macaroon and Bearer.
	Token string
	// Username and Password are those of Basic.
	Username, Password string
	// Location is the host name of the identity service where the encoding
	// says it (the section of an INI file), else empty.
	Location string
	// Store is the store id where the encoding says it (surl), else empty.
	Store string
}

// NewUbuntuOne makes credentials of a root macaroon and its unbound discharges.
func NewUbuntuOne(root string, discharges ...string) Credentials {
	return Credentials{Kind: UbuntuOne, Root: root, Discharges: discharges}
}

// NewToken makes credentials of one token of the store, sent as "Macaroon …".
func NewToken(token string) Credentials { return Credentials{Kind: Macaroon, Token: token} }

// NewBearer makes credentials of one token sent as "Bearer …".
func NewBearer(token string) Credentials { return Credentials{Kind: Bearer, Token: token} }

// NewBasic makes credentials of a name and a password.
func NewBasic(username, password string) Credentials {
	return Credentials{Kind: Basic, Username: username, Password: password}
}

// Header is the value of the Authorization header. Discharges are bound to the
// root here. ErrNotParseable if a macaroon cannot be read or a secret would
// break the header; ErrCredentialsUnavailable for the zero value.
func (c Credentials) Header() (string, error) {
	switch c.Kind {
	case UbuntuOne:
		return c.ubuntuOneHeader()
	case Macaroon, Bearer:
		scheme := "Macaroon "
		if c.Kind == Bearer {
			scheme = "Bearer "
		}
		if c.Token == "" || strings.ContainsFunc(c.Token, isControl) {
			return "", notParseable("the token is empty or holds control characters")
		}
		return scheme + c.Token, nil
	case Basic:
		req := http.Request{Header: http.Header{}}
		req.SetBasicAuth(c.Username, c.Password)
		return req.Header.Get("Authorization"), nil
	}
	return "", ErrCredentialsUnavailable
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (c Credentials) ubuntuOneHeader() (string, error) {
	root, err := decodeMacaroon(c.Root)
	if err != nil {
		return "", fmt.Errorf("%w: the root macaroon: %w", ErrNotParseable, err)
	}
	// The root goes out as it was given: a round trip through another
	// serialisation could change it.
	parts := []string{"root=" + c.Root}
	if strings.HasPrefix(strings.TrimSpace(c.Root), "{") {
		if parts[0], err = encodeMacaroon(root); err != nil {
			return "", fmt.Errorf("%w: the root macaroon: %w", ErrNotParseable, err)
		}
		parts[0] = "root=" + parts[0]
	}
	for _, text := range c.Discharges {
		bound, err := bindTo(root, text)
		if err != nil {
			return "", fmt.Errorf("%w: a discharge macaroon: %w", ErrNotParseable, err)
		}
		parts = append(parts, "discharge="+bound)
	}
	return "Macaroon " + strings.Join(parts, ", "), nil
}

// bindTo binds an unbound discharge to a root: such a pair proves who asks, and
// the discharge is of no use with any other root.
func bindTo(root *macaroon.Macaroon, discharge string) (string, error) {
	m, err := decodeMacaroon(discharge)
	if err != nil {
		return "", err
	}
	m.Bind(root.Signature())
	return encodeMacaroon(m)
}

// String names the kind and nothing else.
func (c Credentials) String() string { return c.Kind.String() + " credentials" }

// GoString is String, so that %#v shows no secret either.
func (c Credentials) GoString() string { return "auth.Credentials(" + c.Kind.String() + ")" }

// LogValue is String, for log/slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON refuses: what is written to a file or an environment goes through
// Encode or Export.
func (c Credentials) MarshalJSON() ([]byte, error) {
	return nil, errors.New("cannot write credentials as plain JSON: use Encode or Export")
}
