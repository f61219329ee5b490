package identity

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func TestAnAccountLogsInByAddressAndByUsername(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		u := w.person("alice", store.RolePublisher)
		for _, login := range []string{"alice@example.com", " Alice@Example.COM ", "alice", u.Account.ID} {
			a := w.attempt(login, testPassword)
			if login == u.Account.ID { // ids have capitals, names have none
				continue
			}
			e, err := w.Login(t.Context(), a)
			w.must(err)
			if e.User.Account.ID != u.Account.ID || e.Method != MethodPassword || e.SecondFactor || !e.At.Equal(w.clock()) {
				t.Errorf("%s: %+v", login, e)
			}
		}
		for _, wrong := range []Attempt{
			w.attempt("alice@example.com", testPassword+"!"), w.attempt("nobody@example.com", testPassword),
			w.attempt("bob", "x"),
		} {
			_, err := w.Login(t.Context(), wrong)
			w.wants(err, CodeInvalidCredentials)
			if store.KindOf(err) != store.KindUnauthorised || err.Error() != errCredentials.Error() {
				t.Errorf("%q differs: %v", wrong.Login, err)
			}
		}
	})
}

func TestADisabledAccountIsToldSoOnlyAfterThePassword(t *testing.T) {
	w := newWorld(t)
	u := w.person("alice", store.RolePublisher)
	_, err := w.Disable(t.Context(), operator, u.Account.ID)
	w.must(err)
	_, err = w.Login(t.Context(), w.attempt("alice", "wrong password"))
	w.wants(err, CodeInvalidCredentials)
	_, err = w.Login(t.Context(), w.attempt("alice", testPassword))
	w.wants(err, CodeSuspended)
	_, err = w.Enable(t.Context(), operator, u.Account.ID)
	w.must(err)
	_, err = w.Login(t.Context(), w.attempt("alice", testPassword))
	w.must(err)
}

func TestAOneTimeLinkSetsThePassword(t *testing.T) {
	w := newWorld(t)
	u := w.person("alice", store.RolePublisher)
	first, err := w.Reset(t.Context(), operator, u.Account.ID)
	w.must(err)
	_, err = w.Login(t.Context(), w.attempt("alice", testPassword))
	w.wants(err, CodePasswordPolicy)
	w.pass(time.Second)
	second, err := w.Reset(t.Context(), operator, u.Account.ID)
	w.must(err)
	fresh := NewSecret("another good password")
	_, err = w.RedeemReset(t.Context(), first, fresh, "192.0.2.1")
	w.wants(err, CodeLinkUsed) // the second link replaced it
	_, err = w.RedeemReset(t.Context(), second, NewSecret("short"), "192.0.2.1")
	w.wants(err, CodePasswordPolicy)
	got, err := w.RedeemReset(t.Context(), second, fresh, "192.0.2.1")
	w.must(err)
	if got.State != store.UserActive || !got.SessionsValidAfter.Equal(w.clock()) {
		t.Errorf("after the link: %+v", got)
	}
	_, err = w.RedeemReset(t.Context(), second, fresh, "192.0.2.1")
	w.wants(err, CodeLinkUsed)
	_, err = w.Login(t.Context(), w.attempt("alice", fresh.Reveal()))
	w.must(err)
}

func TestWhoHasNoLinkLearnsNothingOfTheAccount(t *testing.T) {
	w := newWorld(t)
	u := w.person("alice", store.RolePublisher)
	secret := strings.Repeat("x", 43)
	for _, link := range []string{u.Account.ID + "." + secret, "nobody." + secret} {
		for _, password := range []string{u.Email, "short", "a good new password"} {
			_, err := w.RedeemReset(t.Context(), NewSecret(link), NewSecret(password), "192.0.2.1")
			w.wants(err, CodeLinkUsed)
		}
	}
	// However weak the passwords, guesses are counted.
	for range 40 {
		if _, err := w.RedeemReset(t.Context(), NewSecret(u.Account.ID+"."+secret), NewSecret("short"), "192.0.2.2"); store.CodeOf(err) == CodeTooMany {
			return
		}
	}
	t.Error("an address may guess links as often as it likes")
}

func TestTheFirstAdministratorIsMadeOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		made, err := w.EnsureAdmin(t.Context(), operator)
		w.must(err)
		if made == nil || made.User.Role != store.RoleAdmin || made.User.State != store.UserReset {
			t.Fatalf("made %+v", made)
		}
		again, err := w.node().EnsureAdmin(t.Context(), operator)
		w.must(err)
		if again != nil {
			t.Error("a second one was made")
		}
		_, err = w.Login(t.Context(), w.attempt("admin", "any password at all"))
		w.wants(err, CodeInvalidCredentials)
		if url := SetupURL("https://store.example/", made.Link).Reveal(); !strings.HasPrefix(url, "https://store.example/identity/setup?token="+made.User.Account.ID+".") {
			t.Errorf("the link is %s", url)
		}
		_, err = w.RedeemReset(t.Context(), made.Link, NewSecret("a good new password"), "192.0.2.1")
		w.must(err)
		e, err := w.Login(t.Context(), w.attempt("admin", "a good new password"))
		w.must(err)
		if e.Principal().Need(store.PermAccount) != nil {
			t.Error("the administrator may not look after accounts")
		}
		_, err = w.RedeemReset(t.Context(), made.Link, NewSecret("another good password"), "192.0.2.1")
		w.wants(err, CodeLinkUsed)
	})
}

