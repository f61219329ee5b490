package identity

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// The tests of this file and its neighbours are named after the security
// properties of the protocol page.

// appended is a root with further first-party caveats of its holder's.
func appended(root *macaroon.Macaroon, caveats ...string) *macaroon.Macaroon {
	root = root.Clone()
	for _, c := range caveats {
		if err := root.AddFirstPartyCaveat([]byte(c)); err != nil {
			panic(err)
		}
	}
	return root
}

func TestP1EveryCaveatIsUnderstoodAndTrue(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	root, discharge := w.pair("alice", asked())
	account := accountCaveat("admin", "openid")
	for name, caveat := range map[string]string{
		"unknown kind":        "larder|frobnicate|1",
		"wrong prefix":        "elsewhere|expires|2099-01-01T00:00:00.000000",
		"account in the root": "larder|account|" + account,
		"last_auth":           "larder|last_auth|2026-05-06T07:08:09.000000",
		"empty list":          "larder|acl|[]",
		"null":                "larder|acl|null",
		"no list":             `larder|channel|"edge"`,
		"no pipes":            "time-before 2099-01-01T00:00:00Z",
		"declared":            "declared username admin",
		"garbage time":        "larder|expires|tomorrow",
		"time with zone":      "larder|expires|2099-01-01T00:00:00.000000Z",
		"empty":               "",
	} {
		w.refuses(name+" on the root", evidence(w.pairHeader(appended(root, caveat), discharge)))
		w.refuses(name+" on the discharge", evidence(w.pairHeader(root, appended(discharge, caveat))))
	}
	w.refuses("a second account", evidence(w.pairHeader(root, appended(discharge, ssoHost+"|account|"+account))))
	w.refuses("a second last_auth", evidence(w.pairHeader(root, appended(discharge, ssoHost+"|last_auth|2026-05-06T07:08:09.000000"))))
	w.who(evidence(w.pairHeader(root, discharge)))
}

func accountCaveat(username, openID string) string {
	text, _ := json.Marshal(map[string]any{
		"username": username, "openid": openID, "displayname": username, "email": username + "@example.com", "is_verified": true,
	})
	return base64.StdEncoding.EncodeToString(text)
}

func TestP2aAHolderCannotSayWhoHeIs(t *testing.T) {
	w := newWorld(t)
	w.person("mallory", store.RolePublisher)
	adam := w.person("adam", store.RoleAdmin)
	root, discharge := w.pair("mallory", asked())
	// As the page has it: on the root, and in the words of the bakery.
	w.refuses("an account on the root", evidence(w.pairHeader(appended(root, ssoHost+"|account|"+accountCaveat("adam", adam.OpenID)), discharge)))
	w.refuses("declared on the root", evidence(w.pairHeader(appended(root, "declared username adam"), discharge)))

	slice := w.slice("mallory", asked())
	ms := w.readSlice(slice)
	for name, change := range map[string]func(root, discharge *macaroon.Macaroon){
		"declared on the root":      func(r, _ *macaroon.Macaroon) { r.AddFirstPartyCaveat([]byte("declared username adam")) },
		"declared on the discharge": func(_, d *macaroon.Macaroon) { d.AddFirstPartyCaveat([]byte("declared username adam")) },
	} {
		r, d := ms[0].Clone(), ms[1].Clone() // the discharge is bound already
		change(r, d)
		w.refuses(name, w.rawSlice(r, d))
	}
	if who := w.who(slice); who.User.Account.Username != "mallory" {
		t.Errorf("mallory is %s", who.User.Account.Username)
	}
}

