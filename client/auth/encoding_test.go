package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// golden is what a version of Python craft-store wrote, with its own code.
type golden struct {
	Version string
	Cases   []goldenCase
	// Header is the Authorization header that pymacaroons's binding gives.
	Header string
	// File is a credentials.json of its FileKeyring.
	File string
}

type goldenCase struct {
	Name, Encoding, Text, Exported string
	Kind, Root, Token, Location    string
	Discharges                     []string
}

var encodingNames = map[string]Encoding{
	"envelope": Envelope, "untyped": Untyped, "raw": Raw, "developer": DeveloperToken, "ini": INI, "snapd": Snapd, "surl": Surl,
}

func readGoldens(t testing.TB) []golden {
	t.Helper()
	files, err := filepath.Glob("testdata/craft-store-*.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("goldens %v: %v", files, err)
	}
	var all []golden
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(text, &g); err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	return all
}

// TestReadsAndWritesWhatCraftStoreDoes: what it wrote is read, with base64 and
// without, and what is written means the same to it.
func TestReadsAndWritesWhatCraftStoreDoes(t *testing.T) {
	for _, g := range readGoldens(t) {
		for _, c := range g.Cases {
			t.Run(c.Name, func(t *testing.T) {
				want := Credentials{Root: c.Root, Discharges: c.Discharges, Token: c.Token, Location: c.Location}
				for kind, name := range kindNames {
					if name == c.Kind {
						want.Kind = kind
					}
				}
				for form, text := range map[string]string{"text": c.Text, "exported": c.Exported, "with a newline": c.Exported + "\n"} {
					got, err := Parse(text)
					if err != nil || !reflect.DeepEqual(got, want) {
						t.Errorf("%s: got %#v, %v", form, got, err)
					}
				}
				if got, err := ParseExported(c.Exported); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("ParseExported: got %#v, %v", got, err)
				}
				written, err := want.Encode(encodingNames[c.Encoding])
				if err != nil || !sameText(written, c.Text) {
					t.Errorf("wrote %s, %v; want %s", written, err, c.Text)
				}
				if want.Kind == UbuntuOne {
					if header, err := want.Header(); err != nil || header != g.headerFor(want) {
						t.Errorf("header %s, %v", header, err)
					}
				}
			})
		}
	}
}

func (g golden) headerFor(Credentials) string { return g.Header }

// sameText compares as JSON where it is JSON: Python writes blanks.
func sameText(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil {
		return reflect.DeepEqual(x, y)
	}
	return a == b
}

func TestEveryEncodingOfOtherPrograms(t *testing.T) {
	tests := []struct {
		name, text string
		want       Credentials
	}{
		{"snapd's file", `{"macaroon":"R","discharges":["D1","D2"]}`, NewUbuntuOne("R", "D1", "D2")},
		{"snapd's tools, bearer", `{"t":"bearer","v":"tok-12345"}`, NewBearer("tok-12345")},
		{"surl, pair", `{"root":"R","discharge":"D","store":"ubuntu","type":"u1"}`, Credentials{Kind: UbuntuOne, Root: "R", Discharges: []string{"D"}, Store: "ubuntu"}},
		{"surl, one token", `{"root":"T","discharge":null,"store":"ubuntu","type":"web"}`, Credentials{Kind: Macaroon, Token: "T", Store: "ubuntu"}},
		{"name and password", `{"t":"basic","v":{"u":"ci","p":"pa ss"}}`, NewBasic("ci", "pa ss")},
		{"INI of several sections", "# old\n[other.example]\nx = 1\n[login.ubuntu.com]\nMacaroon: R\nunbound_discharge=D\n",
			Credentials{Kind: UbuntuOne, Root: "R", Discharges: []string{"D"}, Location: "login.ubuntu.com"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, text := range []string{tt.text, base64.StdEncoding.EncodeToString([]byte(tt.text))} {
				got, err := Parse(text)
				if err != nil || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("got %#v %+v, %v", got, got.Discharges, err)
				}
			}
		})
	}
}