func TestWhoKnowsThePasswordCanChangeIt(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	old := w.exchanged("alice", asked())
	fresh := NewSecret("another good password")
	_, err := w.ChangePassword(t.Context(), w.attempt("alice", "not the password"), fresh)
	w.wants(err, CodeInvalidCredentials)
	_, err = w.ChangePassword(t.Context(), w.attempt("alice", testPassword), NewSecret(testPassword))
	w.wants(err, CodePasswordPolicy)
	w.pass(time.Second)
	_, err = w.ChangePassword(t.Context(), w.attempt("alice", testPassword), fresh)
	w.must(err)
	w.refuses("a token from before", bearer(old.Token))
	_, err = w.Login(t.Context(), w.attempt("alice", testPassword))
	w.wants(err, CodeInvalidCredentials)
	_, err = w.Login(t.Context(), w.attempt("alice", fresh.Reveal()))
	w.must(err)
}

func TestTheOldPasswordDoesNotEndAReset(t *testing.T) {
	w := newWorld(t)
	u := w.person("alice", store.RolePublisher)
	link, err := w.Reset(t.Context(), operator, u.Account.ID)
	w.must(err)
	_, err = w.ChangePassword(t.Context(), w.attempt("alice", testPassword), NewSecret("the thief's own password"))
	w.wants(err, CodePasswordPolicy)
	if got, err := w.User(t.Context(), u.Account.ID); err != nil || got.State != store.UserReset {
		t.Errorf("the account is %s, %v", got.State, err)
	}
	_, err = w.RedeemReset(t.Context(), link, NewSecret("another good password"), "192.0.2.1")
	w.must(err)
}

func TestAnotherProofThanThePasswordMindsTheAccountsState(t *testing.T) {
	w := newWorld(t)
	u := w.person("alice", store.RolePublisher)
	e, err := w.Proven(t.Context(), u.Account.ID, MethodAgent, "192.0.2.1", "test/1")
	w.must(err)
	root := w.root(asked())
	text, err := w.DischargeFor(t.Context(), e, ssoCaveat(root), ssoHost)
	w.must(err)
	if who := w.who(evidence(w.pairHeader(root, w.decode(text)))); who.Session.Method != MethodAgent || !who.LastAuth.Equal(e.At) {
		t.Errorf("it became %+v", who.Session)
	}
	_, err = w.Disable(t.Context(), operator, u.Account.ID)
	w.must(err)
	_, err = w.Proven(t.Context(), u.Account.ID, MethodAgent, "192.0.2.1", "test/1")
	w.wants(err, CodeSuspended)
}

func TestALoginCountsThoughAnotherNodesClockIsAhead(t *testing.T) {
	w := newWorld(t)
	u := w.person("alice", store.RolePublisher)
	w.pass(10 * time.Second)
	_, err := w.SetPassword(t.Context(), operator, u.Account.ID, NewSecret(testPassword))
	w.must(err)
	w.pass(-5 * time.Second)
	w.who(bearer(w.exchanged("alice", asked()).Token))
	_, err = w.IssueAPIToken(t.Context(), operator, u.Account.ID, asked())
	w.must(err)
}

