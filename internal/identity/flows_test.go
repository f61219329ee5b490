package identity

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func TestEveryFormOfCredentialsProvesTheSameAccount(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		alice := w.person("alice", store.RolePublisher)
		w.update(func(tx *db.Tx) error {
			tx.Record(store.StorePut, "store/acme", nil)
			if err := tx.PutView(store.View{ID: "acme", Name: "Acme", CreatedAt: tx.Now()}); err != nil {
				return err
			}
			return tx.PutStoreMember("acme", alice.Account.ID, []string{store.StoreRoleView})
		})
		token := w.exchanged("alice", asked()).Token.Reveal()
		api, err := w.IssueAPIToken(t.Context(), operator, alice.Account.ID, asked())
		w.must(err)
		quoted := w.pairOf("alice", asked())
		slice := w.slice("alice", asked())
		basic := func(user, password string) Evidence { return evidence("Basic " + base64Of(user+":"+password)) }
		for name, e := range map[string]Evidence{
			"quoted pair":      quoted,
			"bare pair":        evidence(strings.ReplaceAll(quoted.Authorization[0], `"`, "")),
			"lower case pair":  evidence("macaroon" + strings.TrimPrefix(quoted.Authorization[0], "Macaroon")),
			"exchanged":        evidence("Macaroon " + token),
			"lower case":       evidence("macaroon " + token),
			"bearer":           evidence("Bearer " + token),
			"API token":        bearer(api.Token),
			"Macaroons header": slice,
			"cookie":           {Cookies: []string{"other=1; macaroon-authn=" + strings.TrimRight(slice.Macaroons[0], "=")}},
			"slice as bearer":  evidence("Macaroon " + slice.Macaroons[0]),
			"password":         basic("alice@example.com", testPassword),
			"token for it":     basic("alice", api.Token.Reveal()),
		} {
			who := w.who(e)
			p := who.Principal
			if p.Account != alice.Account.ID || p.Role != store.RolePublisher || !slices.Equal(p.Stores, []string{"acme"}) {
				t.Errorf("%s: %+v", name, p)
			}
			if password := name == "password"; password != (p.Session == "") || password != (len(p.Limits) == 0) || password != p.Expires.IsZero() {
				t.Errorf("%s: session %q, %d limits, expires %v", name, p.Session, len(p.Limits), p.Expires)
			}
			if name != "password" && (p.Need(store.PermPush) != nil || p.Need(store.PermRegister) == nil) {
				t.Errorf("%s: the limits of the token do not hold", name)
			}
		}
		w.refuses("another's name with the token", basic("bob", api.Token.Reveal()))
		for name, e := range map[string]Evidence{
			"nothing":       {},
			"two headers":   evidence("Macaroon "+token, "Macaroon "+token),
			"opaque":        evidence("Macaroon 0123456789"),
			"an envelope":   evidence(`Macaroon {"t":"u1-macaroon","v":{"r":"x","d":"y"}}`),
			"half a pair":   evidence("Macaroon root=" + token),
			"token as root": evidence("Macaroon root=" + token + ", discharge=" + token),
			"no scheme":     evidence(token),
			"wrong scheme":  evidence("Negotiate " + token),
			"changed":       evidence("Macaroon " + token[:len(token)-2] + "AA"),
			"too long":      evidence("Macaroon " + strings.Repeat("A", 33<<10)),
		} {
			w.refuses(name, e)
		}
	})
}

