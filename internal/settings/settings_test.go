package settings

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/testservice"
)

var operator = store.Host("tester")

func onDatabases(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "larder.db")) })
	t.Run("postgresql", func(t *testing.T) { test(t, testservice.PostgreSQL(t)) })
}

// secret is that of every process of a test.
var secret = authority.NewSecret()

func open(t *testing.T, url string) *Settings {
	t.Helper()
	return openWith(t, url, secret)
}

func openWith(t *testing.T, url string, secret authority.Secret) *Settings {
	t.Helper()
	d, err := db.Open(t.Context(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return New(d, authority.New(secret))
}

func onSQLite(t *testing.T) *Settings {
	return open(t, "sqlite:"+filepath.Join(t.TempDir(), "larder.db"))
}

func get(t *testing.T, s *Settings, key string) string {
	t.Helper()
	v, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func set(t *testing.T, s *Settings, changes map[string]string) []Value {
	t.Helper()
	values, err := s.Set(t.Context(), operator, changes)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestTheTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		if seen[k.Name] {
			t.Errorf("%s is there twice", k.Name)
		}
		seen[k.Name] = true
		if first, _, _ := strings.Cut(k.Name, "."); !slices.Contains([]string{"proxy", "larder", "internal"}, first) {
			t.Errorf("%s is none of proxy.*, larder.* and internal.*", k.Name)
		}
		if k.Help == "" || k.Kind > Networks {
			t.Errorf("%s: kind %d, help %q", k.Name, k.Kind, k.Help)
		}
		if got, err := k.normal(k.Default); err != nil || got != k.Default {
			t.Errorf("%s: the default %q becomes %q, %v", k.Name, k.Default, got, err)
		}
		for _, word := range []string{"secret", "private", "password", "pin", "token-pin"} {
			last := k.Name[strings.LastIndex(k.Name, ".")+1:]
			if (last == word || strings.HasSuffix(last, "-"+word)) && !k.Secret {
				t.Errorf("%s is no secret", k.Name)
			}
		}
	}
}

func TestValuesHaveANormalForm(t *testing.T) {
	tests := []struct{ key, value, want string }{ // want "!" is refused
		{"proxy.airgap", " true ", "True"},
		{"proxy.airgap", "0", "False"},
		{"proxy.airgap", "maybe", "!"},
		{"proxy.port.http", "8080", "8080"},
		{"proxy.port.http", "0", "!"},
		{"proxy.port.http", "65536", "!"},
		{"proxy.port.http", "-1", "!"},
		{"proxy.cache.size", "x", "!"},
		{"proxy.admin-emails", `[ "a@b", "c@d" ]`, `["a@b","c@d"]`},
		{"proxy.admin-emails", "null", "[]"},
		{"proxy.admin-emails", "a@b", "!"},
		{"proxy.admin-emails", `[1]`, "!"},
		{"larder.trusted-proxies", `["10.0.0.1", "::ffff:10.0.0.2", "10.1.2.3/16"]`, `["10.0.0.1/32","10.0.0.2/32","10.1.0.0/16"]`},
		{"larder.trusted-proxies", "null", "[]"},
		{"larder.trusted-proxies", `["proxy.example"]`, "!"},
		{"larder.trusted-proxies", "10.0.0.1", "!"},
		{"proxy.upstream", "https://store.example/", "https://store.example"},
		{"proxy.upstream", "ftp://store.example", "!"},
		{"proxy.upstream", "https://user@store.example", "!"},
		{"proxy.domain", "snaps.example", "snaps.example"},
		{"proxy.domain", "[2001:db8::1]", "2001:db8::1"},
		{"proxy.domain", "http://snaps.example", "!"},
		{"proxy.domain", "snaps.example:80", "!"},
		{"proxy.domain", "two\nlines", "!"},
		{"proxy.domain", "-", "!"},
		{"proxy.oci-registry.domain", "registry.example:5000", "registry.example:5000"},
		{"proxy.oci-registry.domain", "registry.example:x", "!"},
		{"proxy.oci-registry.domain", "registry", "!"},
		{"proxy.oci-registry.domain", "registry:5000", "registry:5000"},
		{"proxy.oci-registry.domain", "https://registry.example", "!"},
		{"proxy.oci-registry.domain", "registry.example/charm", "!"},
		{"proxy.oci-registry.domain", "2001:db8::1", "!"},
		{"internal.store.id", "orange-pi", "orange-pi"},
		{"larder.terms.since", "2027-01-31", "2027-01-31"},
		{"larder.terms.since", "31.1.2027", "!"},
		{"larder.review.policy", "hold type=gadget\naccept", "hold type=gadget\naccept"},
		{"larder.review.policy", "maybe", "!"},
		{"internal.store.id", "a b", "!"},
		{"internal.store.id", "../x", "!"},
		{"internal.store.id", "", "!"},
		{"proxy.tls.cert", strings.Repeat("x", maxValue+1), "!"},
	}
	s := onSQLite(t)
	for _, tt := range tests {
		values, err := s.Set(t.Context(), operator, map[string]string{tt.key: tt.value})
		switch {
		case tt.want == "!" && store.CodeOf(err) != "invalid-setting" && store.CodeOf(err) != "setting-too-large" &&
			store.CodeOf(err) != "invalid-review-policy":
			t.Errorf("%s=%.40q: %v, %v", tt.key, tt.value, values, err)
		case tt.want != "!" && (err != nil || values[0].Value != tt.want || get(t, s, tt.key) != tt.want):
			t.Errorf("%s=%q: %v, %v", tt.key, tt.value, values, err)
		}
	}
}

func TestASecretThatCannotBeUsedIsRefusedAndNotTold(t *testing.T) {
	s := onSQLite(t)
	const good = "0123456789abcdef"
	for _, key := range []string{"proxy.device-auth.secret", "proxy.cohort.secret"} {
		for _, bad := range []string{"sesame", good + ",sesame", " , "} {
			_, err := s.Set(t.Context(), operator, map[string]string{key: bad})
			if store.CodeOf(err) != "invalid-setting" || strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), " 6 ") {
				t.Errorf("%s=%s gives %v", key, bad, err)
			}
		}
		if _, err := s.Set(t.Context(), operator, map[string]string{key: good + "-newer," + good}); err != nil {
			t.Error(err)
		}
		if got := get(t, s, key); got != good+"-newer,"+good {
			t.Errorf("%s is %q", key, got)
		}
	}
}

