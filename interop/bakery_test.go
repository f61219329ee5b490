// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/go-macaroon-bakery/macaroon-bakery/v3/bakery"
	"github.com/go-macaroon-bakery/macaroon-bakery/v3/bakery/checkers"
	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/identity/credential"
)

// The versions of the protocol that change what a caveat looks like.
var bakeryVersions = []credential.BakeryVersion{1, 2, 3}

const identityService = "https://store.example/identity/"

// A root of ours, discharged by the bakery's code as the identity service and
// carried by its client, verifies here.
func TestBakeryReadsOurCaveats(t *testing.T) {
	service := bakery.MustGenerateKey()
	ours := credential.NewBoxKey()
	keys := credential.NewKeyring(credential.NewKey(credential.BakeryRoot, credential.NewSecret("a secret for the test")))
	key, err := keys.Newest(credential.BakeryRoot)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, version := range bakeryVersions {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			caveat, err := credential.NewBakeryCaveat(
				version, ours, credential.BoxPublic(service.Public.Key), identityService, credential.NeedUsername)
			if err != nil {
				t.Fatal(err)
			}
			root, err := credential.Mint(key, credential.Token{
				Location: "store.example", Session: credential.NewSessionID(), Identity: caveat,
				Since: now.Add(-time.Minute), Expires: now.Add(time.Hour),
			})
			if err != nil {
				t.Fatal(err)
			}
			m := bakeryMacaroon(t, root, version, caveat)
			slice, err := bakery.DischargeAll(t.Context(), m,
				func(ctx context.Context, c macaroon.Caveat, data []byte) (*bakery.Macaroon, error) {
					return bakery.Discharge(ctx, bakery.DischargeParams{
						Id: c.Id, Caveat: data, Key: service, Checker: declaring(t, "is-authenticated-user", ours),
					})
				})
			if err != nil {
				t.Fatal(err)
			}
			header, err := json.Marshal(slice)
			if err != nil {
				t.Fatal(err)
			}
			presented, err := credential.FromHeader(http.Header{"Macaroons": {base64.URLEncoding.EncodeToString(header)}})
			if err != nil {
				t.Fatal(err)
			}
			v, err := keys.Verify(now, presented.Slices[0], credential.BakeryRoot)
			if err != nil {
				t.Fatal(err)
			}
			if v.Declared != (credential.Declaration{Attribute: credential.DeclaredUsername, Value: "alice"}) {
				t.Errorf("the discharge declares %+v", v.Declared)
			}
		})
	}
}

// declaring is an identity service that knows one user.
func declaring(t *testing.T, condition string, from credential.BoxKey) bakery.ThirdPartyCaveatChecker {
	return bakery.ThirdPartyCaveatCheckerFunc(
		func(_ context.Context, c *bakery.ThirdPartyCaveatInfo) ([]checkers.Caveat, error) {
			if string(c.Condition) != condition {
				t.Errorf("the condition is %q, want %q", c.Condition, condition)
			}
			if credential.BoxPublic(c.FirstPartyPublicKey.Key) != from.Public() {
				t.Error("the caveat comes from somebody else")
			}
			return []checkers.Caveat{
				checkers.DeclaredCaveat("username", "alice"),
				checkers.TimeBeforeCaveat(time.Now().Add(time.Hour)),
			}, nil
		})
}

