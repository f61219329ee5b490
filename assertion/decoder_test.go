package assertion_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/larder-store/larder/assertion"
)

// document wraps headers of an account around lines, with a signature that nobody
// has checked yet.
func document(lines string) string {
	return "type: account\nauthority-id: root-one\naccount-id: acme\ndisplay-name: A\nvalidation: verified\ntimestamp: " + when +
		"\n" + lines + "sign-key-sha3-384: " + digest("key") + "\n\nAXNT"
}

func TestHeaderGrammar(t *testing.T) {
	for name, tc := range map[string]struct {
		lines string
		want  any    // of header x
		err   string // instead
	}{
		"text":                      {lines: "x: a b\n", want: "a b"},
		"empty text":                {lines: "x: \n", want: ""},
		"text with colons":          {lines: "x: a: b: c\n", want: "a: b: c"},
		"leading space is kept":     {lines: "x:   a \n", want: "  a "},
		"carriage return is kept":   {lines: "x: a\r\n", want: "a\r"},
		"lines":                     {lines: "x:\n    a\n      b\n    \n    c\n", want: "a\n  b\n\nc"},
		"list":                      {lines: "x:\n  - a\n  - \n  - b\n", want: list("a", "", "b")},
		"list of lines":             {lines: "x:\n  -\n      a\n      b\n", want: list("a\nb")},
		"list of lists":             {lines: "x:\n  -\n    - a\n    - b\n  - c\n", want: list(list("a", "b"), "c")},
		"list of maps":              {lines: "x:\n  -\n    k: v\n    l: w\n", want: list(headers{"k": "v", "l": "w"})},
		"map":                       {lines: "x:\n  k: v\n  l:\n    - a\n  m:\n    n: o\n  p:\n      q\n", want: headers{"k": "v", "l": list("a"), "m": headers{"n": "o"}, "p": "q"}},
		"deep nesting":              {lines: nested(300), want: nest(300)},
		"one dash is text":          {lines: "x: - a\n", want: "- a"},
		"digits and dashes in name": {lines: "x: y\na1-b2: c\n", want: "y"},

		"no colon":                 {lines: "x\n", err: "colon"},
		"no space":                 {lines: "x:a\n", err: "space"},
		"nothing follows":          {lines: "x:\n", err: "neither"},
		"three spaces":             {lines: "x:\n   a\n", err: "colon"},
		"two spaces":               {lines: "x:\n  \n", err: "colon"},
		"one space":                {lines: "x:\n a\n", err: "neither"},
		"tab":                      {lines: "x:\n\ta: b\n", err: "neither"},
		"repeated name":            {lines: "x: a\nx: b\n", err: "repeated"},
		"repeated key":             {lines: "x:\n  k: a\n  k: b\n", err: "repeated"},
		"repeated type":            {lines: "type: account\n", err: "repeated"},
		"upper case name":          {lines: "X: a\n", err: "invalid name"},
		"name with underscore":     {lines: "a_b: a\n", err: "invalid name"},
		"name ends in dash":        {lines: "a-: a\n", err: "invalid name"},
		"name with two dashes":     {lines: "a--b: a\n", err: "invalid name"},
		"name starts with digit":   {lines: "1a: a\n", err: "invalid name"},
		"empty name":               {lines: ": a\n", err: "invalid name"},
		"bad key":                  {lines: "x:\n  K: v\n", err: "invalid name"},
		"dash without space":       {lines: "x:\n  -a\n", err: "space"},
		"deeper than expected":     {lines: "x:\n  k: v\n    l: w\n", err: "invalid name"},
		"list goes on as map":      {lines: "x:\n  - a\n  k: v\n", err: "invalid name"},
		"not UTF-8":                {lines: "x: \xff\n", err: "UTF-8"},
		"element without a value":  {lines: "x:\n  -\n", err: "neither"},
		"map entry without value":  {lines: "x:\n  k:\n", err: "neither"},
		"format is not a number":   {lines: "format: x\n", err: "format"},
		"format is negative":       {lines: "format: -1\n", err: "format"},
		"revision too large":       {lines: "revision: 99999999999999999999\n", err: "revision"},
		"body that is not there":   {lines: "body-length: 3\n", err: "EOF"},
		"body length is a list":    {lines: "body-length:\n  - 1\n", err: "body-length"},
		"body length is negative":  {lines: "body-length: -1\n", err: "body-length"},
		"body length has zeros":    {lines: "body-length: 00\n", err: "body-length"},
		"body length is unlimited": {lines: "body-length: 999999999\n", err: "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := assertion.Parse([]byte(document(tc.lines)))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v does not say %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := a.Header("x"); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %#v, want %#v", got, tc.want)
			}
			if !bytes.Contains(a.Content(), []byte(tc.lines)) {
				t.Error("the lines did not survive")
			}
		})
	}
}

