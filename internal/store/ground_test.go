package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestDigestHasOneSpellingInEachForm(t *testing.T) {
	var d Digest
	for i := range d {
		d[i] = byte(255 - i)
	}
	if back, err := ParseHex(d.Hex()); err != nil || back != d {
		t.Errorf("hex came back as %v, %v", back, err)
	}
	if back, err := ParseBase64URL(d.Base64URL()); err != nil || back != d {
		t.Errorf("base64 came back as %v, %v", back, err)
	}
	text, err := json.Marshal(d)
	var back Digest
	if err != nil || json.Unmarshal(text, &back) != nil || back != d {
		t.Errorf("JSON %s came back as %v, %v", text, back, err)
	}
	for name, parse := range map[string]func() (Digest, error){
		"short hex":            func() (Digest, error) { return ParseHex(d.Hex()[2:]) },
		"long hex":             func() (Digest, error) { return ParseHex(d.Hex() + "00") },
		"no hex":               func() (Digest, error) { return ParseHex(strings.Repeat("g", 96)) },
		"base64 as hex":        func() (Digest, error) { return ParseHex(d.Base64URL()) },
		"padded base64":        func() (Digest, error) { return ParseBase64URL(d.Base64URL() + "=") },
		"base64 with newline":  func() (Digest, error) { return ParseBase64URL(d.Base64URL() + "\n") },
		"base64 not for URLs":  func() (Digest, error) { return ParseBase64URL(strings.Repeat("+", 64)) },
		"nothing":              func() (Digest, error) { return ParseBase64URL("") },
		"newlines for letters": func() (Digest, error) { return ParseBase64URL(strings.Repeat("A", 63) + "\n") },
	} {
		if got, err := parse(); CodeOf(err) != "invalid-digest" || !got.IsZero() {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestEpochCanRead(t *testing.T) {
	for _, c := range []struct {
		candidate, installed string
		want                 bool
	}{
		{"0", "0", true}, {"1", "0", false}, {"1*", "0", true}, {"1", "1*", true},
		{"2", "1*", false}, {"2*", "1*", true}, {"2*", "0", false}, {"0", "1*", false},
	} {
		if got := epochs[c.candidate].CanRead(epochs[c.installed]); got != c.want {
			t.Errorf("%s over %s: got %v, want %v", c.candidate, c.installed, got, c.want)
		}
	}
}

func TestErrorKeepsItsKindThroughWrapping(t *testing.T) {
	cause := errors.New("disk on fire")
	e := NotFoundf("name-not-found", "cannot find %q", "tool").Try("register it").Because(cause)
	wrapped := fmt.Errorf("cannot refresh: %w", e)
	if KindOf(wrapped) != KindNotFound || CodeOf(wrapped) != "name-not-found" || !errors.Is(wrapped, cause) {
		t.Errorf("got %v, %q", KindOf(wrapped), CodeOf(wrapped))
	}
	if got, want := e.Error(), `cannot find "tool" (register it): disk on fire`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if KindOf(cause) != KindInternal || CodeOf(cause) != "" {
		t.Error("a foreign error has a kind or a code of ours")
	}
}

func TestPrincipalMayWhatItsRoleMay(t *testing.T) {
	for _, c := range []struct {
		who  Principal
		perm Permission
		want bool
	}{
		{Principal{}, PermView, true},
		{Principal{}, PermOverride, false},
		{Principal{Role: RoleDevice}, PermRelease, false},
		{Principal{Role: "unheard of"}, PermView, false},
		{Host("root"), PermOverride, true},
		{Host("root"), PermStore, true},
	} {
		err := c.who.Need(c.perm)
		if (err == nil) != c.want || err != nil && KindOf(err) != KindForbidden {
			t.Errorf("%+v, %s: got %v", c.who, c.perm, err)
		}
	}
}
