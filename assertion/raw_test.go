package assertion_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

// packetParts are what a signature packet is made of, to be spoiled one by one.
type packetParts struct {
	header, version, kind, algorithm, hash byte
	hashed, unhashed                       []byte
	trailing                               []byte
}

func soundPacket() packetParts {
	return packetParts{header: 0xC2, version: 4, kind: 0, algorithm: 1, hash: 10,
		hashed: []byte{5, 2, 0x5E, 0x37, 0x2C, 0x44}}
}

// signPacket signs content with a packet made by hand.
func signPacket(t testing.TB, s assertion.Signer, content string, p packetParts) string {
	t.Helper()
	signed := []byte{p.version, p.kind, p.algorithm, p.hash}
	signed = binary.BigEndian.AppendUint16(signed, uint16(len(p.hashed)))
	signed = append(signed, p.hashed...)
	trailer := binary.BigEndian.AppendUint32([]byte{p.version, 0xFF}, uint32(len(signed)))
	message := append(append([]byte(content), signed...), trailer...)
	var value, digest []byte
	if p.hash == 10 {
		sum := sha512.Sum512(message)
		digest = sum[:]
		v, err := s.SignDigest(digest)
		if err != nil {
			t.Fatal(err)
		}
		value = v
	} else {
		sum := sha256.Sum256(message)
		digest = sum[:]
		private, err := assertion.ParsePrivateKeys(assertiontest.PEM(assertiontest.RootKey), nil)
		if err != nil {
			t.Fatal(err)
		}
		if value, err = rsa.SignPKCS1v15(nil, private[0], crypto.SHA256, digest); err != nil {
			t.Fatal(err)
		}
	}
	body := binary.BigEndian.AppendUint16(signed, uint16(len(p.unhashed)))
	body = append(body, p.unhashed...)
	body = append(body, digest[:2]...)
	n := new(big.Int).SetBytes(value)
	body = binary.BigEndian.AppendUint16(body, uint16(n.BitLen()))
	body = append(body, n.Bytes()...)
	packet := []byte{1, p.header, 0xFF}
	packet = binary.BigEndian.AppendUint32(packet, uint32(len(body)))
	packet = append(packet, body...)
	packet = append(packet, p.trailing...)
	return base64.StdEncoding.EncodeToString(packet)
}

