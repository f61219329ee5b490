package credential

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gopkg.in/macaroon.v2"
)

func text(t testing.TB, m Macaroon) string {
	t.Helper()
	return must[Secret](t)(m.Text()).Reveal()
}

func TestParseAuthorization(t *testing.T) {
	pair := good(t, U1Root)
	root, dis := text(t, pair[0]), text(t, pair[1])
	single := text(t, good(t, Exchanged)[0])
	slice := must[Secret](t)(good(t, BakeryRoot).EncodeHeader()).Reveal()
	rawSingle, _ := base64.RawURLEncoding.DecodeString(single)
	for _, c := range []struct {
		name, header string
		kind         Kind
		macaroons    int
	}{
		{"snapd", `Macaroon root="` + root + `", discharge="` + dis + `"`, KindPair, 2},
		{"craft-store", "Macaroon root=" + root + ", discharge=" + dis, KindPair, 2},
		{"web team", "macaroon root=" + root + ", discharge=" + dis, KindPair, 2},
		{"no blank", "Macaroon root=" + root + ",discharge=" + dis, KindPair, 2},
		{"other order", "Macaroon discharge=" + dis + ", root=" + root, KindPair, 2},
		{"capitals", "MACAROON ROOT=" + root + " , DISCHARGE=\"" + dis + `"`, KindPair, 2},
		{"two discharges", "Macaroon root=" + root + ", discharge=" + dis + ", discharge=" + dis, KindPair, 3},
		{"root alone", `Macaroon root="` + root + `"`, KindPair, 1},
		{"exchanged", "Macaroon " + single, KindSingle, 1},
		{"on-prem snapcraft", "macaroon " + single, KindSingle, 1},
		{"bearer", "Bearer " + single, KindSingle, 1},
		{"padded", "Bearer " + base64.URLEncoding.EncodeToString(rawSingle), KindSingle, 1},
		{"standard alphabet", "Bearer " + base64.StdEncoding.EncodeToString(rawSingle), KindSingle, 1},
		{"blanks around", "  Macaroon   " + single + " ", KindSingle, 1},
		{"bakery slice", "Macaroon " + slice, KindSlices, 2},
		{"opaque", "Bearer abc.def-123", KindOpaque, 0},
		{"opaque that is base64", "Macaroon AAAA", KindOpaque, 0},
		{"an envelope", `Macaroon {"t":"macaroon","v":"` + single + `"}`, KindSingle, 1},
		{"an envelope in Python's style", `Macaroon {"t": "macaroon", "v": "` + slice + `"}`, KindSlices, 2},
		{"basic", "Basic " + base64.StdEncoding.EncodeToString([]byte("alice:pass:word")), KindBasic, 0},
		{"basic without padding", "basic " + base64.RawStdEncoding.EncodeToString([]byte("alice:pass:word!")), KindBasic, 0},
	} {
		p, err := ParseAuthorization(c.header)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		n := 0
		for _, s := range p.Slices {
			n += len(s)
		}
		if p.Kind != c.kind || n != c.macaroons {
			t.Errorf("%s is %s with %d macaroons, want %s with %d", c.name, p.Kind, n, c.kind, c.macaroons)
		}
		switch p.Kind {
		case KindPair:
			if text(t, p.Slices[0][0]) != root {
				t.Errorf("%s has another root", c.name)
			}
		case KindBasic:
			if p.User != "alice" || !strings.HasPrefix(p.Password.Reveal(), "pass:word") {
				t.Errorf("%s is %q", c.name, p.User)
			}
		case KindOpaque, KindSingle:
			if !strings.Contains(c.header, p.Text.Reveal()) || p.Text.IsZero() {
				t.Errorf("%s has another text", c.name)
			}
		}
	}
}

func TestParseAuthorizationRefuses(t *testing.T) {
	pair := good(t, U1Root)
	root, dis := text(t, pair[0]), text(t, pair[1])
	two := base64.RawURLEncoding.EncodeToString(append(must[[]byte](t)(pair[0].binary()), must[[]byte](t)(pair[1].binary())...))
	for name, header := range map[string]string{
		"empty":                   "",
		"scheme alone":            "Macaroon",
		"scheme and blank":        "Macaroon ",
		"unknown scheme":          "Digest " + root,
		"two roots":               "Macaroon root=" + root + ", root=" + root,
		"no root":                 "Macaroon discharge=" + dis,
		"unknown name":            "Macaroon root=" + root + ", realm=x",
		"unknown name first":      "Macaroon realm=x, root=" + root,
		"no value":                "Macaroon root=",
		"empty quotes":            `Macaroon root=""`,
		"open quote":              `Macaroon root="` + root,
		"quote inside":            `Macaroon root="` + root[:9] + `"` + root[9:] + `"`,
		"trailing comma":          "Macaroon root=" + root + ",",
		"no comma":                "Macaroon root=" + root + " discharge=" + dis,
		"root is two macaroons":   "Macaroon root=" + two,
		"root is no base64":       "Macaroon root=#",
		"root is no macaroon":     "Macaroon root=AAAA",
		"root is cut short":       "Macaroon root=" + root[:len(root)-8],
		"joined headers":          "Macaroon root=" + root + ", Macaroon root=" + root,
		"an envelope of a pair":   `Macaroon {"t":"u1-macaroon","v":{"r":"` + root + `","d":"` + dis + `"}}`,
		"an envelope as bearer":   `Bearer {"r":"x"}`,
		"an envelope in one":      `Macaroon {"t":"macaroon","v":"{\"t\":\"macaroon\",\"v\":\"` + root + `\"}"}`,
		"an empty envelope":       `Macaroon {"t":"macaroon","v":""}`,
		"an envelope with more":   `Macaroon {"t":"macaroon","v":"` + root + `","x":1}`,
		"two envelopes":           `Macaroon {"t":"macaroon","v":"` + root + `"}{}`,
		"half an envelope":        `Macaroon {`,
		"two words":               "Bearer abc def",
		"basic without colon":     "Basic " + base64.StdEncoding.EncodeToString([]byte("alice")),
		"basic that is no base64": "Basic ###",
	} {
		_, err := ParseAuthorization(header)
		if err == nil {
			t.Errorf("%s is read", name)
			continue
		}
		wantCode(t, err, CodeMalformed)
	}
}

