package auth

import (
	"encoding/base64"
	"errors"
	"reflect"
	"testing"

	"gopkg.in/macaroon.v2"
)

func seeds(f *testing.F) {
	for _, g := range readGoldens(f) {
		for _, c := range g.Cases {
			f.Add(c.Text)
			f.Add(c.Exported)
		}
	}
	for _, text := range []string{
		"", "{", "{}", `{"t":"bearer","v":"tok-12345"}`, `{"macaroon":"R","discharges":["D"]}`, `{"root":"R","discharge":"D"}`,
		`{"t":"basic","v":{"u":"a","p":"b"}}`, "[login.ubuntu.com]\nmacaroon = R\nunbound_discharge = D\n", "[", "[]\n=", `{"r":"R","d":"D"}`,
	} {
		f.Add(text)
	}
}

// FuzzParse: whatever is read can be written, and is then the same.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrNotParseable) || c.Kind != None {
				t.Fatalf("%v with %#v", err, c)
			}
			return
		}
		exported, err := c.Export()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseExported(exported)
		if err != nil {
			t.Fatal(err)
		}
		// The envelope has no place for what only other encodings say.
		c.Location, c.Store = "", ""
		if len(c.Discharges) == 0 {
			c.Discharges, again.Discharges = nil, nil
		}
		if !reflect.DeepEqual(again, c) {
			t.Fatalf("read %+v of its own %+v", again.Kind, c.Kind)
		}
	})
}

// FuzzParseExported: only base64 is read, and Parse reads it alike.
func FuzzParseExported(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseExported(text)
		if err != nil {
			if !errors.Is(err, ErrNotParseable) {
				t.Fatal(err)
			}
			return
		}
		if _, err := c.Export(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzParseINI: an accepted file has both options.
func FuzzParseINI(f *testing.F) {
	f.Add("[login.ubuntu.com]\nmacaroon = R\nunbound_discharge = D\n", "")
	f.Add("[a]\n[b]\nmacaroon: R\nunbound_discharge:D", "b")
	f.Add("#\n;\n\n[x", "x")
	f.Fuzz(func(t *testing.T, text, section string) {
		c, err := ParseINI(text, section)
		if err == nil && (c.Kind != UbuntuOne || c.Root == "" || len(c.Discharges) != 1 || c.Discharges[0] == "") {
			t.Fatalf("read %#v", c)
		}
		if err != nil && !errors.Is(err, ErrNotParseable) {
			t.Fatal(err)
		}
	})
}

// FuzzMacaroon: what is read as a macaroon can be bound and sent.
func FuzzMacaroon(f *testing.F) {
	for _, g := range readGoldens(f) {
		f.Add(g.Cases[0].Root)
	}
	v2, err := macaroon.New([]byte("k"), []byte("id"), "loc", macaroon.V2)
	if err != nil {
		f.Fatal(err)
	}
	text, err := v2.MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{"m":` + string(text) + `,"v":3,"cdata":{"AA":"AA"}}`)
	f.Add(base64.StdEncoding.EncodeToString([]byte{2}))
	f.Add(`{"identifier":"x","signature":"00","caveats":[{"cid":"a","vid":"AA","cl":"x"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := decodeMacaroon(text)
		if err != nil {
			return
		}
		_, _ = identityCaveat(m, "https://login.example")
		if _, err := encodeMacaroon(m); err != nil {
			return // the old format cannot hold what JSON can
		}
		if _, err := NewUbuntuOne(text, text).Header(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzAgentCaveat: only a caveat that was sealed for the key opens.
func FuzzAgentCaveat(f *testing.F) {
	key, err := ParseAgentKey("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		f.Fatal(err)
	}
	for _, version := range []byte{1, 2, 3} {
		f.Add(seal(f, version, key.public(), []byte("root key"), "true"))
	}
	f.Fuzz(func(_ *testing.T, sealed []byte) {
		_, _ = key.discharge(macaroon.Caveat{Id: sealed}, nil)
	})
}