func TestP2bAHolderCannotDischargeACaveatOfHisOwn(t *testing.T) {
	w := newWorld(t)
	w.person("mallory", store.RolePublisher)
	adam := w.person("adam", store.RoleAdmin)
	root, discharge := w.pair("mallory", asked())
	// He knows the public key, so he can make a caveat that looks like the
	// single sign-on's, and its discharge as whom he likes. Both verify.
	k, err := w.keysFor(t.Context(), PurposeSSOCaveat)
	w.must(err)
	public, err := k.sso.Public()
	w.must(err)
	id, key := forgedCaveat(t, public)
	forgedRoot := root.Clone()
	w.must(forgedRoot.AddThirdPartyCaveat(key, []byte(id), ssoHost))
	forged := w.forgedDischarge(id, key, adam, w.clock())
	both := func(first, second *macaroon.Macaroon) Evidence {
		first, second = first.Clone(), second.Clone()
		first.Bind(forgedRoot.Signature())
		second.Bind(forgedRoot.Signature())
		return evidence("Macaroon root=" + w.encode(forgedRoot) + ", discharge=" + w.encode(first) + ", discharge=" + w.encode(second))
	}
	w.refuses("his own discharge after ours", both(discharge, forged))
	w.refuses("his own discharge before ours", both(forged, discharge))

	// A discharge of ours, for adam, of a caveat that mallory recorded.
	adamsRoot, adamsDischarge := w.pair("adam", asked())
	w.refuses("another's discharge", evidence(w.pairHeader(root, adamsDischarge)))
	mixed := adamsRoot.Clone()
	w.must(mixed.AddThirdPartyCaveat(key, []byte(id), ssoHost))
	w.refuses("a discharge of a caveat that the root does not record", evidence(w.pairHeader(mixed, forged)))

	// The same for the bakery.
	ms := w.readSlice(w.slice("mallory", asked()))
	r := ms[0].Clone()
	w.must(r.AddThirdPartyCaveat([]byte("his own key"), []byte("his own caveat"), "https://store.example/identity/"))
	d, err := macaroon.New([]byte("his own key"), []byte("his own caveat"), "", macaroon.V2)
	w.must(err)
	d.AddFirstPartyCaveat([]byte("declared username adam"))
	d.AddFirstPartyCaveat([]byte("time-before 2099-01-01T00:00:00Z"))
	d.Bind(r.Signature())
	w.refuses("a second declaration", w.rawSlice(r, ms[1], d))
}

// readSlice reads a Macaroons header.
func (w *world) readSlice(e Evidence) macaroon.Slice {
	w.t.Helper()
	raw, err := base64.URLEncoding.DecodeString(e.Macaroons[0])
	w.must(err)
	var s macaroon.Slice
	w.must(json.Unmarshal(raw, &s))
	return s
}

// rawSlice writes a Macaroons header of macaroons that are bound already.
func (w *world) rawSlice(ms ...*macaroon.Macaroon) Evidence {
	w.t.Helper()
	text, err := json.Marshal(macaroon.Slice(ms))
	w.must(err)
	return Evidence{Macaroons: []string{base64.URLEncoding.EncodeToString(text)}, Address: "192.0.2.1"}
}

func TestP3ADischargeIsBoundOnceAndUsedOnce(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	root, discharge := w.pair("alice", asked())
	other, otherDischarge := w.pair("alice", asked())
	bound := func(d *macaroon.Macaroon, roots ...*macaroon.Macaroon) string {
		d = d.Clone()
		for _, r := range roots {
			d.Bind(r.Signature())
		}
		return w.encode(d)
	}
	header := func(discharges ...string) Evidence {
		return evidence("Macaroon root=" + w.encode(root) + ", discharge=" + strings.Join(discharges, ", discharge="))
	}
	good := bound(discharge, root)
	for name, e := range map[string]Evidence{
		"unbound":           header(bound(discharge)),
		"bound twice":       header(bound(discharge, root, root)),
		"bound to another":  header(bound(discharge, other)),
		"another's, bound":  header(bound(otherDischarge, root)),
		"used twice":        header(good, good),
		"superfluous":       header(good, bound(otherDischarge, root)),
		"itself as its own": header(bound(root, root)),
		"root twice":        evidence("Macaroon root=" + w.encode(root) + ", root=" + w.encode(other) + ", discharge=" + good),
		"no root":           evidence("Macaroon discharge=" + good),
	} {
		w.refuses(name, e)
	}
	w.who(header(good))
}