// P26: credentials are bounded.
func TestP26Limits(t *testing.T) {
	root := text(t, good(t, U1Root)[0])
	many := good(t, Exchanged)[0]
	for range maxCaveats {
		many = with(many, "x")
	}
	for name, header := range map[string]string{
		"header":     "Bearer " + strings.Repeat("A", maxHeader),
		"discharges": "Macaroon root=" + root + strings.Repeat(", discharge="+small(t), maxDischarges+1),
		"caveats":    "Macaroon " + text(t, many),
	} {
		_, err := ParseAuthorization(header)
		t.Run(name, func(t *testing.T) { wantCode(t, err, CodeTooLarge) })
	}
	slice := must[Secret](t)(Slice{good(t, Exchanged)[0]}.EncodeHeader()).Reveal()
	deep := make(Slice, maxDischarges+2)
	for i := range deep {
		deep[i] = must[Macaroon](t)(decodeOne(small(t)))
	}
	for name, values := range map[string][]string{
		"slices in one header": {strings.Repeat(slice+",", maxSlices+1)},
		"headers":              slices.Repeat([]string{slice}, maxSlices+1),
		"bytes of all headers": {strings.Repeat(" ", maxHeader/2), strings.Repeat(" ", maxHeader/2+1)},
		"macaroons in a slice": {must[Secret](t)(deep.EncodeHeader()).Reveal()},
		"caveats in a slice":   {must[Secret](t)(Slice{many}.EncodeHeader()).Reveal()},
	} {
		_, err := ParseMacaroons(values)
		t.Run(name, func(t *testing.T) { wantCode(t, err, CodeTooLarge) })
	}
}

// small is the text of a macaroon of few bytes.
func small(t testing.TB) string {
	t.Helper()
	m := must[*macaroon.Macaroon](t)(macaroon.New([]byte("k"), []byte("i"), "", macaroon.V1))
	return text(t, wrap(m))
}

func TestParseMacaroonsReadsEveryForm(t *testing.T) {
	s := good(t, BakeryRoot)
	v1 := good(t, Exchanged)[0]
	v2json := must[Secret](t)(s[0].JSON()).Reveal()
	v3json := must[Secret](t)(s[0].BakeryJSON(3)).Reveal()
	v1json := must[Secret](t)(v1.JSON()).Reveal()
	var fields map[string]any
	if err := json.Unmarshal([]byte(v1json), &fields); err != nil {
		t.Fatal(err)
	}
	id := fields["identifier"].(string)
	delete(fields, "identifier")
	fields["identifier64"] = base64.RawURLEncoding.EncodeToString([]byte(id))
	for _, c := range fields["caveats"].([]any) {
		caveat := c.(map[string]any)
		caveat["cid64"] = base64.URLEncoding.EncodeToString([]byte(caveat["cid"].(string)))
		delete(caveat, "cid")
	}
	v1json64 := string(must[[]byte](t)(json.Marshal(fields)))
	inString := string(must[[]byte](t)(json.Marshal(text(t, v1))))
	for name, c := range map[string]struct {
		json string
		want Macaroon
	}{
		"V2":            {"[" + v2json + "]", s[0]},
		"bakery 3":      {"[" + v3json + "]", s[0]},
		"V1":            {"[" + v1json + "]", v1},
		"V1 in base64":  {"[" + v1json64 + "]", v1},
		"binary string": {"[" + inString + "]", v1},
		"no array":      {v2json, s[0]},
		"blanks":        {" [ " + v2json + " ]\n", s[0]},
	} {
		for alphabet, encoding := range map[string]*base64.Encoding{
			"standard": base64.StdEncoding, "standard, raw": base64.RawStdEncoding,
			"URL": base64.URLEncoding, "URL, raw": base64.RawURLEncoding,
		} {
			got, err := ParseMacaroons([]string{encoding.EncodeToString([]byte(c.json))})
			if err != nil || len(got) != 1 || len(got[0]) != 1 {
				t.Errorf("%s in %s base64: %v", name, alphabet, err)
				continue
			}
			if !sameMacaroon(got[0][0], c.want) {
				t.Errorf("%s in %s base64 is another macaroon", name, alphabet)
			}
		}
	}
}

