package store

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParseChannel(t *testing.T) {
	for _, c := range []struct {
		text string
		want Channel
		name string // short form
		full string
	}{
		{"", Channel{}, "stable", "latest/stable"},
		{"edge", Channel{Risk: Edge}, "edge", "latest/edge"},
		{"latest", Channel{Track: "latest"}, "stable", "latest/stable"},
		{"latest/stable", Channel{Track: "latest"}, "stable", "latest/stable"},
		{"2.0", Channel{Track: "2.0"}, "2.0/stable", "2.0/stable"},
		{"2.0/beta", Channel{Track: "2.0", Risk: Beta}, "2.0/beta", "2.0/beta"},
		{"stable/fix", Channel{Branch: "fix"}, "stable/fix", "latest/stable/fix"},
		{"latest/candidate/fix-1", Channel{Track: "latest", Risk: Candidate, Branch: "fix-1"}, "candidate/fix-1", "latest/candidate/fix-1"},
		{"2.0/edge/Fix_1", Channel{Track: "2.0", Risk: Edge, Branch: "Fix_1"}, "2.0/edge/Fix_1", "2.0/edge/Fix_1"},
		{
			strings.Repeat("t", 28) + "/candidate/" + strings.Repeat("b", 128),
			Channel{Track: strings.Repeat("t", 28), Risk: Candidate, Branch: strings.Repeat("b", 128)},
			strings.Repeat("t", 28) + "/candidate/" + strings.Repeat("b", 128),
			strings.Repeat("t", 28) + "/candidate/" + strings.Repeat("b", 128),
		},
	} {
		got, err := ParseChannel(c.text)
		if err != nil || got != c.want {
			t.Errorf("%q: got %+v, %v, want %+v", c.text, got, err, c.want)
		}
		if got.Name() != c.name || got.String() != c.full {
			t.Errorf("%q: got names %q and %q, want %q and %q", c.text, got.Name(), got.String(), c.name, c.full)
		}
	}
	for _, text := range []string{
		"/", "/stable", "stable/", "2.0/", "2.0//fix", "2.0/stable/", "2.0/fix", "2.0/stable/fix/more", "edge/fix/more",
		"stable/edge", "stable/stable/fix", "a b", "-a", "2.0/stable/.hidden", "tr\u00e4ck", "a\x00", strings.Repeat("t", 29),
		"stable/" + strings.Repeat("b", 129), strings.Repeat("/", 1<<20),
	} {
		c, err := ParseChannel(text)
		if KindOf(err) != KindInvalid || CodeOf(err) != "invalid-channel" {
			t.Errorf("%.40q: got %+v, %v, want an invalid channel", text, c, err)
		} else if len(err.Error()) > 2000 {
			t.Errorf("%.40q: the error has %d bytes", text, len(err.Error()))
		}
	}
}

func TestChannelInJSONIsNormal(t *testing.T) {
	var c Channel
	if err := json.Unmarshal([]byte(`"edge"`), &c); err != nil || c != (Channel{Track: "latest", Risk: Edge}) {
		t.Errorf("got %+v, %v", c, err)
	}
	if text, err := json.Marshal(Channel{Risk: Edge}); err != nil || string(text) != `"latest/edge"` {
		t.Errorf("got %s, %v", text, err)
	}
	if err := json.Unmarshal([]byte(`"a/b/c"`), &c); KindOf(err) != KindInvalid {
		t.Errorf("got %v, want an invalid channel", err)
	}
}

func FuzzParseChannel(f *testing.F) {
	for _, text := range []string{"", "edge", "latest/stable", "2.0", "2.0/beta", "stable/fix", "2.0/edge/fix", "stable/", "a//b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseChannel(text)
		if err != nil {
			if c != (Channel{}) || CodeOf(err) != "invalid-channel" {
				t.Fatalf("got %+v beside %v", c, err)
			}
			return
		}
		for _, form := range []string{c.String(), c.Name()} {
			again, err := ParseChannel(form)
			if err != nil || again.Normal() != c.Normal() {
				t.Errorf("%q came back from %q as %+v, %v", text, form, again, err)
			}
		}
		if full, err := ParseChannel(c.String()); err != nil || full != c.Normal() {
			t.Errorf("the full form %q is not normal: %+v, %v", c.String(), full, err)
		}
	})
}