func TestSecretsAreShownOnlyWhenNamed(t *testing.T) {
	s := onSQLite(t)
	const secret = "s3cr3t-value-of-some-length"
	changes := map[string]string{}
	for _, k := range Keys() {
		if k.Secret {
			changes[k.Name] = secret
		}
	}
	echoed := set(t, s, changes)
	all, err := s.All(t.Context(), operator)
	if err != nil || len(all) != len(Keys()) {
		t.Fatal(err)
	}
	log, err := s.db.Changes(t.Context(), 0, 1000)
	if err != nil || len(log) != len(changes) {
		t.Fatalf("%d changes, %v", len(log), err)
	}
	if strings.Contains(fmt.Sprint(echoed, all, log), secret) {
		t.Error("a secret is shown")
	}
	if get(t, s, "proxy.tls.key") != secret {
		t.Error("a secret asked for by name is not given")
	}
	_, err = s.Set(t.Context(), operator, map[string]string{"proxy.airgap": "x", "proxy.tls.key": secret})
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
}

// stored returns the database's own text of all settings.
func stored(t *testing.T, s *Settings) map[string]string {
	t.Helper()
	rows := make(map[string]string)
	err := s.db.View(t.Context(), func(tx *db.Tx) error {
		list, err := tx.Settings()
		for _, r := range list {
			rows[r.Key] = string(r.Value)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestSecretsAreStoredSealed(t *testing.T) {
	onDatabases(t, func(t *testing.T, url string) {
		s := open(t, url)
		const text = "a-secret-of-some-length"
		changes := map[string]string{"proxy.domain": "snaps.example"}
		for _, k := range Keys() {
			if k.Secret {
				changes[k.Name] = text
			}
		}
		set(t, s, changes)
		for key, row := range stored(t, s) {
			if sealed := strings.HasPrefix(row, `{"sealed"`); sealed != keyByName[key].Secret || sealed && strings.Contains(row, text) {
				t.Errorf("%s is stored as %s", key, row)
			}
		}
		again := open(t, url)
		for key, want := range changes {
			if got := get(t, again, key); got != want {
				t.Errorf("%s is %q in another process", key, got)
			}
		}
		log, err := s.db.Changes(t.Context(), 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		set(t, s, changes)
		if after, err := s.db.Changes(t.Context(), 0, 1000); err != nil || len(after) != len(log) {
			t.Errorf("setting the same secrets again makes %d changes of %d, %v", len(after), len(log), err)
		}
	})
}

func TestASecretInClearIsReadAndSealedWhenItIsSet(t *testing.T) {
	s := onSQLite(t)
	const key, text = "proxy.cohort.secret", "0123456789abcdef"
	_, err := s.db.Update(t.Context(), "older", func(tx *db.Tx) error {
		tx.Record(store.SettingSet, "setting/"+key, nil)
		return tx.PutSetting(key, []byte(`"`+text+`"`), "older")
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, key); got != text {
		t.Errorf("it is %q", got)
	}
	set(t, s, map[string]string{key: text})
	if row := stored(t, s)[key]; strings.Contains(row, text) {
		t.Errorf("it is stored as %s", row)
	}
	if got := get(t, s, key); got != text {
		t.Errorf("it has become %q", got)
	}
}

func TestTheSealedValueOfOneSettingIsNoneOfAnother(t *testing.T) {
	s := onSQLite(t)
	set(t, s, map[string]string{"proxy.tls.key": "a-private-key"})
	row := stored(t, s)["proxy.tls.key"]
	_, err := s.db.Update(t.Context(), "thief", func(tx *db.Tx) error {
		tx.Record(store.SettingSet, "setting/proxy.auth.secret", nil)
		return tx.PutSetting("proxy.auth.secret", []byte(row), "thief")
	})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get(t.Context(), "proxy.auth.secret"); err == nil || v != "" {
		t.Errorf("it reads %q, %v", v, err)
	}
}

func TestUnderAnotherSecretEverythingElseIsRead(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "larder.db")
	set(t, open(t, url), map[string]string{"proxy.domain": "snaps.example", "proxy.tls.key": "a-private-key"})
	s := openWith(t, url, authority.NewSecret())

	_, err := s.Get(t.Context(), "proxy.tls.key")
	var e *store.Error
	if !errors.As(err, &e) || e.Code != "wrong-secret" || !strings.Contains(e.Next, authority.SecretEnv) {
		t.Errorf("error %v, want wrong-secret with the next step", err)
	}
	if err := s.ExportYAML(t.Context(), operator, new(bytes.Buffer)); store.CodeOf(err) != "wrong-secret" {
		t.Errorf("export: error %v", err)
	}
	if got := get(t, s, "proxy.domain"); got != "snaps.example" {
		t.Errorf("proxy.domain is %q", got)
	}
	isSet, err := s.IsSet(t.Context(), "proxy.tls.key")
	if err != nil || !isSet {
		t.Errorf("proxy.tls.key is set: %t, %v", isSet, err)
	}
	all, err := s.All(t.Context(), operator)
	if err != nil || !slices.Contains(all, Value{"proxy.tls.key", Redacted, true}) {
		t.Errorf("all: %v, %v", all, err)
	}
	set(t, s, map[string]string{"proxy.tls.key": "another"})
	if got := get(t, s, "proxy.tls.key"); got != "another" {
		t.Errorf("set anew, it is %q", got)
	}
}

func TestSettingIsAllOrNothing(t *testing.T) {
	s := onSQLite(t)
	for _, bad := range []map[string]string{
		{"proxy.domain": "a.example", "proxy.port.http": "x"},
		{"proxy.domain": "a.example", "proxy.unknown": "x"},
	} {
		_, err := s.Set(t.Context(), operator, bad)
		var e *store.Error
		if !errors.As(err, &e) || e.Next == "" {
			t.Errorf("error %v", err)
		}
	}
	if got := get(t, s, "proxy.domain"); got != "localhost" {
		t.Errorf("proxy.domain is %q", got)
	}
	if _, err := s.Get(t.Context(), "proxy.unknown"); store.CodeOf(err) != "unknown-setting" || !strings.Contains(err.Error(), "larder config") {
		t.Errorf("error %v", err)
	}
	if _, err := s.Set(t.Context(), store.Principal{}, map[string]string{"proxy.domain": "x"}); store.KindOf(err) != store.KindForbidden {
		t.Errorf("error %v", err)
	}
}

func TestAnEmptyValuePutsTheDefaultBackAndTheSameChangesNothing(t *testing.T) {
	s := onSQLite(t)
	for i, tt := range []struct {
		value, want string
		changes     int
	}{{"a.example", "a.example", 1}, {"a.example", "a.example", 1}, {"", "localhost", 2}, {"", "localhost", 2}} {
		values := set(t, s, map[string]string{"proxy.domain": tt.value})
		log, err := s.db.Changes(t.Context(), 0, 100)
		if err != nil || len(log) != tt.changes || values[0].Value != tt.want || values[0].Set != (tt.value != "") {
			t.Errorf("step %d: %v, %d changes, %v", i, values, len(log), err)
		}
	}
}

func TestExportedSettingsCanBeImported(t *testing.T) {
	from, to := onSQLite(t), openWith(t, "sqlite:"+filepath.Join(t.TempDir(), "larder.db"), authority.NewSecret())
	want := map[string]string{
		"proxy.domain": "snaps.example", "proxy.port.http": "8000", "proxy.airgap": "True", "proxy.hsm.token-pin": "0123",
		"proxy.device-auth.secret": "0123456789abcdef,fedcba9876543210", "proxy.admin-emails": `["a@b"]`, "proxy.tls.cert": "-----BEGIN X-----\nabc: #\n-----END X-----", "internal.store.id": "1e5",
	}
	set(t, from, want)
	var text bytes.Buffer
	if err := from.ExportYAML(t.Context(), operator, &text); err != nil {
		t.Fatal(err)
	}
	if _, err := to.ImportYAML(t.Context(), operator, &text); err != nil {
		t.Fatal(err)
	}
	for key, value := range want {
		if got := get(t, to, key); got != value {
			t.Errorf("%s is %q, want %q", key, got, value)
		}
	}
}

func TestYAMLIsReadFlatAndNested(t *testing.T) {
	for _, text := range []string{
		"proxy.domain: a.example\nproxy.port.http: 8000\nproxy.airgap: true\nproxy.admin-emails: [a@b]\nproxy.hsm.token-pin: 0123\nproxy.tls.cert:\n",
		"proxy:\n  domain: a.example\n  port: {http: 8000}\n  airgap: yes\n  admin-emails:\n  - a@b\n  hsm: {token-pin: 0123}\n  tls.cert: ~\n",
	} {
		s := onSQLite(t)
		text = strings.Replace(text, "airgap: yes", "airgap: True", 1)
		if _, err := s.ImportYAML(t.Context(), operator, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]string{"proxy.domain": "a.example", "proxy.port.http": "8000", "proxy.airgap": "True",
			"proxy.admin-emails": `["a@b"]`, "proxy.hsm.token-pin": "0123", "proxy.tls.cert": ""} {
			if got := get(t, s, key); got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
		n, err := s.Number(t.Context(), "proxy.port.http")
		if flag, flagErr := s.Flag(t.Context(), "proxy.airgap"); n != 8000 || err != nil || !flag || flagErr != nil {
			t.Errorf("number %d, flag %t, %v, %v", n, flag, err, flagErr)
		}
		if list, err := s.List(t.Context(), "proxy.admin-emails"); err != nil || len(list) != 1 || list[0] != "a@b" {
			t.Errorf("list %v, %v", list, err)
		}
	}
}

func TestOtherYAMLIsRefused(t *testing.T) {
	s := onSQLite(t)
	for text, code := range map[string]string{
		"":                                    "invalid-yaml",
		"- a\n- b\n":                          "invalid-yaml",
		"a: [":                                "invalid-yaml",
		"proxy.domain: {a: b}":                "unknown-setting",
		"? [a]\n: b":                          "invalid-yaml",
		"proxy.admin-emails: [[a]]":           "invalid-yaml",
		"a: &x 1\nproxy.domain: *x":           "invalid-yaml",
		"proxy: {domain: a}\nproxy.domain: b": "invalid-yaml",
		"nobody.knows: 1":                     "unknown-setting",
		strings.Repeat("#", maxYAML+1):        "settings-too-large",
	} {
		_, err := s.ImportYAML(t.Context(), operator, strings.NewReader(text))
		if store.CodeOf(err) != code {
			t.Errorf("%.40q: error %v, want %s", text, err, code)
		}
	}
}

func TestAChangeOfAnotherProcessIsSeen(t *testing.T) {
	onDatabases(t, func(t *testing.T, url string) {
		here, there := open(t, url), open(t, url)
		for i := range 3 {
			want := fmt.Sprintf("host-%d.example", i)
			get(t, there, "proxy.domain")
			set(t, here, map[string]string{"proxy.domain": want})
			if got := get(t, here, "proxy.domain"); got != want {
				t.Errorf("here it is %q", got)
			}
			for deadline := time.Now().Add(time.Minute); get(t, there, "proxy.domain") != want; runtime.Gosched() {
				if time.Now().After(deadline) {
					t.Fatalf("there it is %q", get(t, there, "proxy.domain"))
				}
			}
		}
	})
}

func TestManySetAtOnce(t *testing.T) {
	onDatabases(t, func(t *testing.T, url string) {
		both := []*Settings{open(t, url), open(t, url)}
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				for range 5 {
					text := fmt.Sprintf("host-%d.example", n)
					changes := map[string]string{"proxy.domain": text, "proxy.sso.location": "https://" + text}
					if _, err := both[n%2].Set(t.Context(), operator, changes); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		s := open(t, url)
		if domain, url := get(t, s, "proxy.domain"), get(t, s, "proxy.sso.location"); url != "https://"+domain {
			t.Errorf("two writers mixed: %s and %s", domain, url)
		}
	})
}