func TestOnlyWhoMayLooksAfterAccounts(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	alice, bob := w.person("alice", store.RolePublisher), w.person("bob", store.RoleReviewer)
	fresh := AuthEvent{User: alice}.Principal()
	for name, try := range map[string]func(who store.Principal, id string) error{
		"create": func(who store.Principal, _ string) error {
			_, err := w.Create(ctx, who, NewUser{Email: "x@example.com", Username: "xx", Role: store.RoleViewer})
			return err
		},
		"list": func(who store.Principal, _ string) error { _, err := w.List(ctx, who, "", 10); return err },
		"set-role": func(who store.Principal, id string) error {
			_, err := w.SetRole(ctx, who, id, store.RoleAdmin)
			return err
		},
		"disable": func(who store.Principal, id string) error { _, err := w.Disable(ctx, who, id); return err },
		"enable":  func(who store.Principal, id string) error { _, err := w.Enable(ctx, who, id); return err },
		"set-password": func(who store.Principal, id string) error {
			_, err := w.SetPassword(ctx, who, id, NewSecret("another good password"))
			return err
		},
		"reset": func(who store.Principal, id string) error { _, err := w.Reset(ctx, who, id); return err },
		"rotate": func(who store.Principal, _ string) error {
			_, err := w.RotateKeys(ctx, who, w.clock(), "exchanged")
			return err
		},
		"retire":      func(who store.Principal, _ string) error { return w.RetireKeys(ctx, who, "x") },
		"token keys":  func(who store.Principal, _ string) error { _, err := w.TokenKeys(ctx, who); return err },
		"first admin": func(who store.Principal, _ string) error { _, err := w.EnsureAdmin(ctx, who); return err },
		"admin": func(who store.Principal, id string) error {
			_, err := w.IssueAdminMacaroon(ctx, who, id, Asked{}, false)
			return err
		},
	} {
		for _, who := range []store.Principal{fresh, {}, w.who(bearer(w.exchanged("bob", asked()).Token)).Principal} {
			if err := try(who, alice.Account.ID); store.CodeOf(err) != store.CodePermission {
				t.Errorf("%s by %q: %v", name, who.Name, err)
			}
		}
	}
	for name, try := range map[string]func(id string) error{
		"show":  func(id string) error { _, err := w.Show(ctx, fresh, id); return err },
		"token": func(id string) error { _, err := w.IssueAPIToken(ctx, fresh, id, asked()); return err },
		"sessions": func(id string) error {
			_, err := w.Sessions(ctx, fresh, store.SessionFilter{AccountID: id})
			return err
		},
		"revoke all": func(id string) error { _, err := w.RevokeAll(ctx, fresh, id); return err },
		"enable 2fa": func(id string) error { _, err := w.EnableTOTP(ctx, fresh, id); return err },
		"add key": func(id string) error {
			_, err := w.AddKey(ctx, fresh, store.UserKey{AccountID: id, Kind: store.UserKeyOIDC, Key: "https://issuer.example " + id})
			return err
		},
	} {
		w.must(try(alice.Account.ID))
		w.wants(try(bob.Account.ID), store.CodePermission)
		w.wants(try("nobody"), store.CodePermission) // which is no way to find out who exists
		_ = name
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	w := newWorld(t)
	adam := w.person("adam", store.RoleAdmin)
	who := AuthEvent{User: adam}.Principal()
	_, err := w.SetRole(t.Context(), who, adam.Account.ID, store.RoleViewer)
	w.wants(err, CodeLastAdmin)
	_, err = w.Disable(t.Context(), who, adam.Account.ID)
	w.wants(err, CodeLastAdmin)
	w.person("eve", store.RoleAdmin)
	_, err = w.SetRole(t.Context(), who, adam.Account.ID, store.RoleViewer)
	w.must(err)
}

func TestAPasswordIsHashedAnewWhenTheParametersChange(t *testing.T) {
	w := newWorld(t)
	u := w.person("alice", store.RolePublisher)
	before, err := w.User(t.Context(), u.Account.ID)
	w.must(err)
	token := w.exchanged("alice", asked())
	w.hasher = newHasher(Hashing{Memory: 128, Passes: 2})
	w.must(w.loginFrom("alice", "192.0.2.1"))
	after, err := w.User(t.Context(), u.Account.ID)
	w.must(err)
	if after.Password == before.Password || !strings.Contains(after.Password, "m=128,t=2,") || !after.PasswordChangedAt.Equal(before.PasswordChangedAt) {
		t.Errorf("before %s, after %s", before.Password, after.Password)
	}
	w.who(bearer(token.Token)) // it is the same password
	w.must(w.loginFrom("alice", "192.0.2.1"))
}

func TestTheQueueForHashesIsBounded(t *testing.T) {
	h := newHasher(Hashing{Memory: 64, Passes: 1, Parallel: 1, Waiting: 2})
	done, err := h.turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	waiting := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := h.turn(ctx)
			waiting <- err
		}()
	}
	for len(h.waiting) < 3 {
		runtime.Gosched()
	}
	if _, err := h.turn(t.Context()); store.CodeOf(err) != CodeTooMany {
		t.Errorf("a fourth one: %v", err)
	}
	leave()
	for range 2 {
		if err := <-waiting; err == nil {
			t.Error("one that left got a turn")
		}
	}
	done()
	done, err = h.turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done()
}