// TestWhatIsWrittenIsRead covers every kind in every encoding that can hold it.
func TestWhatIsWrittenIsRead(t *testing.T) {
	all := []Credentials{
		NewUbuntuOne("R", "D"), NewUbuntuOne("R", "D1", "D2"), NewToken("tok-12345"), NewBearer("tok-12345"), NewBasic("u", "p<&>"),
	}
	held := map[Kind]int{}
	for _, c := range all {
		for name, e := range encodingNames {
			text, err := c.Encode(e)
			if err != nil {
				if !errors.Is(err, ErrNotParseable) {
					t.Errorf("%s in %s: %v", c, name, err)
				}
				continue
			}
			held[c.Kind]++
			got, err := Parse(text)
			if err != nil {
				t.Errorf("%s in %s: %v", c, name, err)
				continue
			}
			got.Location = ""
			want := c
			if e == Raw && c.Kind == Bearer {
				want.Kind = Macaroon // the scheme is not written
			}
			if e == DeveloperToken && c.Kind == Macaroon {
				want.Kind = Bearer
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s in %s: wrote %s, read %#v", c, name, text, got)
			}
		}
		exported, err := c.Export()
		if err != nil {
			t.Errorf("%s: %v", c, err)
		}
		if got, err := ParseExported(exported); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%s exported: read %#v, %v", c, got, err)
		}
	}
	if want := map[Kind]int{UbuntuOne: 7, Macaroon: 4, Bearer: 3, Basic: 1}; !reflect.DeepEqual(held, want) {
		t.Errorf("encodings per kind %v, want %v", held, want)
	}
}

func TestRefusesWhatIsNoCredentials(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                    " \n",
		"a number":                 "1234567890",
		"quoted":                   `"AgELdG9rZW4"`,
		"a list":                   `["R","D"]`,
		"broken JSON":              `{"t":"macaroon"`,
		"empty object":             `{}`,
		"unknown type":             `{"t":"oauth","v":"x"}`,
		"type of another kind":     `{"t":5,"v":"x"}`,
		"pair in a token envelope": `{"t":"macaroon","v":{"r":"R","d":"D"}}`,
		"token in a pair envelope": `{"t":"u1-macaroon","v":"T"}`,
		"envelope without value":   `{"t":"macaroon"}`,
		"empty token":              `{"t":"macaroon","v":""}`,
		"half a pair":              `{"r":"R"}`,
		"snapd without root":       `{"macaroon":5,"discharges":["D"]}`,
		"developer token, no text": `{"macaroon":{}}`,
		"surl without root":        `{"root":"","discharge":"D"}`,
		"INI without the options":  "[login.ubuntu.com]\nemail = a@b.example\n",
		"INI, cut section":         "[login.ubuntu.com\nmacaroon = R\n",
		"INI, option outside":      "# x\nmacaroon = R\n[login.ubuntu.com]\n",
		"two words":                "hello world",
		"control characters":       "tok\x00en-12345",
		"too long":                 strings.Repeat("a", MaxEncoded+1),
	} {
		if got, err := Parse(text); !errors.Is(err, ErrNotParseable) {
			t.Errorf("%s: got %#v, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{"no base64": "{}", "no text": base64.StdEncoding.EncodeToString([]byte{0xff, 0xfe}), "url alphabet": "_-__"} {
		if got, err := ParseExported(text); !errors.Is(err, ErrNotParseable) {
			t.Errorf("exported, %s: got %#v, %v", name, got, err)
		}
	}
}

// TestSecretsDoNotPrint: neither by a careless log line nor by JSON.
func TestSecretsDoNotPrint(t *testing.T) {
	key, err := NewAgentKey()
	if err != nil {
		t.Fatal(err)
	}
	c := Credentials{Kind: UbuntuOne, Root: "s3cret", Discharges: []string{"s3cret"}, Token: "s3cret", Password: "s3cret"}
	for _, v := range []any{c, &c, Password{Email: "a@b.example", Password: "s3cret", OTP: "s3cret"}, key,
		UbuntuOneLogin{Password: "s3cret", OTP: "s3cret"}, UbuntuOneGatewayLogin{UbuntuOneLogin: UbuntuOneLogin{Password: "s3cret"}},
		OfflineLogin{AdminMacaroon: "s3cret"}, BasicLogin{Password: "s3cret"}, TokenLogin{Credentials: c}, DashboardExchange{Pair: c}, Agent{Key: key}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(format, v); strings.Contains(text, "s3cret") || strings.Contains(text, key.Encode()) {
				t.Errorf("%s of %T shows %s", format, v, text)
			}
		}
	}
	if text, err := json.Marshal(c); err == nil {
		t.Errorf("JSON shows %s", text)
	}
}

func TestHeaderOfEachKind(t *testing.T) {
	for want, c := range map[string]Credentials{
		"Macaroon tok-1":         NewToken("tok-1"),
		"Bearer tok-1":           NewBearer("tok-1"),
		"Basic Y2k6cGFzcw==":     NewBasic("ci", "pass"),
		readGoldens(t)[0].Header: func() Credentials { c, _ := Parse(readGoldens(t)[0].Cases[0].Text); return c }(),
	} {
		if got, err := c.Header(); err != nil || got != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
	for name, c := range map[string]Credentials{
		"none": {}, "empty token": NewToken(""), "a line break": NewToken("a\r\nX-Evil: 1"), "no macaroon": NewUbuntuOne("R", "D"),
	} {
		if got, err := c.Header(); err == nil {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