func nested(depth int) string {
	var lines strings.Builder
	lines.WriteString("x:\n")
	for i := range depth {
		lines.WriteString(strings.Repeat(" ", 2*i) + "  -")
		if i == depth-1 {
			lines.WriteString(" a")
		}
		lines.WriteByte('\n')
	}
	return lines.String()
}

func nest(depth int) any {
	if depth == 0 {
		return "a"
	}
	return list(nest(depth - 1))
}

func TestFramingOutOfLineIsRefused(t *testing.T) {
	sound := document("")
	head, _, _ := strings.Cut(sound, "\n\n")
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":                 {"", "no input"},
		"blank line":              {"\n", "empty line"},
		"no signature":            {head, "EOF"},
		"empty signature":         {head + "\n\n", "no signature"},
		"newline for a signature": {head + "\n\n\n", "empty line"},
		"blank line first":        {"\n" + sound, "empty line"},
		"blank line after":        {sound + "\n\n", "follows"},
		"files joined":            {sound + "\n" + sound, "blank line after each"},
		"two documents":           {sound + "\n\n" + sound, "follows"},
		"body not announced":      {head + "\n\nbody\n\nAXNT", "follows"},
		"body longer":             {strings.Replace(head, "sign-key", "body-length: 3\nsign-key", 1) + "\n\nbody\n\nAXNT", "no blank line"},
		"body shorter":            {strings.Replace(head, "sign-key", "body-length: 5\nsign-key", 1) + "\n\nbody\n\nAXNT", "no blank line"},
		"body is not UTF-8":       {strings.Replace(head, "sign-key", "body-length: 1\nsign-key", 1) + "\n\n\xff\n\nAXNT", "UTF-8"},
		"unknown type":            {strings.Replace(sound, "type: account", "type: acount", 1), "unknown assertion type"},
		"type is a list":          {strings.Replace(sound, "type: account", "type:\n  - account", 1), "string"},
		"no type":                 {strings.Replace(sound, "type: account\n", "", 1), `"type" is mandatory`},
		"no authority":            {strings.Replace(sound, "authority-id: root-one\n", "", 1), `"authority-id" is mandatory`},
		"no key id":               {"type: account\n\nAXNT", `"sign-key-sha3-384" is mandatory`},
		"key id is no digest":     {strings.Replace(sound, digest("key"), "abc", 1), "SHA3-384"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := assertion.Parse([]byte(tc.text))
			if err == nil {
				t.Fatalf("accepted as %s", a.Ref())
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q does not say %q", err, tc.want)
			}
		})
	}
	if _, err := assertion.Parse([]byte(strings.Replace(sound, "type: account", "type: acount", 1))); !errors.Is(err, assertion.ErrUnknownType) {
		t.Errorf("%v is no ErrUnknownType", err)
	}
}

func TestFinalNewlineIsFraming(t *testing.T) {
	sound := document("x: y\n")
	for _, text := range []string{sound, sound + "\n"} {
		a, err := assertion.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(a.Encoded()); got != sound+"\n" {
			t.Errorf("got %q", got)
		}
		if string(a.Signature()) != "AXNT" {
			t.Errorf("signature %q", a.Signature())
		}
	}
}

func TestEmptyBodyMayHaveItsSeparator(t *testing.T) {
	text := strings.Replace(document(""), "\n\nAXNT", "\n\n\n\nAXNT\n", 1)
	a, err := assertion.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if string(a.Encoded()) != text || len(a.Body()) != 0 || !bytes.HasSuffix(a.Content(), []byte("\n\n")) {
		t.Errorf("content %q, body %q", a.Content(), a.Body())
	}
}

func TestBodiesMayHoldBlankLines(t *testing.T) {
	const body = "\n\n#!/bin/sh\n\n\n\nexit\n\n"
	s := sound()["repair"]
	s.body = body
	a := mustSign(t, "repair", s)
	for name, r := range map[string]io.Reader{
		"at once":      bytes.NewReader(a.Encoded()),
		"octet-wise":   iotest.OneByteReader(bytes.NewReader(a.Encoded())),
		"in a stream":  strings.NewReader(string(a.Encoded()) + "\n" + string(a.Encoded())),
		"end with EOF": iotest.DataErrReader(bytes.NewReader(a.Encoded())),
	} {
		t.Run(name, func(t *testing.T) {
			b, err := assertion.NewDecoder(r, assertion.Limits{}).Decode()
			if err != nil {
				t.Fatal(err)
			}
			if string(b.Body()) != body || !bytes.Equal(b.Encoded(), a.Encoded()) {
				t.Errorf("body %q", b.Body())
			}
		})
	}
}

