package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/larder-store/larder/client/transport"
	"golang.org/x/crypto/curve25519"
	"golang.org/x/crypto/nacl/box"
	"gopkg.in/macaroon.v2"
)

// Agent logs in without a person, with a key whose public half the identity
// manager knows: method "agent".
type Agent struct {
	// Username is the agent's name, for example "ci@agents".
	Username string
	// Key is its private key (Curve25519).
	Key AgentKey
}

// An AgentKey is a private key of an agent. It prints without its content.
type AgentKey struct{ private [32]byte }

// NewAgentKey makes a key.
func NewAgentKey() (AgentKey, error) {
	var k AgentKey
	_, err := rand.Read(k.private[:])
	return k, err
}

// ParseAgentKey reads the private key as agent files hold it: base64 of 32
// bytes.
func ParseAgentKey(text string) (AgentKey, error) {
	data, err := macaroon.Base64Decode([]byte(text))
	if err != nil || len(data) != 32 {
		return AgentKey{}, notParseable("an agent's key is base64 of 32 bytes")
	}
	return AgentKey{private: [32]byte(data)}, nil
}

// Encode is the private key as ParseAgentKey reads it.
func (k AgentKey) Encode() string { return base64.StdEncoding.EncodeToString(k.private[:]) }

// Public is the key to give to the identity manager: base64 of 32 bytes.
func (k AgentKey) Public() string { return base64.StdEncoding.EncodeToString(k.public()[:]) }

func (k AgentKey) public() *[32]byte {
	public, err := curve25519.X25519(k.private[:], curve25519.Basepoint)
	if err != nil {
		panic(err) // only for a point that is not the base point
	}
	return (*[32]byte)(public)
}

// String is the public key.
func (k AgentKey) String() string { return k.Public() }

// GoString is String.
func (k AgentKey) GoString() string { return "auth.AgentKey(" + k.Public() + ")" }

// Kind is "agent".
func (Agent) Kind() string { return "agent" }

// Interact implements Interactor: the service gives a macaroon with a caveat
// that only the key can discharge.
func (a Agent) Interact(ctx context.Context, client *transport.Client, base *url.URL, info json.RawMessage) (*DischargeToken, error) {
	var where struct {
		LoginURL string `json:"login-url"`
	}
	if err := json.Unmarshal(info, &where); err != nil {
		return nil, fmt.Errorf("cannot read how to log in: %w", err)
	}
	at, err := resolve(base, where.LoginURL)
	if err != nil {
		return nil, err
	}
	query := at.Query()
	query.Set("username", a.Username)
	query.Set("public-key", a.Key.Public())
	at.RawQuery = query.Encode()
	var answer struct {
		Macaroon json.RawMessage `json:"macaroon"`
	}
	if err := client.JSON(ctx, bakeryCall(http.MethodGet, at.String(), nil, &answer)); err != nil {
		return nil, err
	}
	root, err := decodeAnswer(answer.Macaroon)
	if err != nil {
		return nil, err
	}
	slice, err := dischargeAll(root, a.Key.discharge)
	if err != nil {
		return nil, err
	}
	value, err := slice.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return &DischargeToken{Kind: "agent", Value: value}, nil
}

// discharge opens a caveat that was sealed for this key. Only "true" may be
// asked: the key proves who the agent is, nothing else.
func (k AgentKey) discharge(caveat macaroon.Caveat, external []byte) (bakeryMacaroon, error) {
	sealed := caveat.Id
	if external != nil {
		sealed = external
	}
	rootKey, condition, err := k.open(sealed)
	if err != nil {
		return bakeryMacaroon{}, fmt.Errorf("cannot prove the agent's key: %w", err)
	}
	if condition != "true" {
		return bakeryMacaroon{}, fmt.Errorf("cannot prove the agent's key: the service asks for %.80q", condition)
	}
	version := macaroon.LatestVersion
	if isText(caveat.Id) {
		version = macaroon.V1
	}
	m, err := macaroon.New(rootKey, caveat.Id, "", version)
	return bakeryMacaroon{macaroon: m}, err
}

// open reads the three formats of a bakery caveat.
//
//	1    base64 of JSON with a box of JSON {RootKey, Condition}
//	2,3  version, 4 bytes of our key, 32 of theirs, 24 of nonce, then a box of
//	     version, length and root key, (3: length and namespace), condition
func (k AgentKey) open(sealed []byte) (rootKey []byte, condition string, err error) {
	if len(sealed) == 0 {
		return nil, "", errors.New("the caveat is empty")
	}
	switch version := sealed[0]; version {
	case 'e':
		return k.openV1(sealed)
	case 2, 3:
		const head = 1 + 4 + 32 + 24
		if len(sealed) < head+box.Overhead {
			return nil, "", errors.New("the caveat is cut off")
		}
		if !bytes.Equal(sealed[1:5], k.public()[:4]) {
			return nil, "", errors.New("the caveat is for another key")
		}
		plain, ok := box.Open(nil, sealed[head:], (*[24]byte)(sealed[37:61]), (*[32]byte)(sealed[5:37]), &k.private)
		if !ok || len(plain) == 0 || plain[0] != version {
			return nil, "", errors.New("the caveat cannot be opened")
		}
		rootKey, plain, ok = takeField(plain[1:])
		if ok && version == 3 {
			_, plain, ok = takeField(plain)
		}
		if !ok {
			return nil, "", errors.New("the caveat's content is cut off")
		}
		return rootKey, string(plain), nil
	}
	return nil, "", fmt.Errorf("unknown caveat format %d", sealed[0])
}

func takeField(data []byte) (field, rest []byte, ok bool) {
	length, n := binary.Uvarint(data)
	if n <= 0 || length > uint64(len(data)-n) {
		return nil, nil, false
	}
	return data[n : n+int(length)], data[n+int(length):], true
}

func (k AgentKey) openV1(sealed []byte) ([]byte, string, error) {
	text, err := macaroon.Base64Decode(sealed)
	if err != nil {
		return nil, "", errors.New("the caveat is not base64")
	}
	var outer struct {
		ThirdPartyPublicKey, FirstPartyPublicKey, Nonce []byte
		Id                                              string
	}
	if err := json.Unmarshal(text, &outer); err != nil || len(outer.FirstPartyPublicKey) != 32 || len(outer.Nonce) != 24 {
		return nil, "", errors.New("the caveat is cut off")
	}
	if !bytes.Equal(outer.ThirdPartyPublicKey, k.public()[:]) {
		return nil, "", errors.New("the caveat is for another key")
	}
	id, err := macaroon.Base64Decode([]byte(outer.Id))
	if err != nil {
		return nil, "", errors.New("the caveat is not base64")
	}
	plain, ok := box.Open(nil, id, (*[24]byte)(outer.Nonce), (*[32]byte)(outer.FirstPartyPublicKey), &k.private)
	var inner struct {
		RootKey   []byte
		Condition string
	}
	if !ok || json.Unmarshal(plain, &inner) != nil {
		return nil, "", errors.New("the caveat cannot be opened")
	}
	return inner.RootKey, inner.Condition, nil
}