func TestAnExchangedTokenAllowsNoMoreThanThePair(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	a := asked("package_push", "package_access")
	a.Packages = []store.PackageLimit{{Namespace: store.Snap, Name: "hello"}}
	a.Channels = []string{"edge", "2.*/stable"}
	a.TTL = seconds(3600)
	for name, exchange := range map[string]func() (Issued, error){
		"pair":  func() (Issued, error) { return w.ExchangePair(t.Context(), w.pairOf("alice", a), "snapcraft/9") },
		"slice": func() (Issued, error) { return w.ExchangeSlice(t.Context(), w.slice("alice", a), "craft/3") },
	} {
		issued, err := exchange()
		w.must(err)
		who := w.who(bearer(issued.Token))
		if !who.Expires.Equal(w.clock().Add(time.Hour)) || who.Session.AccountID != alice.Account.ID || who.Session.Client == "" {
			t.Errorf("%s: %+v", name, who.Session)
		}
		if !slices.Equal(who.Limits.Permissions, a.Permissions) || !slices.Equal(who.Limits.Packages, a.Packages) || !slices.Equal(who.Limits.Channels, a.Channels) {
			t.Errorf("%s: limits %+v", name, who.Limits)
		}
		mine := &store.Package{Namespace: store.Snap, Name: "hello", PublisherID: alice.Account.ID}
		other := &store.Package{Namespace: store.Snap, Name: "other", PublisherID: alice.Account.ID}
		p := who.Principal
		if p.NeedOn(store.PermPush, mine) != nil || p.NeedOn(store.PermPush, other) == nil || p.NeedOn(store.PermRelease, mine) == nil {
			t.Errorf("%s: the limits of the token do not hold", name)
		}
		w.pass(time.Hour)
		w.refuses(name+" after an hour", bearer(issued.Token))
	}
}

func TestATokenCannotMakeAStrongerOne(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	bob := w.person("bob", store.RolePublisher)
	a := asked("edit_account", "package_push")
	a.TTL = seconds(3600)
	a.Packages = []store.PackageLimit{{ID: "one"}}
	parent := w.who(bearer(w.exchanged("alice", a).Token)).Principal
	_, err := w.IssueAPIToken(t.Context(), parent, alice.Account.ID, asked("package_release"))
	w.wants(err, store.CodePermission)
	_, err = w.IssueAPIToken(t.Context(), parent, bob.Account.ID, asked("package_push"))
	w.wants(err, store.CodePermission)
	wider := asked("package_push")
	wider.TTL = seconds(MaxTTL)
	wider.Packages = []store.PackageLimit{{ID: "one"}, {ID: "two"}}
	issued, err := w.IssueAPIToken(t.Context(), parent, alice.Account.ID, wider)
	w.must(err)
	child := w.who(bearer(issued.Token))
	if !child.Expires.Equal(parent.Expires) {
		t.Errorf("it ends %v, its parent %v", child.Expires, parent.Expires)
	}
	two := &store.Package{ID: "two", PublisherID: alice.Account.ID}
	if child.Principal.NeedOn(store.PermPush, two) == nil {
		t.Error("it is for more packages than its parent")
	}
	// Nor may it change how the account logs in.
	_, err = w.EnableTOTP(t.Context(), parent, alice.Account.ID)
	w.wants(err, CodeNeedsLogin)
	_, err = w.AddKey(t.Context(), parent, store.UserKey{AccountID: alice.Account.ID, Kind: store.UserKeySSH, Key: "ssh-ed25519 AAAA"})
	w.wants(err, CodeNeedsLogin)
}

func TestAnUploadTokenIsForOnePackage(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	site := w.who(w.pairOf("alice", asked("package_upload_request"))).Principal
	one := asked("package_upload")
	one.Packages = []store.PackageLimit{{ID: "one"}}
	one.Channels = []string{"edge"}
	issued, err := w.IssueUploadToken(t.Context(), site, one)
	w.must(err)
	who := w.who(bearer(issued.Token))
	pkg := func(id string) *store.Package { return &store.Package{ID: id, PublisherID: alice.Account.ID} }
	if who.Principal.NeedOn(store.PermPush, pkg("one")) != nil || who.Principal.NeedOn(store.PermPush, pkg("two")) == nil ||
		who.Principal.Need(store.PermListing) == nil || who.Principal.Need(store.PermDelegate) == nil {
		t.Errorf("limits %+v", who.Principal.Limits)
	}
	two := one
	two.Packages = append(slices.Clone(one.Packages), store.PackageLimit{ID: "two"})
	_, err = w.IssueUploadToken(t.Context(), site, two)
	w.wants(err, CodeBadAsk)
	_, err = w.IssueUploadToken(t.Context(), site, Asked{Permissions: []string{"package_manage"}, Packages: one.Packages})
	w.wants(err, CodeBadAsk)
	_, err = w.IssueUploadToken(t.Context(), who.Principal, one)
	w.wants(err, store.CodePermission)
}

