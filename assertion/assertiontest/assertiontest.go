// Package assertiontest makes authorities for tests: a root that trusts itself, and
// below it stores, brands and devices with keys of their own.
//
// Its keys are public. It must not be imported outside of tests.
package assertiontest

import (
	"embed"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
)

//go:embed keys/*.pem
var keys embed.FS

// Names of the keys that come with the package, all RSA of 4096 bits.
const (
	RootKey   = "root"
	StoreKey  = "store"
	BrandKey  = "brand"
	DeviceKey = "device"
)

var signers sync.Map // name to func() assertion.Signer

// Signer returns the signer for one of the package's keys. It is made once.
func Signer(name string) assertion.Signer {
	once, _ := signers.LoadOrStore(name, sync.OnceValue(func() assertion.Signer { return load(name) }))
	return once.(func() assertion.Signer)()
}

// PEM returns the private key as a file has it.
func PEM(name string) []byte {
	pem, err := keys.ReadFile("keys/" + name + ".pem")
	if err != nil {
		panic(fmt.Sprintf("assertiontest: no key %q", name))
	}
	return pem
}

func load(name string) assertion.Signer {
	private, err := assertion.ParsePrivateKeys(PEM(name), nil)
	if err != nil {
		panic(err)
	}
	signer, err := assertion.NewSigner(private[0])
	if err != nil {
		panic(err)
	}
	return signer
}

// Time is when everything here is made: long ago, so that it is valid now, and
// always the same, so that documents differ in their signatures only.
const Time = "2020-02-02T20:20:20Z"

// Now is a moment within the validity of everything here.
var Now = time.Date(2024, 4, 4, 4, 4, 4, 0, time.UTC)

// Authority is an account that can sign.
type Authority struct {
	AccountID string
	Signer    assertion.Signer
	// Account and Key certify it: they are signed by a root, or by itself.
	Account, Key *assertion.Assertion
}

// NewRoot makes an account that is its own authority. It fails t if it cannot.
func NewRoot(t testing.TB, accountID, key string) *Authority {
	t.Helper()
	root := &Authority{AccountID: accountID, Signer: Signer(key)}
	root.Account = root.Sign(t, accountHeaders(accountID), nil)
	root.Key = root.Sign(t, keyHeaders(accountID, "root", root.Signer), root.Signer.PublicKey().Encode())
	return root
}

// Certify makes an account with a key that a vouches for.
func (a *Authority) Certify(t testing.TB, accountID, key string) *Authority {
	t.Helper()
	other := &Authority{AccountID: accountID, Signer: Signer(key)}
	other.Account = a.Account
	if accountID != a.AccountID {
		other.Account = a.Sign(t, accountHeaders(accountID), nil)
	}
	other.Key = a.Sign(t, keyHeaders(accountID, key, other.Signer), other.Signer.PublicKey().Encode())
	return other
}

// Memory returns one that trusts a.
func (a *Authority) Memory() *assertion.Memory {
	m := new(assertion.Memory)
	m.Trust(a.Account, a.Key)
	return m
}

// Sign signs as a, unless the headers name another authority.
func (a *Authority) Sign(t testing.TB, headers Headers, body []byte) *assertion.Assertion {
	t.Helper()
	signed, err := a.TrySign(headers, body)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TrySign is Sign for what may be refused.
func (a *Authority) TrySign(headers Headers, body []byte) (*assertion.Assertion, error) {
	headers = maps.Clone(headers)
	if typ, _ := headers["type"].(string); headers["authority-id"] == nil {
		if row := assertion.TypeByName(typ); row == nil || !row.NoAuthority {
			headers["authority-id"] = a.AccountID
		}
	}
	return assertion.Sign(headers, body, a.Signer)
}

// Headers are what assertion.Sign takes.
type Headers = map[string]any

// With returns a copy with more headers, given as name, value, name, value. A nil
// value takes the header away.
func With(headers Headers, more ...any) Headers {
	headers = maps.Clone(headers)
	for i := 0; i < len(more); i += 2 {
		name := more[i].(string)
		if more[i+1] == nil {
			delete(headers, name)
			continue
		}
		headers[name] = more[i+1]
	}
	return headers
}

func accountHeaders(accountID string) Headers {
	return Headers{
		"type":         "account",
		"account-id":   accountID,
		"username":     accountID,
		"display-name": "Test " + accountID,
		"validation":   "verified",
		"timestamp":    Time,
	}
}

func keyHeaders(accountID, name string, s assertion.Signer) Headers {
	return Headers{
		"type":                "account-key",
		"public-key-sha3-384": s.PublicKey().ID(),
		"account-id":          accountID,
		"name":                name,
		"since":               Time,
	}
}

// AccountHeaders are those of a sound account.
func AccountHeaders(accountID string) Headers { return accountHeaders(accountID) }

// AccountKeyHeaders are those of a sound account-key for one of the package's keys.
func AccountKeyHeaders(accountID, key string) Headers {
	return keyHeaders(accountID, key, Signer(key))
}

// SnapID is a sound snap id that ends in n.
func SnapID(n int) string {
	return fmt.Sprintf("snapidsnapidsnapidsnapidsnap%04d", n)
}

// DeclarationHeaders are those of a sound snap-declaration.
func DeclarationHeaders(snapID, name, publisherID string) Headers {
	return Headers{
		"type":         "snap-declaration",
		"series":       "16",
		"snap-id":      snapID,
		"snap-name":    name,
		"publisher-id": publisherID,
		"timestamp":    Time,
	}
}

// RevisionHeaders are those of a sound snap-revision. The digest is unpadded
// URL-safe base64.
func RevisionHeaders(snapID, sha3 string, size uint64, revision int, developerID string) Headers {
	return Headers{
		"type":          "snap-revision",
		"snap-sha3-384": sha3,
		"snap-id":       snapID,
		"snap-size":     strconv.FormatUint(size, 10),
		"snap-revision": strconv.Itoa(revision),
		"developer-id":  developerID,
		"timestamp":     Time,
	}
}

// ModelHeaders are those of a sound model for core 18.
func ModelHeaders(brandID, model string) Headers {
	return Headers{
		"type":         "model",
		"series":       "16",
		"brand-id":     brandID,
		"model":        model,
		"architecture": "amd64",
		"base":         "core18",
		"gadget":       "pc=18",
		"kernel":       "pc-kernel=18",
		"timestamp":    Time,
	}
}

// SerialHeaders are those of a sound serial for one of the package's keys.
func SerialHeaders(brandID, model, serial, key string) Headers {
	public := Signer(key).PublicKey()
	return Headers{
		"type":                "serial",
		"brand-id":            brandID,
		"model":               model,
		"serial":              serial,
		"device-key":          string(public.Encode()),
		"device-key-sha3-384": public.ID(),
		"timestamp":           Time,
	}
}
