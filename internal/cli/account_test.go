package cli

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/upkeep"
)

// newStore makes a store without a root, which is quick, and returns how to run
// commands on it: with a standard input, the exit code wanted and the answer.
func newStore(t *testing.T) (data string, run func(in string, exit int, args ...string) map[string]any) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	run = func(in string, exit int, args ...string) (answer map[string]any) {
		t.Helper()
		var out, errOut bytes.Buffer
		args = append([]string{"larder", "--data", data, "--format", "json"}, args...)
		if code := Main(args, strings.NewReader(in), &out, &errOut); code != exit {
			t.Fatalf("%s exits with %d: %s", strings.Join(args[5:], " "), code, errOut.String())
		}
		text := out.Bytes()
		if exit != exitOK {
			text = errOut.Bytes()
		}
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatalf("%s prints %s", strings.Join(args[5:], " "), text)
		}
		return answer
	}
	o := &options{t: &terminal{in: strings.NewReader(""), out: &bytes.Buffer{}, err: &bytes.Buffer{}, program: "larder"}, data: data}
	h, err := o.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	if _, err := h.upkeep.Found(t.Context(), h.who, upkeep.Founding{NoRoot: true}); err != nil {
		t.Fatal(err)
	}
	return data, run
}

// inside opens the store as a command does.
func inside(t *testing.T, data string, f func(h *house)) {
	t.Helper()
	o := &options{t: &terminal{in: strings.NewReader(""), out: &bytes.Buffer{}, err: &bytes.Buffer{}, program: "larder"}, data: data}
	h, err := o.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	f(h)
}