func TestWhatIsAskedIsHeldToBounds(t *testing.T) {
	w := newWorld(t)
	now := w.clock()
	for want, a := range map[string]Asked{
		"3 is less than the minimum of 10 at /ttl":                         {TTL: seconds(3)},
		"-1 is less than the minimum of 10 at /ttl":                        {TTL: seconds(-1)},
		"31536001 is greater than the maximum of 31536000 at /ttl":         {TTL: seconds(31536001)},
		"2026-05-06T07:08:09Z is in the past at /expires":                  {Expires: now},
		"[] is too short at /channels":                                     {Channels: []string{}},
		"[] is too short at /packages":                                     {Packages: []store.PackageLimit{}},
		`"edge" is there twice at /channels`:                               {Channels: []string{"edge", "edge"}},
		`"package_fly" is not a permission at /permissions/1`:              {Permissions: []string{"package_push", "package_fly"}},
		"a package has either an id or a name at /packages/0":              {Packages: []store.PackageLimit{{}}},
		"the list is longer than 100 at /stores":                           {Stores: make([]string, 101)},
		"'permissions' is a required property, of at least one item, at /": {Permissions: []string{}},
	} {
		if a.Permissions == nil {
			a.Permissions = []string{"package_push"}
		}
		_, err := w.IssueRoot(t.Context(), a, ssoHost)
		if store.CodeOf(err) != CodeBadAsk || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, ttl := range []int64{MinTTL, MaxTTL} {
		a := asked()
		a.TTL = seconds(ttl)
		_, err := w.IssueRoot(t.Context(), a, ssoHost)
		w.must(err)
	}
	w.person("alice", store.RolePublisher)
	late := asked()
	late.Expires = now.AddDate(40, 0, 0)
	if who := w.who(bearer(w.exchanged("alice", late).Token)); !who.Expires.Equal(now.Add(maxLife)) {
		t.Errorf("forty years became %v", who.Expires)
	}
}

func TestIntrospectionSaysWhatATokenAllowsAndNothingOfOthers(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	pair := w.pairOf("alice", asked())
	got, err := w.Introspect(t.Context(), pair.Authorization[0], Evidence{Address: "198.51.100.1"})
	w.must(err)
	if !got.Allowed || got.RefreshRequired || got.Who.User.Email != "alice@example.com" {
		t.Errorf("got %+v", got)
	}
	w.pass(dischargeLife)
	got, err = w.Introspect(t.Context(), pair.Authorization[0], Evidence{Address: "198.51.100.1"})
	w.must(err)
	if got.Allowed || !got.RefreshRequired || got.Who.User.Email != "" {
		t.Errorf("after its time: %+v", got)
	}
	for range 30 {
		got, err = w.Introspect(t.Context(), "Macaroon AAAA", Evidence{Address: "198.51.100.1"})
		if err != nil {
			break
		}
		if got.Allowed {
			t.Fatal("allowed")
		}
	}
	w.wants(err, CodeTooMany)
}

func TestTheLastUseIsNotedOnceAMinute(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	token := w.exchanged("alice", asked())
	used := func() time.Time {
		s, err := w.session(t.Context(), token.Session.ID)
		w.must(err)
		return s.LastUsed
	}
	w.who(bearer(token.Token))
	first := used()
	if !first.Equal(w.clock()) {
		t.Errorf("noted %v", first)
	}
	w.pass(59 * time.Second)
	w.who(bearer(token.Token))
	if !used().Equal(first) {
		t.Error("noted again within the minute")
	}
	w.pass(time.Second)
	w.who(bearer(token.Token))
	if !used().Equal(w.clock()) {
		t.Error("not noted after a minute")
	}
}
