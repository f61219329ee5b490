package assertion_test

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

func TestWhatCannotBeWrittenIsNotSigned(t *testing.T) {
	root := assertiontest.NewRoot(t, "root-one", assertiontest.RootKey)
	account := assertiontest.AccountHeaders("acme")
	schema := with(sound()["confdb-schema"].headers, "authority-id", "root-one")
	for name, tc := range map[string]struct {
		h    headers
		body string
		want string
	}{
		"type":            {with(account, "type", "acount"), "", "unknown assertion type"},
		"number":          {with(account, "x", 1), "", "only strings"},
		"number in a map": {with(account, "x", headers{"k": list(true)}), "", "only strings"},
		"name":            {with(account, "X", "a"), "", "invalid header name"},
		"key":             {with(account, "x", headers{"K": "a"}), "", "invalid key"},
		"empty element":   {with(account, "x", list("a", list())), "", "empty element"},
		"not UTF-8":       {with(account, "x", "\xff"), "", "UTF-8"},
		"body not UTF-8":  {account, "\xff", "UTF-8"},
		"body length":     {with(account, "body-length", "3"), "abc", "computed"},
		"key id":          {with(account, "sign-key-sha3-384", digest("x")), "", "computed"},
		"no key":          {with(account, "account-id", nil), "", "mandatory"},
		"schema body":     {schema, "storage", "JSON"},
		"schema content":  {schema, "{}", "storage"},
		"too long":        {with(account, "x", strings.Repeat("a", 1<<17)), "", "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := root.TrySign(tc.h, []byte(tc.body))
			if err == nil {
				t.Fatalf("signed %q", a.Content())
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q does not say %q", err, tc.want)
			}
		})
	}
}

func TestEmptyHeadersAreLeftOut(t *testing.T) {
	root := assertiontest.NewRoot(t, "root-one", assertiontest.RootKey)
	a := root.Sign(t, with(assertiontest.AccountHeaders("acme"), "a", list(), "b", headers{}, "c", headers{"k": list()}, "d", "", "e", []string{"x"}, "revision", "0"), nil)
	for name, want := range map[string]bool{"a": false, "b": false, "c": false, "d": true, "e": true, "revision": false} {
		if got := a.Header(name) != nil; got != want {
			t.Errorf("header %q written: %v, want %v", name, got, want)
		}
	}
}

func TestSchemasAreWrittenTheWayDevicesWantThem(t *testing.T) {
	root := assertiontest.NewRoot(t, "root-one", assertiontest.RootKey)
	a := root.Sign(t, sound()["confdb-schema"].headers, []byte(`{"storage":{"b":1.50,"a":[]},"x":"y"}`))
	want := "{\n  \"storage\": {\n    \"a\": [],\n    \"b\": 1.50\n  },\n  \"x\": \"y\"\n}"
	if string(a.Body()) != want {
		t.Errorf("body %s", a.Body())
	}
	loose := strings.Replace(string(a.Encoded()), "    \"a\": []", "  \t\"a\": []", 1)
	loose = strings.Replace(loose, "body-length: "+strconv.Itoa(len(want)), "body-length: "+strconv.Itoa(len(want)-1), 1)
	if _, err := assertion.Parse([]byte(loose)); err == nil || !strings.Contains(err.Error(), "indented") {
		t.Errorf("another layout: %v", err)
	}
}

func TestKeysAreWrittenAsTheyAreRead(t *testing.T) {
	private, err := assertion.GenerateKey(2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := assertion.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	public := signer.PublicKey()
	again, err := assertion.ParsePublicKey(public.Encode())
	if err != nil || again.ID() != public.ID() || !again.RSA().Equal(public.RSA()) {
		t.Fatalf("read back as %v, %v", again, err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(public.Encode()), "\n", ""))
	if err != nil || string(raw) != "\x01"+string(public.MarshalPacket()) {
		t.Errorf("the text is not version 1 and the packet: %v", err)
	}
	for line := range strings.SplitSeq(string(public.Encode()), "\n") {
		if len(line) > 76 {
			t.Errorf("line of %d columns", len(line))
		}
	}
	if len(public.ID()) != 64 {
		t.Errorf("id %q", public.ID())
	}
}

func TestUnknownTypesCanBeTold(t *testing.T) {
	if _, err := assertion.Sign(headers{"type": "nothing"}, nil, assertiontest.Signer(assertiontest.RootKey)); !errors.Is(err, assertion.ErrUnknownType) {
		t.Errorf("signing: %v", err)
	}
	if _, err := assertion.ParseRef("nothing/x"); !errors.Is(err, assertion.ErrUnknownType) {
		t.Errorf("referring: %v", err)
	}
}