func TestAnAccountFromTheCommandLineLogsIn(t *testing.T) {
	data, run := newStore(t)
	made := run("correct horse battery\n", exitOK, "account", "create", "Alice@example.com", "--username", "alice", "--password-stdin")
	if made["email"] != "alice@example.com" || made["role"] != "publisher" || made["state"] != "active" {
		t.Errorf("made %v", made)
	}
	run("correct horse battery\n", exitConflict, "account", "create", "alice@example.com", "--username", "other", "--password-stdin")
	run("correct horse battery\n", exitConflict, "account", "create", "other@example.com", "--username", "alice", "--password-stdin")
	run("short\n", exitInvalid, "account", "create", "bob@example.com", "--username", "bob", "--password-stdin")
	run("", exitInvalid, "account", "create", "bob@example.com", "--username", "bob", "--password-stdin")
	run("", exitUsage, "account", "create", "bob@example.com", "--username", "bob") // there is no terminal
	run("", exitUsage, "account", "create", "bob@example.com")
	run("", exitNotFound, "account", "show", "nobody")
	run("correct horse battery\n", exitInvalid, "account", "create", "bob@example.com", "--username", "bob", "--role", "king", "--password-stdin")

	login := func(password, otp, code string) {
		t.Helper()
		inside(t, data, func(h *house) {
			_, err := h.identity.Login(t.Context(), identity.Attempt{
				Login: "alice", Password: identity.NewSecret(password), OTP: identity.NewSecret(otp), Address: "192.0.2.1",
			})
			if store.CodeOf(err) != code {
				t.Errorf("login with %q: %v, want %q", otp, err, code)
			}
		})
	}
	login("correct horse battery", "", "")
	enrolment := run("", exitOK, "account", "enable-2fa", "alice")
	code := func(steps int) string {
		code, err := totp.GenerateCode(enrolment["secret"].(string), time.Now().Add(time.Duration(steps)*30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	confirmed := run(enrolment["ticket"].(string)+"\n"+code(0)+"\n", exitOK, "account", "enable-2fa", "alice", "--confirm")
	if confirmed["second-factor"] != true {
		t.Errorf("confirmed %v", confirmed)
	}
	login("correct horse battery", "", identity.CodeTwoFactorRequired)
	login("correct horse battery", enrolment["recovery-codes"].([]any)[0].(string), "")
	run("", exitOK, "account", "disable-2fa", "alice")
	run("another good password\n", exitOK, "account", "set-password", "alice", "--password-stdin")
	login("another good password", "", "")
	run("", exitOK, "account", "disable", "alice@example.com")
	login("another good password", "", identity.CodeSuspended)
	run("", exitOK, "account", "enable", "alice")
	reset := run("", exitOK, "account", "reset", "alice")
	login("another good password", "", identity.CodePasswordPolicy)
	_, link, _ := strings.Cut(reset["link"].(string), "/identity/setup?token=")
	inside(t, data, func(h *house) {
		_, err := h.identity.RedeemReset(t.Context(), identity.NewSecret(link), identity.NewSecret("a third good password"), "192.0.2.1")
		if err != nil {
			t.Error(err)
		}
	})
	login("a third good password", "", "")
}

func TestALinkWithoutAnAddressSaysSo(t *testing.T) {
	for link, want := range map[string]string{
		"": "",
		"https://store.example/identity/setup?token=x": "good for 48 hours: https://store.example/identity/setup?token=x\n",
		"/identity/setup?token=x":                      "after the store's address: /identity/setup?token=x\nWhole links come once the setting proxy.domain",
	} {
		var b strings.Builder
		printLink(&b, link)
		if got := b.String(); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("the link %q prints %q", link, got)
		}
	}
}

func TestATokenFromTheCommandLineProvesItsAccount(t *testing.T) {
	data, run := newStore(t)
	run("correct horse battery\n", exitOK, "account", "create", "alice@example.com", "--username", "alice", "--password-stdin")
	token := run("", exitOK, "token", "create", "alice", "--permission", "package_push", "--package", "snap/hello", "--ttl", "1h")
	proves := func(token any, want bool) {
		t.Helper()
		inside(t, data, func(h *house) {
			p, err := h.identity.Authenticate(t.Context(), identity.Evidence{Authorization: []string{"Macaroon " + token.(string)}})
			if (err == nil) != want {
				t.Errorf("it proves %+v, %v", p, err)
			}
		})
	}
	proves(token["token"], true)
	list := run("", exitOK, "token", "list", "--account", "alice")["sessions"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["session-id"] != token["session-id"] {
		t.Errorf("listed %v", list)
	}
	run("", exitOK, "token", "rotate-keys")
	proves(token["token"], true)
	run("", exitOK, "token", "revoke", token["session-id"].(string))
	proves(token["token"], false)
	second := run("", exitOK, "token", "create", "alice", "--permission", "package_push")
	run("", exitOK, "token", "rotate-keys", "exchanged", "--keep", "0s")
	proves(second["token"], false)
	run("", exitUsage, "token", "create", "alice")
	run("", exitUsage, "token", "create", "alice", "--permission", "package_push", "--ttl", "3s")
	run("", exitInvalid, "token", "create", "alice", "--permission", "package_fly")
	run("", exitUsage, "token", "revoke")
	run("", exitNotFound, "token", "revoke", "nothing")
	run("", exitInvalid, "token", "rotate-keys", "nothing")

	admin := run("", exitOK, "token", "create-admin", "alice", "--once")
	proves(admin["token"], false) // it is exchanged first
	inside(t, data, func(h *house) {
		for _, want := range []bool{true, false} {
			_, err := h.identity.ExchangeOffline(t.Context(), identity.Offline{Macaroon: identity.NewSecret(admin["token"].(string))})
			if (err == nil) != want {
				t.Errorf("exchange: %v", err)
			}
		}
	})
	for _, c := range run("", exitOK, "changes")["changes"].([]any) {
		text, _ := json.Marshal(c)
		for _, secret := range []any{token["token"], admin["token"], "correct horse battery"} {
			if strings.Contains(string(text), secret.(string)) {
				t.Errorf("a secret is in the change log: %s", text)
			}
		}
	}
}
