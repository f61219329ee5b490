package store

import (
	"strings"
	"testing"
)

func TestValidUsername(t *testing.T) {
	for _, name := range []string{"ab", "a1", "0x", "jane-doe", "a--b", strings.Repeat("a", 28), "admin2", "12"} {
		if err := ValidUsername(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"": "invalid-username", "a": "invalid-username", "-a": "invalid-username", "a-": "invalid-username", "Jane": "invalid-username",
		"a_b": "invalid-username", "a.b": "invalid-username", "ab\n": "invalid-username", "\u00e4b": "invalid-username",
		"a b": "invalid-username", strings.Repeat("a", 29): "invalid-username", strings.Repeat("a", 1<<20): "invalid-username",
		"canonical": "reserved-username", "generic": "reserved-username", "ubuntu": "reserved-username", "admin": "reserved-username",
		"root": "reserved-username",
	} {
		if err := ValidUsername(name); CodeOf(err) != want || KindOf(err) != KindInvalid || len(err.Error()) > 500 {
			t.Errorf("%.40q: got %v, want %s", name, err, want)
		}
	}
}

func TestValidEmail(t *testing.T) {
	for _, address := range []string{
		"a@example.com", "first.last+tag@sub.example.com", "root@localhost", "o'brien@example.com", "a@b", "jos\u00e9@example.com",
		strings.Repeat("a", 64) + "@example.com",
	} {
		if err := ValidEmail(address); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{
		"", "a", "@example.com", "a@", "a@b@c", "a b@example.com", "Jane <a@example.com>", "<a@example.com>", `"a b"@example.com`,
		"a@[127.0.0.1]", "a@example.com.", "a@-example.com", "a..b@example.com", ".a@example.com", "a@example.com\n", " a@example.com",
		"a@exam\x00ple.com", "a@example.com, b@example.com", "a@example.com (x)", "a@ex\u202eample.com",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("b.", 130) + "c", strings.Repeat("a@", 1<<18),
	} {
		if err := ValidEmail(address); CodeOf(err) != "invalid-email" || len(err.Error()) > 1000 {
			t.Errorf("%.60q: got %v", address, err)
		}
	}
}

func TestValidDisplayName(t *testing.T) {
	for _, name := range []string{"Jane", "J", "Jane D\u00f6 \u65e5\u672c", strings.Repeat("\u00e4", 100)} {
		if err := ValidDisplayName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", " ", " Jane", "Jane ", "Ja\nne", "Ja\x00ne", "bad\xff", "tur\u202ened", "a\u2028b", strings.Repeat("a", 101)} {
		if err := ValidDisplayName(name); CodeOf(err) != "invalid-display-name" {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	for _, c := range []struct {
		password string
		ok       bool
	}{
		{"8 bytes!", true}, {"7 bytes", false}, {"", false}, {strings.Repeat("long ", 204), true}, {strings.Repeat("x y ", 257), false},
		{"four words of mine", true}, {"aaaaaaab", true}, {"aaaaaaaaaa", false}, {"\u00e4\u00e4\u00e4\u00e4", true},
		{"password", false}, {"PassWord", false}, {"password1", false}, {"password2026!", false}, {"12345678", false}, {"my password", true}, {"1234567890", false}, {"passwords are for people", true},
		{"qwertyuiop", false}, {"correcthorsebatterystaple", false},
		{"jane-doe-1", false}, {"jane-doe-12", false}, {"JANE-DOE-1", false}, {"jane-doe-1 secret", true},
		{"jane.doe@example.com", false}, {"jane.doe", false}, {"Jane.Doe99", false},
		{"bad\xff\xff\xff\xff\xff\xff", false}, {"nul\x00nulnul", false},
	} {
		err := CheckPassword(c.password, "jane-doe-1", "jane.doe@example.com")
		if (err == nil) != c.ok || err != nil && CodeOf(err) != "password-policy-error" {
			t.Errorf("%.30q: got %v", c.password, err)
		}
		if err != nil && len(c.password) > len("password") && strings.Contains(err.Error(), c.password) {
			t.Errorf("%.30q is in the error: %v", c.password, err)
		}
	}
	if err := CheckPassword("any words at all", "", ""); err != nil {
		t.Errorf("an account without name: %v", err)
	}
}

func FuzzValidEmail(f *testing.F) {
	f.Add("a@example.com")
	f.Add(`"a b"@[::1]`)
	f.Fuzz(func(t *testing.T, address string) {
		if ValidEmail(address) == nil && (strings.Count(address, "@") != 1 || strings.ContainsAny(address, " \r\n\t\x00\"<>") || len(address) > 254) {
			t.Errorf("%q passed", address)
		}
	})
}
