package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

func TestP7RefreshingNeitherResurrectsNorInvents(t *testing.T) {
	type attempt struct {
		*world
		alice     store.User
		discharge string
		session   store.Session
	}
	for name, end := range map[string]func(a attempt) error{
		"the password is set": func(a attempt) error {
			_, err := a.SetPassword(a.t.Context(), operator, a.alice.Account.ID, NewSecret("another good password"))
			return err
		},
		"the account is disabled": func(a attempt) error {
			_, err := a.Disable(a.t.Context(), operator, a.alice.Account.ID)
			return err
		},
		"it was disabled for a while": func(a attempt) error {
			if _, err := a.Disable(a.t.Context(), operator, a.alice.Account.ID); err != nil {
				return err
			}
			_, err := a.Enable(a.t.Context(), operator, a.alice.Account.ID)
			return err
		},
		"the password is reset": func(a attempt) error { _, err := a.Reset(a.t.Context(), operator, a.alice.Account.ID); return err },
		"the session is revoked": func(a attempt) error {
			_, err := a.Revoke(a.t.Context(), operator, a.session.ID)
			return err
		},
		"all sessions are revoked": func(a attempt) error {
			n, err := a.RevokeAll(a.t.Context(), operator, a.alice.Account.ID)
			if n != 1 {
				a.t.Errorf("revoked %d", n)
			}
			return err
		},
		"a year has passed": func(a attempt) error { a.pass(maxLife); return nil },
		"a later login took its place": func(a attempt) error {
			return nil // below: needs the root
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := attempt{world: w, alice: w.person("alice", store.RolePublisher)}
			root, discharge := w.pair("alice", asked())
			a.discharge = w.encode(discharge)
			a.session = w.who(evidence(w.pairHeader(root, discharge))).Session
			w.pass(time.Hour)
			text, err := w.RefreshDischarge(t.Context(), a.discharge, ssoHost, "192.0.2.1")
			w.must(err)
			if who := w.who(evidence(w.pairHeader(root, w.decode(text)))); !who.LastAuth.Equal(w.clock().Add(-time.Hour)) {
				t.Errorf("last_auth is %v", who.LastAuth)
			}
			if name == "a later login took its place" {
				w.discharge(root, "alice")
			}
			w.must(end(a))
			_, err = w.RefreshDischarge(t.Context(), a.discharge, ssoHost, "192.0.2.1")
			w.wants(err, CodeInvalidCredentials)
			w.refuses("the pair", evidence(w.pairHeader(root, discharge)))
		})
	}
}

// TestP7AForgedDischargeIsNotRefreshed is the attack of section 9.2: the key of
// the single sign-on is public, so anybody can make a caveat and a discharge
// of it that names anybody.
func TestP7AForgedDischargeIsNotRefreshed(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		mallory := w.person("mallory", store.RolePublisher)
		adam := w.person("adam", store.RoleAdmin)
		k, err := w.keysFor(t.Context(), PurposeSSOCaveat)
		w.must(err)
		public, err := k.sso.Public()
		w.must(err)
		id, key := forgedCaveat(t, public)
		refuse := func(what string, victim store.User, lastAuth time.Time) {
			t.Helper()
			forged := w.encode(w.forgedDischarge(id, key, victim, lastAuth))
			if _, err := k.sso.VerifyDischargeForRefresh(forged, w.clock()); err != nil {
				t.Fatalf("%s: the forgery is a bad one: %v", what, err)
			}
			got, err := w.RefreshDischarge(t.Context(), forged, ssoHost, "198.51.100.7")
			if store.CodeOf(err) != CodeInvalidCredentials || shown(err) != shown(errRefresh) || !got.IsZero() {
				t.Errorf("%s: %v", what, err)
			}
		}
		refuse("of nobody's caveat", adam, w.clock())
		refuse("of nobody's caveat, by himself", mallory, w.clock())
		// Worse: he logs in properly and has his own caveat discharged, so
		// that there is a row for it.
		text, err := w.Discharge(t.Context(), w.attempt("mallory", testPassword), id, ssoHost)
		w.must(err)
		first := w.clock()
		w.pass(time.Minute)
		refuse("of a caveat that he discharged", adam, first)
		refuse("with a later login", mallory, w.clock())
		_, err = w.RefreshDischarge(t.Context(), text.Reveal(), ssoHost, "192.0.2.1")
		w.must(err) // the real one is as good as ever
	})
}