// sameMacaroon compares all but the version, which no signature depends on.
func sameMacaroon(a, b Macaroon) bool {
	if a.Location() != b.Location() || string(a.ID()) != string(b.ID()) || string(a.raw().Signature()) != string(b.raw().Signature()) {
		return false
	}
	ac, bc := a.raw().Caveats(), b.raw().Caveats()
	if len(ac) != len(bc) {
		return false
	}
	for i := range ac {
		if string(ac[i].Id) != string(bc[i].Id) || string(ac[i].VerificationId) != string(bc[i].VerificationId) || ac[i].Location != bc[i].Location {
			return false
		}
	}
	return true
}

func TestParseMacaroonsRefuses(t *testing.T) {
	v2 := must[Secret](t)(good(t, BakeryRoot)[0].JSON()).Reveal()
	for name, text := range map[string]string{
		"null":                     "null",
		"a number":                 "12",
		"a string":                 `"x"`,
		"an empty array":           "[]",
		"an array of null":         "[null]",
		"an array of an array":     "[[" + v2 + "]]",
		"an empty object":          "{}",
		"a wrapper in a wrapper":   `{"m":{"m":` + v2 + `,"v":3},"v":3}`,
		"an empty wrapper":         `{"m":null,"v":3}`,
		"no signature":             `{"i":"a"}`,
		"a signature too short":    `{"i":"a","s":"b"}`,
		"identifiers in two forms": strings.Replace(v2, `"i":`, `"i64":"AA","i":`, 1),
		"text after it":            v2 + v2,
		"cut short":                "[" + v2,
	} {
		if _, err := decodeSliceJSON([]byte(text)); err == nil {
			t.Errorf("%s is read", name)
		}
		_, err := ParseMacaroons([]string{base64.StdEncoding.EncodeToString([]byte(text))})
		if err == nil {
			t.Errorf("%s is read", name)
			continue
		}
		wantCode(t, err, CodeMalformed)
	}
	_, err := ParseMacaroons([]string{"###"})
	wantCode(t, err, CodeMalformed)
}

func TestFromHeader(t *testing.T) {
	s := good(t, BakeryRoot)
	b64 := must[Secret](t)(s.EncodeHeader()).Reveal()
	exchanged := "Macaroon " + text(t, good(t, Exchanged)[0])
	for _, c := range []struct {
		name   string
		header http.Header
		kind   Kind
		slices int
	}{
		{"nothing", http.Header{}, KindNone, 0},
		{"authorization", http.Header{"Authorization": {exchanged}}, KindSingle, 1},
		{"macaroons", http.Header{"Macaroons": {b64}}, KindSlices, 1},
		{"macaroons twice", http.Header{"Macaroons": {b64, b64}}, KindSlices, 2},
		{"macaroons with commas", http.Header{"Macaroons": {b64 + ", " + b64 + ",", b64}}, KindSlices, 3},
		{"cookie", http.Header{"Cookie": {"a=b; macaroon-authn=" + b64 + "; macaroon-authz=" + b64}}, KindSlices, 2},
		{"others' cookies", http.Header{"Cookie": {"macaroon-x=garbage; session=" + b64}}, KindNone, 0},
		{"garbage beside a cookie", http.Header{"Cookie": {"macaroon-x=garbage; macaroon-y=" + b64}}, KindSlices, 1},
		{"authorization before others", http.Header{"Authorization": {exchanged}, "Macaroons": {"garbage"}}, KindSingle, 1},
		{"a device", http.Header{"Snap-Device-Authorization": {exchanged}}, KindNone, 0},
	} {
		p, err := FromHeader(c.header)
		if err != nil || p.Kind != c.kind || len(p.Slices) != c.slices {
			t.Errorf("%s is %s with %d slices (%v), want %s with %d", c.name, p.Kind, len(p.Slices), err, c.kind, c.slices)
		}
	}
	_, err := FromHeader(http.Header{"Authorization": {exchanged, exchanged}})
	wantCode(t, err, CodeMalformed)
	_, err = FromHeader(http.Header{"Macaroons": {"garbage"}})
	wantCode(t, err, CodeMalformed)
}

// What clients send on their way to us verifies.
func TestPresentedCredentialsVerify(t *testing.T) {
	pair := good(t, U1Root)
	p := must[Presented](t)(ParseAuthorization(fmt.Sprintf("Macaroon root=%q, discharge=%q", text(t, pair[0]), text(t, pair[1]))))
	if _, err := ring().Verify(now, p.Slices[0], U1Root); err != nil {
		t.Errorf("a pair: %v", err)
	}
	b64 := must[Secret](t)(good(t, BakeryRoot).EncodeHeader()).Reveal()
	p = must[Presented](t)(FromHeader(http.Header{"Macaroons": {b64}}))
	if _, err := ring().Verify(now, p.Slices[0], BakeryRoot); err != nil {
		t.Errorf("a slice: %v", err)
	}
}
