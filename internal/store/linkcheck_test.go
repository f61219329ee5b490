package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestCheckListing(t *testing.T) {
	a := func(n int) string { return strings.Repeat("ä", n) }
	links := func(kind string, list ...string) Listing { return Listing{Links: map[string][]string{kind: list}} }
	for _, c := range []struct {
		listing Listing
		want    string // fields at fault
	}{
		{Listing{}, ""},
		{Listing{
			Title: "Tool", Summary: "Does it", Description: "Does it\n\n* well", License: "GPL-3.0+ OR (MIT AND Apache-2.0)",
			Contact: "mailto:a@example.com?subject=Tool", Website: "https://example.com/tool?x#y", StoreURL: "http://shop.internal:8080/tool",
			Links: map[string][]string{"contact": {"mailto:a@b"}, "source-code": {"https://example.com/a", "http://b"}, "issues": nil},
		}, ""},
		{Listing{Title: a(40), Summary: a(128), Description: a(4096)}, ""},
		{Listing{Title: a(41)}, "title"},
		{Listing{Summary: a(129)}, "summary"},
		{Listing{Description: a(4097)}, "description"},
		{Listing{License: strings.Repeat("a", 257)}, "license"},
		{Listing{License: "MIT; DROP"}, "license"},
		{Listing{License: "<b>"}, "license"},
		{Listing{Title: "two\nlines"}, "title"},
		{Listing{Title: "nul\x00"}, "title"},
		{Listing{Title: "bad\xff"}, "title"},
		{Listing{Summary: "turned \u202e round"}, "summary"},
		{Listing{Description: "escape \x1b[31m"}, "description"},
		{Listing{Website: "example.com"}, "website"},
		{Listing{Website: "//example.com"}, "website"},
		{Listing{Website: "/tool"}, "website"},
		{Listing{Website: "https:///tool"}, "website"},
		{Listing{Website: "https:example.com"}, "website"},
		{Listing{Website: "HTTPS://example.com"}, ""},
		{Listing{Website: "javascript:alert(1)"}, "website"},
		{Listing{Website: "ftp://example.com"}, "website"},
		{Listing{Website: "mailto:a@example.com"}, "website"},
		{Listing{Website: "https://user:password@example.com"}, "website"},
		{Listing{Website: "https://exa mple.com"}, "website"},
		{Listing{Website: "https://example.com/%zz"}, "website"},
		{Listing{Website: "https://example.com/" + strings.Repeat("a", 981)}, "website"},
		{Listing{Website: "https://example.com/" + strings.Repeat("a", 980)}, ""},
		{Listing{Contact: "https://example.com/contact"}, ""},
		{Listing{Contact: "a@example.com"}, "contact"},
		{Listing{Contact: "mailto:"}, "contact"},
		{Listing{Contact: "mailto:nobody"}, "contact"},
		{Listing{Contact: "mailto://a@example.com"}, "contact"},
		{Listing{Contact: "data:text/html,x"}, "contact"},
		{Listing{StoreURL: "x"}, "store-url"},
		{links("issues", "https://a", "x"), "links.issues"},
		{links("issues", ""), "links.issues"},
		{links("issues", "mailto:a@b"), "links.issues"},
		{links("contact", "mailto:a@b", "a@b"), "links.contact"},
		{links("bad kind", "https://a"), "links"},
		{links("-x", "https://a"), "links"},
		{links("issues", strings.Split(strings.Repeat("https://a ", 20)+"https://a", " ")...), "links.issues"},
		{Listing{Title: a(41), Website: "x", Links: map[string][]string{"b": {"x", "y"}, "a": {"x"}}}, "title website links.a links.b"},
	} {
		err := CheckListing(c.listing)
		if got := strings.Join(faultyFields(err), " "); got != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%.200q: got %v, want %s", fmt.Sprint(c.listing), err, c.want)
		}
		if err != nil && (CodeOf(err) != "invalid-field" || KindOf(err) != KindInvalid) {
			t.Errorf("%.200q: code %s", fmt.Sprint(c.listing), CodeOf(err))
		}
	}
	many := map[string][]string{}
	for i := range 21 {
		many[fmt.Sprintf("k%d", i)] = nil
	}
	if got := faultyFields(CheckListing(Listing{Links: many})); fmt.Sprint(got) != "[links]" {
		t.Errorf("many kinds of links: %v", got)
	}
}

func faultyFields(err error) (fields []string) {
	if err == nil {
		return nil
	}
	joined, _ := err.(interface{ Unwrap() []error })
	for _, e := range joined.Unwrap() {
		var f *FieldError
		if errors.As(e, &f) {
			fields = append(fields, f.Field)
		}
	}
	return fields
}

func TestNormalContact(t *testing.T) {
	for contact, want := range map[string]string{
		"a@example.com": "mailto:a@example.com", "mailto:a@example.com": "mailto:a@example.com", "https://x": "https://x", "": "", "me": "me",
	} {
		if got := NormalContact(contact); got != want {
			t.Errorf("%q: got %q", contact, got)
		}
	}
}