// guess tries a wrong password.
func (w *world) guess(login, address string) error {
	a := w.attempt(login, "not the password")
	a.Address = address
	_, err := w.Login(w.t.Context(), a)
	return err
}

func (w *world) loginFrom(login, address string) error {
	a := w.attempt(login, testPassword)
	a.Address = address
	_, err := w.Login(w.t.Context(), a)
	return err
}

func TestP11GuessingGetsSlowAndLocksNobodyOut(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.person("alice", store.RolePublisher)
		w.must(w.loginFrom("alice", "192.0.2.1"))
		// One guesser, as fast as it can for a day, from ever new addresses.
		tried, start := 0, w.clock()
		for n := 0; w.clock().Sub(start) < time.Hour; n++ {
			err := w.guess("alice", fmt.Sprintf("2001:db8:%x:%x::1", n>>16, n&0xffff))
			if store.CodeOf(err) == CodeInvalidCredentials {
				tried++
				continue
			}
			w.wants(err, CodeTooMany)
			wait, _ := time.ParseDuration(retryAfter(t, err) + "s")
			if wait <= 0 || wait > time.Minute {
				t.Fatalf("must wait %v", wait)
			}
			w.pass(wait)
		}
		if tried > 80 {
			t.Errorf("%d guesses in an hour", tried)
		}
		// The owner gets in where he was before, at once; a new address waits
		// a minute at most.
		w.must(w.loginFrom("alice", "192.0.2.1"))
		w.guess("alice", "2001:db8:ffff::1")
		if err := w.loginFrom("alice", "198.51.100.1"); err != nil {
			w.wants(err, CodeTooMany)
			w.pass(time.Minute)
			w.must(w.loginFrom("alice", "198.51.100.1"))
		}
	})
}

func retryAfter(t *testing.T, err error) string {
	t.Helper()
	e, ok := err.(*store.Error)
	if !ok {
		t.Fatalf("%v is no store.Error", err)
	}
	s, _ := e.Extra[ExtraRetryAfter].(string)
	return s
}

func TestP11OneAddressIsSlowedDownWhoeverItTriesToBe(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	var err error
	n := 0
	for ; n < 100; n++ { // hosts of one /64 are one address
		if err = w.guess(fmt.Sprintf("user%d@example.com", n), fmt.Sprintf("2001:db8:1:2::%x", n)); store.CodeOf(err) != CodeInvalidCredentials {
			break
		}
	}
	w.wants(err, CodeTooMany)
	if n < 10 || n > 40 {
		t.Errorf("slowed down after %d guesses", n)
	}
	// Another node, and the same one started again, count on.
	other := w.node()
	a := w.attempt("alice", testPassword)
	a.Address = "2001:db8:1:2::ffff"
	_, err = other.Login(t.Context(), a)
	w.wants(err, CodeTooMany)
	w.must(w.loginFrom("alice", "2001:db8:1:3::1"))
}

func TestP11ParallelGuessesAreAllCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.person("alice", store.RolePublisher)
		nodes := []*Identity{w.Identity, w.node()}
		var checked, slowed int
		for _, err := range parallel(60, func(n int) error {
			a := w.attempt("alice", "not the password")
			a.Address = fmt.Sprintf("198.51.100.%d", n)
			_, err := nodes[n%2].Login(context.WithoutCancel(t.Context()), a)
			return err
		}) {
			switch store.CodeOf(err) {
			case CodeInvalidCredentials:
				checked++
			case CodeTooMany:
				slowed++
			default:
				t.Errorf("got %v", err)
			}
		}
		if checked > 6 || slowed == 0 {
			t.Errorf("%d guesses were checked at once, %d slowed down", checked, slowed)
		}
	})
}