// TestP4AttenuationOnlyNarrows appends caveats at random: whoever is refused
// before must be refused afterwards.
func TestP4AttenuationOnlyNarrows(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	a := asked("package_access", "package_push", "package_release", "package_update")
	a.Packages = []store.PackageLimit{{ID: "one"}, {ID: "two"}}
	a.Channels = []string{"*/edge", "2.0/*"}
	root, discharge := w.pair("alice", a)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(of ...string) string {
		n := 1 + r.IntN(len(of))
		r.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
		text, _ := json.Marshal(of[:n])
		return string(text)
	}
	decisions := func(e Evidence) (allowed map[string]bool) {
		allowed = make(map[string]bool)
		p, err := w.Authenticate(t.Context(), e)
		if err != nil {
			return allowed
		}
		for _, perm := range []store.Permission{store.PermPush, store.PermRelease, store.PermListing, store.PermACL, store.PermAccountEdit, store.PermView} {
			for _, id := range []string{"one", "two", "three"} {
				pkg := &store.Package{ID: id, PublisherID: alice.Account.ID, StoreID: "ubuntu"}
				allowed[fmt.Sprint(perm, id)] = p.NeedOn(perm, pkg) == nil
			}
		}
		for _, c := range []string{"stable", "edge", "2.0/stable", "2.0/edge/fix"} {
			channel, err := store.ParseChannel(c)
			w.must(err)
			allowed[c] = p.NeedChannels(channel.Normal()) == nil
		}
		return allowed
	}
	had := decisions(evidence(w.pairHeader(root, discharge)))
	if !had["edge"] || had["stable"] || !had[fmt.Sprint(store.PermPush, "one")] || had[fmt.Sprint(store.PermPush, "three")] {
		t.Fatalf("before: %v", had)
	}
	for range 200 {
		narrow := root.Clone()
		for range 1 + r.IntN(3) {
			var c string
			switch r.IntN(5) {
			case 0:
				c = "larder|acl|" + pick("package_access", "package_push", "package_manage", "edit_account", "store_admin", "nonsense")
			case 1:
				c = "larder|package_id|" + pick("one", "two", "three")
			case 2:
				c = "larder|channel|" + pick("*", "stable", "edge", "2.0/*", "latest/edge")
			case 3:
				c = "larder|store|" + pick("ubuntu", "acme")
			case 4:
				c = "larder|package|" + `[{"name":"one","type":"snap"}]`
			}
			narrow = appended(narrow, c)
		}
		for what, allowed := range decisions(evidence(w.pairHeader(narrow, discharge))) {
			if allowed && !had[what] {
				t.Fatalf("seed %d: %s is allowed only after appending %v", seed, what, narrow.Caveats())
			}
		}
	}
}