func TestRenamingSignsWhoTheAccountIs(t *testing.T) {
	w := newWorld(t)
	root := assertiontest.NewRoot(t, "own", assertiontest.RootKey)
	files, err := authority.ReadRoot(authority.RootFiles{
		AccountID: "own", Account: root.Account.Encoded(), AccountKey: root.Key.Encoded(), SigningKey: assertiontest.PEM(assertiontest.RootKey),
	})
	w.must(err)
	w.update(func(tx *db.Tx) error { _, err := w.auth.InstallRoot(tx, files, "tester"); return err })
	signed := func(id string) (username string) {
		w.view(func(tx *db.Tx) error {
			row, err := tx.Assertion("account", id, 0)
			if err != nil {
				return err
			}
			a, err := assertion.Parse(row.Encoded)
			if err == nil {
				username = a.HeaderString("username")
			}
			return err
		})
		return username
	}
	u := w.person("alice", store.RolePublisher)
	if got := signed(u.Account.ID); got != "alice" {
		t.Errorf("the assertion says %q", got)
	}
	u, err = w.Rename(t.Context(), AuthEvent{User: u}.Principal(), "alice-two")
	w.must(err)
	if got := signed(u.Account.ID); got != "alice-two" || u.Account.DisplayName != "alice-two" {
		t.Errorf("the assertion says %q, the account %+v", got, u.Account)
	}
	w.person("bob", store.RolePublisher)
	_, err = w.Rename(t.Context(), AuthEvent{User: u}.Principal(), "bob")
	w.wants(err, "username-taken")
	u, err = w.Agree(t.Context(), AuthEvent{User: u}.Principal())
	w.must(err)
	if !u.AgreedAt.Equal(w.clock()) {
		t.Errorf("agreed at %v", u.AgreedAt)
	}
	found, err := w.UsersByEmail(t.Context(), []string{"BOB@example.com", "nobody@example.com", "alice@example.com", "bob@example.com"})
	w.must(err)
	if len(found) != 2 || found[0].Account.Username != "bob" || found[1].Account.Username != "alice-two" {
		t.Errorf("found %+v", found)
	}
}

func TestKeysAreCheckedBeforeTheyAreKept(t *testing.T) {
	w := newWorld(t)
	u := w.person("alice", store.RolePublisher)
	add := func(kind, key string) (store.UserKey, error) {
		return w.AddKey(t.Context(), operator, store.UserKey{AccountID: u.Account.ID, Kind: kind, Key: key, Name: "a\nkey"})
	}
	const ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice@laptop"
	for kind, key := range map[string]string{
		store.UserKeySSH: "  " + ssh + "\n", store.UserKeyAgent: "bkGcBVkYQAdzTnKOC9dz8dGaGV6s7gLGmzeQIXH2JyA", store.UserKeyOIDC: "https://issuer.example abc",
	} {
		k, err := add(kind, key)
		w.must(err)
		if strings.ContainsAny(k.Key+k.Name, "\n") {
			t.Errorf("kept %q", k)
		}
	}
	for kind, keys := range map[string][]string{
		store.UserKeySSH:   {"", "ssh-ed25519", "command=\"rm\" " + ssh, "ssh-dss AAAA", ssh + "\nssh-rsa AAAA", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkK"},
		store.UserKeyAgent: {"", "short", strings.Repeat("A", 100)},
		store.UserKeyOIDC:  {"", "issuer subject", "https://issuer.example"},
		"x509":             {"anything"},
	} {
		for _, key := range keys {
			if _, err := add(kind, key); store.KindOf(err) != store.KindInvalid {
				t.Errorf("%s %q: %v", kind, key, err)
			}
		}
	}
	keys, err := w.Keys(t.Context(), u.Account.ID, store.UserKeySSH)
	w.must(err)
	if len(keys) != 1 || keys[0].Key != ssh {
		t.Errorf("kept %+v", keys)
	}
	w.must(w.RemoveKey(t.Context(), operator, keys[0]))
	if err := w.RemoveKey(t.Context(), operator, keys[0]); store.CodeOf(err) != "user-key-not-found" {
		t.Errorf("removed twice: %v", err)
	}
}

// FuzzAuthenticate shows whatever comes over the wire.
func FuzzAuthenticate(f *testing.F) {
	w := newWorld(f)
	w.person("alice", store.RolePublisher)
	pair := w.pairOf("alice", asked())
	slice := w.slice("alice", asked())
	f.Add(pair.Authorization[0], "", "")
	f.Add("Macaroon "+w.exchanged("alice", asked()).Token.Reveal(), "", "")
	f.Add("", slice.Macaroons[0], "")
	f.Add("", "", "macaroon-authn="+slice.Macaroons[0])
	f.Add("Basic "+base64Of("alice:x"), "", "")
	f.Fuzz(func(t *testing.T, authorization, macaroons, cookie string) {
		p, err := w.Authenticate(t.Context(), Evidence{Authorization: []string{authorization}, Macaroons: []string{macaroons}, Cookies: []string{cookie}})
		if kind := store.KindOf(err); err != nil && kind != store.KindUnauthorised && store.CodeOf(err) != CodeTooMany {
			t.Errorf("%v: %v", kind, err)
		}
		if err == nil && p.Account == "" {
			t.Error("nobody has proven who it is")
		}
	})
}