// parallel calls f n times at once and collects what it returns.
func parallel(n int, f func(n int) error) []error {
	errs := make([]error, n)
	var start, done sync.WaitGroup
	start.Add(1)
	for k := range n {
		done.Go(func() {
			start.Wait()
			errs[k] = f(k)
		})
	}
	start.Done()
	done.Wait()
	return errs
}

// enrol gives an account a second factor and returns its secret.
func (w *world) enrol(u store.User) Enrolment {
	w.t.Helper()
	e, err := w.EnableTOTP(w.t.Context(), operator, u.Account.ID)
	w.must(err)
	_, err = w.ConfirmTOTP(w.t.Context(), operator, u.Account.ID, e.Ticket, w.code(e, 0))
	w.must(err)
	w.pass(2 * stepLength) // so that the next code is a later one
	return e
}

// code is the code of an enrolment, some steps from now.
func (w *world) code(e Enrolment, steps int) Secret {
	w.t.Helper()
	code, err := totp.GenerateCode(e.Secret.Reveal(), w.clock().Add(time.Duration(steps)*stepLength))
	w.must(err)
	return NewSecret(code)
}

func (w *world) loginWith(password string, otp Secret) error {
	a := w.attempt("alice", password)
	a.OTP = otp
	_, err := w.Login(w.t.Context(), a)
	return err
}

func TestP12ACodeIsUsedOnceAndAskedForAfterThePassword(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		e := w.enrol(w.person("alice", store.RolePublisher))
		w.wants(w.loginWith("not the password", Secret{}), CodeInvalidCredentials)
		w.wants(w.loginWith("not the password", w.code(e, 0)), CodeInvalidCredentials)
		w.wants(w.loginWith(testPassword, Secret{}), CodeTwoFactorRequired)
		if err := w.loginWith(testPassword, Secret{}); store.KindOf(err) != store.KindUnauthorised {
			t.Errorf("required has kind %v", store.KindOf(err))
		}
		used := w.code(e, 0)
		w.must(w.loginWith(testPassword, used))
		err := w.loginWith(testPassword, used)
		w.wants(err, CodeTwoFactorFailure)
		if store.KindOf(err) != store.KindForbidden {
			t.Errorf("failure has kind %v", store.KindOf(err))
		}
		w.wants(w.loginWith(testPassword, w.code(e, -1)), CodeTwoFactorFailure) // older than the last
		w.must(w.loginWith(testPassword, w.code(e, 1)))                         // a clock may be off a step
		w.wants(w.loginWith(testPassword, w.code(e, 3)), CodeTwoFactorFailure)
		w.pass(10 * stepLength)
		w.wants(w.loginWith(testPassword, w.code(e, -2)), CodeTwoFactorFailure)
		// Recovery codes, as written down or without hyphens.
		w.must(w.loginWith(testPassword, e.Recovery[3]))
		w.wants(w.loginWith(testPassword, e.Recovery[3]), CodeTwoFactorFailure)
		w.must(w.loginWith(testPassword, NewSecret(digitsOf(e.Recovery[7]))))
		shown, err := w.Show(t.Context(), operator, "alice")
		w.must(err)
		if shown.RecoveryLeft != recoveryCodes-2 || !shown.SecondFactor {
			t.Errorf("%d recovery codes are left", shown.RecoveryLeft)
		}
	})
}

func TestP12CodesCannotBeGuessed(t *testing.T) {
	w := newWorld(t)
	e := w.enrol(w.person("alice", store.RolePublisher))
	tried, start := 0, w.clock()
	for w.clock().Sub(start) < time.Hour {
		err := w.loginWith(testPassword, NewSecret("000000"))
		if store.CodeOf(err) == CodeTwoFactorFailure {
			tried++
			// Asking without a code in between wins nothing.
			w.loginWith(testPassword, Secret{})
			continue
		}
		w.wants(err, CodeTooMany)
		w.pass(30 * time.Second)
	}
	if tried > 20 {
		t.Errorf("%d codes were tried in an hour", tried)
	}
	w.pass(20 * time.Minute)
	w.must(w.loginWith(testPassword, w.code(e, 0)))
}