// TestP5EachKindOfTokenIsGoodAtOnePlaceOnly tries each kind of token at each
// kind of door.
func TestP5EachKindOfTokenIsGoodAtOnePlaceOnly(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	alice := w.person("alice", store.RoleAdmin)
	pairRoot, pairDischarge := w.pair("alice", asked())
	adminMacaroon, err := w.IssueAdminMacaroon(ctx, operator, alice.Account.ID, Asked{}, false)
	w.must(err)
	api, err := w.IssueAPIToken(ctx, operator, alice.Account.ID, asked())
	w.must(err)
	link, err := w.Reset(ctx, operator, w.person("bob", store.RoleViewer).Account.ID)
	w.must(err)
	// Macaroons of the other purposes, made with our own keys, of alice's own
	// session: only the purpose is wrong.
	k, err := w.keysFor(ctx, KeyPurposes()...)
	w.must(err)
	minted := func(p credential.Purpose) string {
		m, err := mint(k, p, credential.Token{
			Location: "larder", Session: api.Session.ID, Subject: alice.Account.ID, Since: since(w.clock()), Expires: w.clock().Add(time.Hour),
		})
		w.must(err)
		text, err := m.Macaroon.Text()
		w.must(err)
		return text.Reveal()
	}
	type door struct {
		name string
		open func(text string) error
	}
	single := func(text string) Evidence { return evidence("Macaroon " + text) }
	doors := []door{
		{"API", func(s string) error { _, err := w.Authenticate(ctx, single(s)); return err }},
		{"API, as a pair", func(s string) error { _, err := w.Authenticate(ctx, evidence("Macaroon root="+s)); return err }},
		{"API, password", func(s string) error {
			_, err := w.Authenticate(ctx, evidence("Basic "+base64Of("alice:"+s)))
			return err
		}},
		{"exchange of pairs", func(s string) error { _, err := w.ExchangePair(ctx, single(s), ""); return err }},
		{"exchange of half pairs", func(s string) error { _, err := w.ExchangePair(ctx, evidence("Macaroon root="+s), ""); return err }},
		{"exchange of slices", func(s string) error { _, err := w.ExchangeSlice(ctx, single(s), ""); return err }},
		{"offline exchange", func(s string) error { _, err := w.ExchangeOffline(ctx, Offline{Macaroon: NewSecret(s)}); return err }},
		{"refresh", func(s string) error { _, err := w.RefreshDischarge(ctx, s, ssoHost, "2001:db8::1"); return err }},
		{"link", func(s string) error {
			_, err := w.RedeemReset(ctx, NewSecret(s), NewSecret("a good new password"), "2001:db8::2")
			return err
		}},
	}
	tokens := map[string]struct {
		text string
		at   []string
	}{
		"exchanged":         {w.exchanged("alice", asked()).Token.Reveal(), []string{"API", "API, password"}},
		"API token":         {api.Token.Reveal(), []string{"API", "API, password"}},
		"admin macaroon":    {adminMacaroon.Token.Reveal(), []string{"offline exchange"}},
		"discharge":         {w.encode(pairDischarge), []string{"refresh"}},
		"root":              {w.encode(pairRoot), nil},
		"link":              {link.Reveal(), []string{"link"}},
		"discharge token":   {minted(credential.DischargeToken), nil},
		"registry password": {minted(credential.RegistryPassword), nil},
		"slice":             {w.slice("alice", asked()).Macaroons[0], []string{"exchange of slices", "API"}},
	}
	for name, token := range tokens {
		for _, d := range doors {
			w.pass(5 * time.Minute) // no door is shut for those who knocked before
			err := d.open(token.text)
			if fits := slices.Contains(token.at, d.name); fits != (err == nil) {
				t.Errorf("%s at %s: %v", name, d.name, err)
			}
			if k := store.KindOf(err); err != nil && k != store.KindUnauthorised && k != store.KindForbidden {
				t.Errorf("%s at %s is refused with %v, %v", name, d.name, k, err)
			}
		}
	}
	// And a pair or slice at the other's exchange.
	_, err = w.ExchangeSlice(ctx, evidence(w.pairHeader(pairRoot, pairDischarge)), "")
	w.wants(err, CodeNoCredentials)
	_, err = w.ExchangePair(ctx, w.slice("alice", asked()), "")
	w.wants(err, CodeNoCredentials)
}

func TestP6ExpiryIsExact(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	const long = int64(dischargeLife/time.Second) * 3
	a := asked()
	a.TTL = seconds(long)
	root, discharge := w.pair("alice", a)
	e := evidence(w.pairHeader(root, discharge))
	token := w.exchanged("alice", a)
	refused := func(code string) {
		t.Helper()
		_, err := w.Authenticate(t.Context(), e)
		w.wants(err, code)
	}
	start := w.clock()
	to := func(at time.Time) { w.pass(at.Sub(w.clock())) }

	to(start.Add(dischargeLife - time.Microsecond))
	refused("")
	to(start.Add(dischargeLife))
	refused(CodeNeedsRefresh)
	w.who(bearer(token.Token)) // which outlives the discharge
	// A fresh discharge keeps the old login.
	text, err := w.RefreshDischarge(t.Context(), w.encode(discharge), ssoHost, "192.0.2.1")
	w.must(err)
	discharge = w.decode(text)
	e = evidence(w.pairHeader(root, discharge))
	if who := w.who(e); !who.LastAuth.Equal(start) {
		t.Errorf("refreshing moved the login from %v to %v", start, who.LastAuth)
	}
	to(start.Add(dischargeLife * 2))
	text, err = w.RefreshDischarge(t.Context(), w.encode(discharge), ssoHost, "192.0.2.1")
	w.must(err)
	e = evidence(w.pairHeader(root, w.decode(text)))
	end := start.Add(time.Duration(long) * time.Second)
	to(end.Add(-time.Microsecond))
	refused("")
	w.who(bearer(token.Token))
	to(end)
	refused(CodeNoCredentials) // the root is over: refreshing does not help
	w.refuses("the exchanged token", bearer(token.Token))
	to(start.Add(-2 * time.Minute))
	refused(CodeNoCredentials) // not yet
}
