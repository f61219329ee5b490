package store

import "testing"

func TestChangeKindsAreDistinctAndComplete(t *testing.T) {
	seen := make(map[string]bool)
	for _, k := range ChangeKinds {
		if k.Name == "" || k.Subject == "" || k.Says == "" {
			t.Errorf("kind %+v has an empty column", k)
		}
		if seen[k.Name] {
			t.Errorf("kind %q stands twice in the table", k.Name)
		}
		seen[k.Name] = true
		if got, ok := ChangeKindOf(k.Name); !ok || got != k {
			t.Errorf("ChangeKindOf(%q) = %+v, %t", k.Name, got, ok)
		}
	}
	if _, ok := ChangeKindOf("no-such-kind"); ok {
		t.Error("an unknown kind was found")
	}
}

func TestSubjectIDKeepsEverythingAfterTheFirstSlash(t *testing.T) {
	for _, c := range []struct {
		subject, sort, id string
		ok                bool
	}{
		{"package/abc", "package", "abc", true},
		{"assertion/model/16/acme/pc", "assertion", "model/16/acme/pc", true},
		{"package/abc", "account", "abc", false},
		{"package", "package", "", false},
	} {
		if id, ok := SubjectID(c.subject, c.sort); ok != c.ok || ok && id != c.id {
			t.Errorf("SubjectID(%q, %q) = %q, %t", c.subject, c.sort, id, ok)
		}
	}
}