func TestASecondFactorIsConfirmedBeforeItCounts(t *testing.T) {
	w := newWorld(t)
	u := w.person("alice", store.RolePublisher)
	bob := w.person("bob", store.RolePublisher)
	e, err := w.EnableTOTP(t.Context(), operator, u.Account.ID)
	w.must(err)
	w.must(w.loginWith(testPassword, Secret{}))
	_, err = w.ConfirmTOTP(t.Context(), operator, u.Account.ID, e.Ticket, NewSecret("000000"))
	w.wants(err, CodeTwoFactorFailure)
	_, err = w.ConfirmTOTP(t.Context(), operator, bob.Account.ID, e.Ticket, w.code(e, 0))
	w.wants(err, CodeLinkUsed) // a ticket is for one account
	_, err = w.ConfirmTOTP(t.Context(), operator, u.Account.ID, e.Ticket, w.code(e, 0))
	w.must(err)
	w.wants(w.loginWith(testPassword, Secret{}), CodeTwoFactorRequired)
	_, err = w.EnableTOTP(t.Context(), operator, u.Account.ID)
	w.wants(err, "second-factor-exists")
	_, err = w.DisableTOTP(t.Context(), operator, u.Account.ID)
	w.must(err)
	w.must(w.loginWith(testPassword, Secret{}))
	late, err := w.EnableTOTP(t.Context(), operator, u.Account.ID)
	w.must(err)
	w.pass(enrolmentLife)
	_, err = w.ConfirmTOTP(t.Context(), operator, u.Account.ID, late.Ticket, w.code(late, 0))
	w.wants(err, CodeLinkUsed)
}

// TestOfManyUsesOfOneSecretOneSucceeds uses each kind of one-time secret a
// hundred times at once, on two nodes.
func TestOfManyUsesOfOneSecretOneSucceeds(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ctx := context.WithoutCancel(t.Context())
		alice := w.person("alice", store.RolePublisher)
		e := w.enrol(alice)
		alice, err := w.User(ctx, alice.Account.ID)
		w.must(err)
		nodes := []*Identity{w.Identity, w.node()}
		// The counters would turn most away before they are checked, so each is
		// let through to the check itself, with addresses and names of its own.
		login := func(n int, otp Secret) error {
			l := &login{Attempt: w.attempt("alice", testPassword), name: fmt.Sprintf("alice%d", n), user: alice, exists: true}
			l.Address, l.OTP = fmt.Sprintf("198.51.100.%d", n), otp
			l.failure = accountCheck(l.name)
			l.counted = checks{l.failure, addressCheck(l.Address)}
			_, err := nodes[n%2].settle(ctx, l, true, "")
			return err
		}
		code := w.code(e, 0)
		link, err := w.Reset(ctx, operator, w.person("bob", store.RolePublisher).Account.ID)
		w.must(err)
		once, err := w.IssueAdminMacaroon(ctx, operator, alice.Account.ID, Asked{}, true)
		w.must(err)
		for name, use := range map[string]func(n int) error{
			"code":          func(n int) error { return login(n, code) },
			"recovery code": func(n int) error { return login(n, e.Recovery[0]) },
			"link": func(n int) error {
				_, err := nodes[n%2].RedeemReset(ctx, link, NewSecret("a good new password"), fmt.Sprintf("198.51.100.%d", n))
				return err
			},
			"admin macaroon": func(n int) error {
				_, err := nodes[n%2].ExchangeOffline(ctx, Offline{Macaroon: once.Token, Address: fmt.Sprintf("198.51.100.%d", n)})
				return err
			},
		} {
			won := 0
			for _, err := range parallel(100, use) {
				switch code := store.CodeOf(err); {
				case err == nil:
					won++
				case !slices.Contains([]string{CodeTwoFactorFailure, CodeTooMany, CodeLinkUsed, CodeNoCredentials}, code):
					t.Errorf("%s: %v", name, err)
				}
			}
			if won != 1 {
				t.Errorf("%s: %d of 100 uses succeeded", name, won)
			}
			w.update(func(tx *db.Tx) error { return clear(tx, codeCheck(alice.Account.ID)) })
		}
	})
}