// A macaroon of the bakery's, discharged here, verifies there.
func TestOurDischargesAreTheBakerys(t *testing.T) {
	issuer := bakery.MustGenerateKey()
	ours := credential.NewBoxKey()
	locator := bakery.NewThirdPartyStore()
	for _, version := range bakeryVersions {
		locator.AddInfo(identityService, bakery.ThirdPartyInfo{
			PublicKey: bakery.PublicKey{Key: bakery.Key(ours.Public())}, Version: bakery.Version(version),
		})
		for name, namespace := range map[string]map[string]string{"bare": {"std": ""}, "prefixed": {"std": "s"}} {
			if version < 3 && name == "prefixed" {
				continue // older caveats do not say which prefixes their maker has
			}
			t.Run(fmt.Sprintf("%d %s", version, name), func(t *testing.T) {
				ns := checkers.NewNamespace(namespace)
				rootKey := []byte("the issuer's root key")
				m, err := bakery.NewMacaroon(rootKey, []byte("id"), "issuer", bakery.Version(version), ns)
				if err != nil {
					t.Fatal(err)
				}
				wanted := checkers.NeedDeclaredCaveat(
					checkers.Caveat{Location: identityService, Condition: "is-authenticated-user @acme"}, "username", "email")
				if err := m.AddCaveat(t.Context(), wanted, issuer, locator); err != nil {
					t.Fatal(err)
				}
				slice, err := bakery.DischargeAll(t.Context(), m, dischargeHere(t, ours, issuer))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := slice[0].VerifySignature(rootKey, slice[1:]); err != nil {
					t.Fatal(err)
				}
				for _, d := range []checkers.Caveat{
					checkers.DeclaredCaveat("username", "alice"), checkers.DeclaredCaveat("email", ""),
				} {
					// The bakery's InferDeclared looks for a prefix without its colon.
					want := ns.ResolveCaveat(d).Condition
					if !slices.ContainsFunc(slice[1].Caveats(), func(c macaroon.Caveat) bool { return string(c.Id) == want }) {
						t.Errorf("the discharge does not say %q", want)
					}
				}
				if declared := checkers.InferDeclared(ns, slice); name == "bare" && declared["username"] != "alice" {
					t.Errorf("the bakery reads the declarations %v", declared)
				}
				if end, ok := checkers.MacaroonsExpiryTime(ns, slice); !ok || time.Until(end) > time.Hour {
					t.Errorf("the bakery reads the end %v", end)
				}
			})
		}
	}
}

// dischargeHere is larder's identity service, as a bakery client calls it.
func dischargeHere(t *testing.T, ours credential.BoxKey, issuer *bakery.KeyPair) func(
	context.Context, macaroon.Caveat, []byte) (*bakery.Macaroon, error) {
	return func(_ context.Context, c macaroon.Caveat, data []byte) (*bakery.Macaroon, error) {
		if data == nil {
			data = c.Id
		}
		opened, err := credential.OpenBakeryCaveat(data, credential.NewBoxKey(), ours)
		if err != nil {
			return nil, err
		}
		if opened.From != credential.BoxPublic(issuer.Public.Key) {
			t.Error("the caveat comes from somebody else")
		}
		condition, err := credential.ParseCondition(opened.Condition)
		if err != nil {
			return nil, err
		}
		if condition.Is != credential.IsUser || condition.Domain != "acme" {
			t.Errorf("the condition is %+v", condition)
		}
		d, err := credential.NewBakeryDischarge(opened, condition, c.Id, time.Now().Add(time.Minute),
			credential.Declaration{Attribute: credential.DeclaredUsername, Value: "alice"})
		if err != nil {
			return nil, err
		}
		return bakeryMacaroon(t, d, opened.Version), nil
	}
}

// The agent protocol: the bakery's client discharges the macaroon of an agent
// with the agent's own key.
func TestBakeryAgentsDischargeTheirMacaroon(t *testing.T) {
	agent := bakery.MustGenerateKey()
	ours := credential.NewBoxKey()
	keys := credential.NewKeyring(credential.NewKey(credential.DischargeToken, credential.NewSecret("a secret for the test")))
	key, err := keys.Newest(credential.DischargeToken)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, version := range bakeryVersions {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			caveat, err := credential.NewAgentCaveat(version, ours, credential.BoxPublic(agent.Public.Key))
			if err != nil {
				t.Fatal(err)
			}
			login, err := credential.Mint(key, credential.Token{
				Location: identityService, Session: credential.NewSessionID(), Subject: "robot@agents", Identity: caveat,
				Since: now.Add(-time.Minute), Expires: now.Add(time.Minute),
			})
			if err != nil {
				t.Fatal(err)
			}
			slice, err := bakery.DischargeAllWithKey(t.Context(), bakeryMacaroon(t, login, version, caveat), nil, agent)
			if err != nil {
				t.Fatal(err)
			}
			token, err := slice.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			v, err := keys.VerifyDischargeToken(now, credential.TokenKindAgent, token)
			if err != nil || v.Subject != "robot@agents" {
				t.Errorf("the token is %q's: %v", v.Subject, err)
			}
		})
	}
}

// bakeryMacaroon is a macaroon of ours as the bakery's client reads it.
func bakeryMacaroon(
	t *testing.T, m credential.Macaroon, version credential.BakeryVersion, caveats ...credential.ThirdParty,
) *bakery.Macaroon {
	t.Helper()
	text, err := m.BakeryJSON(version, caveats...)
	if err != nil {
		t.Fatal(err)
	}
	var read bakery.Macaroon
	if err := json.Unmarshal([]byte(text.Reveal()), &read); err != nil {
		t.Fatal(err)
	}
	return &read
}