func TestStreamsEndWithEOFOnlyWhenComplete(t *testing.T) {
	one := document("x: y\n")
	for cut := range len(one) - len("AXNT") {
		d := assertion.NewDecoder(strings.NewReader(one+"\n\n"+one[:cut]), assertion.Limits{})
		if _, err := d.Decode(); err != nil {
			t.Fatal(err)
		}
		_, err := d.Decode()
		if (err == io.EOF) != (cut == 0) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if _, again := d.Decode(); again != err {
			t.Fatalf("cut at %d: the error changed to %v", cut, again)
		}
	}
}

func TestReadErrorsArePassedOn(t *testing.T) {
	broken := errors.New("broken")
	text := document("x: y\n")
	for _, n := range []int{0, 10, len(text) - 2} {
		r := io.MultiReader(strings.NewReader(text[:n]), iotest.ErrReader(broken))
		if _, err := assertion.NewDecoder(r, assertion.Limits{}).Decode(); !errors.Is(err, broken) {
			t.Errorf("after %d octets: %v", n, err)
		}
	}
}

// endless never ends and counts what was taken.
type endless struct {
	text  string
	taken int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[(e.taken+i)%len(e.text)]
	}
	e.taken += len(p)
	return len(p), nil
}

func TestReadingIsBounded(t *testing.T) {
	const kib = 1 << 10
	unsigned := strings.TrimSuffix(document(""), "AXNT")
	for name, tc := range map[string]struct {
		start  string
		repeat string
		limits assertion.Limits
		most   int
	}{
		"one header line":  {"x: ", "a", assertion.Limits{}, 140 * kib},
		"many headers":     {"", "a: b\n", assertion.Limits{}, 140 * kib},
		"one signature":    {unsigned, "A", assertion.Limits{}, 140 * kib},
		"signature lines":  {unsigned, "AAAA\n", assertion.Limits{}, 140 * kib},
		"smaller headers":  {"x: ", "a", assertion.Limits{Headers: kib}, 16 * kib},
		"announced body":   {strings.Replace(unsigned, "sign-key", "body-length: 2097153\nsign-key", 1), "a", assertion.Limits{}, 16 * kib},
		"body over limit":  {strings.Replace(unsigned, "sign-key", "body-length: 2000\nsign-key", 1), "a", assertion.Limits{Body: kib}, 16 * kib},
		"too many in turn": {document("") + "\n\n" + document("") + "\n\n" + document("") + "\n\n", "a: b\n\n", assertion.Limits{Count: 2}, 16 * kib},
	} {
		t.Run(name, func(t *testing.T) {
			rest := &endless{text: tc.repeat}
			d := assertion.NewDecoder(io.MultiReader(strings.NewReader(tc.start), rest), tc.limits)
			var err error
			for err == nil {
				_, err = d.Decode()
			}
			if !errors.Is(err, assertion.ErrTooLarge) {
				t.Errorf("error %v", err)
			}
			if rest.taken > tc.most {
				t.Errorf("took %d octets, more than %d", rest.taken, tc.most)
			}
		})
	}
}

func TestLimitsAreReachable(t *testing.T) {
	long := strings.Repeat("x", 2<<20)
	s := sound()["repair"]
	s.body = long
	a := mustSign(t, "repair", s)
	if _, err := assertion.Parse(a.Encoded()); err != nil {
		t.Errorf("a body of 2 MiB: %v", err)
	}
	s.body += "x"
	a = mustSign(t, "repair", s)
	if _, err := assertion.Parse(a.Encoded()); !errors.Is(err, assertion.ErrTooLarge) {
		t.Errorf("a larger body: %v", err)
	}
	if _, err := assertion.NewDecoder(bytes.NewReader(a.Encoded()), assertion.RepairLimits).Decode(); err != nil {
		t.Errorf("a larger body of a repair: %v", err)
	}
	head := document("")
	fill := 128<<10 - strings.Index(head, "\n\n") - len("x: \n")
	if _, err := assertion.Parse([]byte(document("x: " + strings.Repeat("a", fill) + "\n"))); err != nil {
		t.Errorf("headers of 128 KiB: %v", err)
	}
	if _, err := assertion.Parse([]byte(document("x: " + strings.Repeat("a", fill+1) + "\n"))); !errors.Is(err, assertion.ErrTooLarge) {
		t.Errorf("larger headers: %v", err)
	}
}

func TestAssertionsCannotBeChanged(t *testing.T) {
	input := []byte(document("x:\n  - a\ny:\n  k: v\n"))
	a, err := assertion.Parse(input)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(a.Headers(), string(a.Encoded()))
	for i := range input {
		input[i] = '!'
	}
	a.Header("x").([]any)[0] = "changed"
	all := a.Headers()
	all["y"].(map[string]any)["k"] = "changed"
	delete(all, "type")
	_ = append(a.Content(), '!')
	_ = append(a.Encoded(), '!')
	a.Ref().Key[0] = "changed"
	if got := fmt.Sprint(a.Headers(), string(a.Encoded())); got != want || a.Ref().Key[0] != "acme" {
		t.Errorf("it changed to %s %s", a.Ref(), got)
	}
}