// signRaw signs headers, and a body if given, as they stand.
func signRaw(t testing.TB, by *assertiontest.Authority, head string, body ...string) *assertion.Assertion {
	t.Helper()
	a, err := assertion.Parse([]byte(rawText(t, by, head, soundPacket(), body...)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func rawText(t testing.TB, by *assertiontest.Authority, head string, p packetParts, body ...string) string {
	t.Helper()
	content := head
	if len(body) > 0 {
		content += "\nbody-length: " + strconv.Itoa(len(body[0]))
	}
	content += "\nsign-key-sha3-384: " + by.Signer.PublicKey().ID()
	if len(body) > 0 {
		content += "\n\n" + body[0]
	}
	return content + "\n\n" + signPacket(t, by.Signer, content, p) + "\n"
}

func TestSignaturePacketsOutOfLineAreRefused(t *testing.T) {
	root := assertiontest.NewRoot(t, "root-one", assertiontest.RootKey)
	m := root.Memory()
	head := "type: account\nauthority-id: root-one\naccount-id: acme\ndisplay-name: A\nvalidation: verified\ntimestamp: " + when
	spoil := func(change func(*packetParts)) packetParts {
		p := soundPacket()
		change(&p)
		return p
	}
	for name, tc := range map[string]struct {
		packet packetParts
		want   string // "" is sound
	}{
		"sound":                      {soundPacket(), ""},
		"unknown subpacket":          {spoil(func(p *packetParts) { p.hashed = append(p.hashed, 2, 100, 1) }), ""},
		"issuer unhashed":            {spoil(func(p *packetParts) { p.unhashed = []byte{9, 16, 1, 2, 3, 4, 5, 6, 7, 8} }), ""},
		"no creation time":           {spoil(func(p *packetParts) { p.hashed = nil }), "creation time"},
		"creation time unhashed":     {spoil(func(p *packetParts) { p.unhashed, p.hashed = p.hashed, nil }), "creation time"},
		"creation time of 3 octets":  {spoil(func(p *packetParts) { p.hashed = []byte{4, 2, 1, 2, 3} }), "wrong length"},
		"unknown critical subpacket": {spoil(func(p *packetParts) { p.hashed = append(p.hashed, 2, 0x80|100, 1) }), "critical"},
		"empty subpacket":            {spoil(func(p *packetParts) { p.hashed = append(p.hashed, 0) }), "empty"},
		"subpacket cut short":        {spoil(func(p *packetParts) { p.hashed = append(p.hashed, 9, 16, 1) }), "cut short"},
		"SHA-256":                    {spoil(func(p *packetParts) { p.hash = 8 }), "SHA-512"},
		"version 3":                  {spoil(func(p *packetParts) { p.version = 3 }), "version"},
		"text document":              {spoil(func(p *packetParts) { p.kind = 1 }), "document"},
		"DSA":                        {spoil(func(p *packetParts) { p.algorithm = 17 }), "RSA"},
		"public key packet":          {spoil(func(p *packetParts) { p.header = 0xC6 }), "tag"},
		"trailing octet":             {spoil(func(p *packetParts) { p.trailing = []byte{0} }), "follows"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := assertion.Parse([]byte(rawText(t, root, head, tc.packet)))
			if err != nil {
				t.Fatal(err)
			}
			err = assertion.Verify(a, m, assertiontest.Now)
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError[*assertion.SignatureError](t, err, tc.want)
		})
	}
	for name, text := range map[string]string{
		"not base64":      "!!!",
		"other version":   base64.StdEncoding.EncodeToString([]byte{2, 0xC2, 0}),
		"no packet":       base64.StdEncoding.EncodeToString([]byte{1}),
		"partial length":  base64.StdEncoding.EncodeToString([]byte{1, 0xC2, 0xE1, 0}),
		"indefinite":      base64.StdEncoding.EncodeToString([]byte{1, 0x8B, 0}),
		"huge length":     base64.StdEncoding.EncodeToString([]byte{1, 0xC2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}),
		"no packet octet": base64.StdEncoding.EncodeToString([]byte{1, 0x02, 0}),
	} {
		t.Run(name, func(t *testing.T) {
			sound := string(root.Account.Content())
			a, err := assertion.Parse([]byte(sound + "\n\n" + text))
			if err != nil {
				t.Fatal(err)
			}
			wantError[*assertion.SignatureError](t, assertion.Verify(a, m, assertiontest.Now), "")
		})
	}
}

func TestPublicKeysOutOfLineAreRefused(t *testing.T) {
	sound := assertiontest.Signer(assertiontest.RootKey).PublicKey()
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(sound.Encode()), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	encode := func(change func([]byte) []byte) []byte {
		return []byte(base64.StdEncoding.EncodeToString(change(append([]byte(nil), raw...))))
	}
	t.Run("another creation time is the same key", func(t *testing.T) {
		k, err := assertion.ParsePublicKey(encode(func(b []byte) []byte { b[5] ^= 0xFF; return b }))
		if err != nil || k.ID() != sound.ID() {
			t.Errorf("got %v, %v", k, err)
		}
	})
	for name, change := range map[string]func([]byte) []byte{
		"empty":       func([]byte) []byte { return nil },
		"version":     func(b []byte) []byte { b[0] = 2; return b },
		"tag":         func(b []byte) []byte { b[1] = 0xC2; return b },
		"key version": func(b []byte) []byte { b[4] = 3; return b },
		"algorithm":   func(b []byte) []byte { b[9] = 17; return b },
		"bit count":   func(b []byte) []byte { b[11] = 0xFF; return b },
		"cut short":   func(b []byte) []byte { return b[:len(b)-1] },
		"trailing":    func(b []byte) []byte { return append(b, 0) },
		"small key": func([]byte) []byte {
			return append([]byte{1, 0xC6, 12}, 4, 0, 0, 0, 0, 1, 0, 8, 0xFF, 0, 2, 3)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if k, err := assertion.ParsePublicKey(encode(change)); err == nil {
				t.Errorf("accepted as %s", k.ID())
			}
		})
	}
}

func TestSignerThatLiesAboutItsKeyIsFoundOut(t *testing.T) {
	liar := lyingSigner{assertiontest.Signer(assertiontest.RootKey), assertiontest.Signer(assertiontest.BrandKey)}
	_, err := assertion.Sign(with(assertiontest.AccountHeaders("acme"), "authority-id", "root-one"), nil, liar)
	if err == nil || !strings.Contains(err.Error(), "does not verify") {
		t.Errorf("error %v", err)
	}
}

type lyingSigner struct{ says, is assertion.Signer }

func (s lyingSigner) PublicKey() *assertion.PublicKey          { return s.says.PublicKey() }
func (s lyingSigner) SignDigest(digest []byte) ([]byte, error) { return s.is.SignDigest(digest) }
