package store

import (
	"bytes"
	"crypto/rand"
	"regexp"
	"strings"
	"testing"
)

func TestNewIDIsLettersAndDigits(t *testing.T) {
	pattern := regexp.MustCompile(`^[A-Za-z0-9]{32}$`)
	seen := map[string]bool{}
	letters := map[rune]int{}
	for range 2000 {
		for _, id := range []string{NewID(rand.Reader), NewStoreID(rand.Reader)} {
			if !pattern.MatchString(id) || seen[id] {
				t.Fatalf("bad or repeated id %q", id)
			}
			seen[id] = true
			for _, r := range id {
				letters[r]++
			}
		}
	}
	if len(letters) != 62 {
		t.Errorf("ids use %d characters, want 62", len(letters))
	}
}

func TestNewIDSkipsUnfairBytes(t *testing.T) {
	source := bytes.NewReader(append(bytes.Repeat([]byte{248, 255}, 16), make([]byte, 32)...))
	if id := NewID(source); id != strings.Repeat("A", 32) {
		t.Errorf("got %q", id)
	}
}

func TestNewIDPanicsWithoutRandomness(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an id was made of nothing")
		}
	}()
	NewID(strings.NewReader("short"))
}

func TestValidSnapName(t *testing.T) {
	for _, name := range []string{"go", "a1", "0ad", "core24", "hello-world", "1-a-2", strings.Repeat("a", 40)} {
		if err := ValidSnapName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", "a", "12", "1-2", "-a", "a-", "a--b", "Aa", "a_b", "a b", "a.b", "\u00e4b", "a/b", "a\x00",
		strings.Repeat("a", 41), strings.Repeat("a", 1<<20),
	} {
		err := ValidSnapName(name)
		if KindOf(err) != KindInvalid || CodeOf(err) != "invalid-snap-name" {
			t.Errorf("%.40q: got %v, want an invalid name", name, err)
		} else if len(err.Error()) > 1000 {
			t.Errorf("%.40q: the error has %d bytes", name, len(err.Error()))
		}
	}
}

func TestValidCharmName(t *testing.T) {
	for _, name := range []string{"a", "postgresql", "a1", "k8s-2b", "kafka-k8s", "a-1b-c", strings.Repeat("a", 64)} {
		if err := ValidName(Charm, name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", "1a", "a-1", "a-12-b", "-a", "a-", "a--b", "Aa", "a_b", "a b", "a.b", "\u00e4b", "a/b", "a\x00", "a\n",
		strings.Repeat("a", 65), strings.Repeat("a-", 1<<19) + "a",
	} {
		err := ValidName(Charm, name)
		if KindOf(err) != KindInvalid || CodeOf(err) != "invalid-charm-name" {
			t.Errorf("%.40q: got %v, want an invalid name", name, err)
		} else if len(err.Error()) > 1000 {
			t.Errorf("%.40q: the error has %d bytes", name, len(err.Error()))
		}
	}
}

func TestWhatCanBeRegisteredInANamespace(t *testing.T) {
	for _, c := range []struct {
		ns   Namespace
		typ  string
		want string
	}{
		{Snap, "", ""}, {Charm, "charm", ""}, {Charm, "bundle", ""},
		{Snap, "snap", "invalid-field"}, {Snap, "charm", "invalid-field"}, {Charm, "", "invalid-field"}, {Charm, "snap", "invalid-field"},
	} {
		if got := CodeOf(ValidType(c.ns, c.typ)); got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.ns, c.typ, got, c.want)
		}
	}
	if got := CodeOf(ValidName("rock", "hello")); got != "invalid-namespace" {
		t.Errorf("another namespace: %q", got)
	}
}

func TestReservedName(t *testing.T) {
	for _, c := range []struct {
		ns   Namespace
		name string
		want bool
	}{
		{Snap, "featured", true}, {Charm, "libraries", true}, {Charm, "search", true}, {Charm, "bulk", true},
		{Snap, "search", false}, {Charm, "postgresql", false}, {"", "featured", false},
	} {
		if got := ReservedName(c.ns, c.name); got != c.want {
			t.Errorf("%s %q: got %v", c.ns, c.name, got)
		}
	}
}