func TestACaveatIsDischargedForOneAccountAndNotAgainAfterItWasRevoked(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.person("alice", store.RolePublisher)
		w.person("mallory", store.RolePublisher)
		root, discharge := w.pair("alice", asked())
		_, err := w.Discharge(t.Context(), w.attempt("mallory", testPassword), ssoCaveat(root), ssoHost)
		w.wants(err, CodeInvalidData)
		who := w.who(evidence(w.pairHeader(root, discharge)))
		if who.User.Account.Username != "alice" {
			t.Errorf("the pair is now %s's", who.User.Account.Username)
		}
		w.pass(time.Minute)
		later := w.discharge(root, "alice") // who may log in again with the same root
		w.who(evidence(w.pairHeader(root, later)))
		w.refuses("the earlier discharge", evidence(w.pairHeader(root, discharge)))
		_, err = w.Revoke(t.Context(), operator, who.Session.ID)
		w.must(err)
		_, err = w.Discharge(t.Context(), w.attempt("alice", testPassword), ssoCaveat(root), ssoHost)
		w.wants(err, CodeInvalidData)
		w.refuses("the revoked pair", evidence(w.pairHeader(root, later)))
	})
}

func TestP25AnAdminMacaroonEndsWithItsAddress(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	issued, err := w.IssueAdminMacaroon(t.Context(), operator, alice.Account.ID, Asked{}, false)
	w.must(err)
	_, err = w.ExchangeOffline(t.Context(), Offline{Macaroon: issued.Token})
	w.must(err)
	w.update(func(tx *db.Tx) error {
		u, err := tx.User(alice.Account.ID)
		if err != nil {
			return err
		}
		u.Email = "somebody.else@example.com"
		tx.Record(store.UserPut, "account/"+u.Account.ID, nil)
		return tx.PutUser(u)
	})
	_, err = w.ExchangeOffline(t.Context(), Offline{Macaroon: issued.Token})
	w.wants(err, CodeNoCredentials)
}

func TestAskingForTheCodeCostsNothing(t *testing.T) {
	w := newWorld(t)
	e := w.enrol(w.person("alice", store.RolePublisher))
	// Clients first try without a code, each time.
	for range 30 {
		w.wants(w.loginWith(testPassword, Secret{}), CodeTwoFactorRequired)
	}
	w.must(w.loginWith(testPassword, w.code(e, 0)))
}

func TestNothingIsKeptOfWhoHasGivenUpWaiting(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		v, err := w.BeginVisit(t.Context(), VisitAsked{Address: "192.0.2.1"})
		w.must(err)
		_, err = w.WaitVisit(t.Context(), v.Wait, time.Nanosecond)
		w.wants(err, CodeVisitPending)
	}
	if n := len(w.waiting.bell); n > 0 {
		t.Errorf("%d bells are kept for nobody", n)
	}
}

func TestAUsernameIsNoGroupOfTheStores(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"reviewer", "acme-admin", "acme"} {
		w.person(name, store.RolePublisher)
		in := name == "acme"
		e, err := w.Login(t.Context(), w.attempt(name, testPassword))
		w.must(err)
		_, err = w.DischargeCaveat(t.Context(), e, w.caveat("is-member-of "+name), []byte(name))
		if in {
			w.must(err)
			continue
		}
		w.wants(err, CodeNotSatisfied)
	}
}

// caveat is what a service that trusts this one asks somebody to prove.
func (w *world) caveat(condition string) []byte {
	w.t.Helper()
	keys, err := w.BakeryKeys(w.t.Context())
	w.must(err)
	c, err := credential.NewBakeryCaveat(2, credential.NewBoxKey(), keys[0].Public(), "https://other.example", condition)
	w.must(err)
	return c.ID()
}

func TestWhoGivesUpWaitsForNobodyElsesLogin(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	w.counting <- struct{}{} // a login that waits for the database
	ctx, stop := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := w.Login(ctx, w.attempt("alice@example.com", "wrong"))
		gone <- err
	}()
	stop()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	<-w.counting
	if err := w.guess("alice", "192.0.2.1"); store.CodeOf(err) != CodeInvalidCredentials {
		t.Errorf("the next login: %v", err)
	}
}
