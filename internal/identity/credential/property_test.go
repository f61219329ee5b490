package credential

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/larder-store/larder/internal/store"
)

// What can be asked of a token, small enough to ask for all of it.
var (
	askedTimes    = []time.Time{now.Add(-time.Minute), now, now.Add(30 * time.Minute), now.Add(2 * time.Hour)}
	askedPerms    = store.WirePermissions([]string{"package_access", "package_push", "package_release", "package_register", "store_admin"})
	askedChannels = []store.Channel{{Risk: store.Stable}, {Risk: store.Edge}, {Track: "2.0", Risk: store.Edge}}
	askedPackages = []store.Package{
		{ID: "one", Name: "one", Namespace: store.Snap, StoreID: "ubuntu", PublisherID: "alice"},
		{ID: "two", Name: "two", Namespace: store.Charm, StoreID: "acme", PublisherID: "alice"},
		{ID: "three", Name: "two", Namespace: store.Snap, StoreID: "acme", PublisherID: "alice"},
	}
)

// decisions is everything that a credential allows, at all times.
func decisions(s Slice, p Purpose) map[string]bool {
	all := make(map[string]bool)
	for _, at := range askedTimes {
		v, err := ring().Verify(at, s, p)
		if err != nil {
			continue
		}
		who := store.Principal{Role: store.RoleAdmin, Account: v.Account.OpenID + v.Declared.Value + v.Subject, Limits: Meanings(v.Limits)}
		owner := who
		owner.Account = "alice"
		for _, perm := range askedPerms {
			if who.Need(perm) == nil {
				all[fmt.Sprint(who.Account, at, perm)] = true
			}
			for i := range askedPackages {
				if owner.NeedOn(perm, &askedPackages[i]) == nil {
					all[fmt.Sprint(who.Account, at, perm, askedPackages[i].ID)] = true
				}
			}
		}
		for _, c := range askedChannels {
			if who.NeedChannels(c) == nil {
				all[fmt.Sprint(who.Account, at, c)] = true
			}
		}
	}
	return all
}

func permissions(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.SampledFrom([]string{"package_access", "package_push", "package_release", "package-manage", "nonsense"}), 1, 3).Draw(t, "permissions")
}

func channels(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.SampledFrom([]string{"edge", "stable", "*", "2.0/*", "latest/*", "[!e]*", "nonsense"}), 1, 3).Draw(t, "channels")
}

func packages(t *rapid.T) []store.PackageLimit {
	return rapid.SliceOfN(rapid.SampledFrom([]store.PackageLimit{
		{ID: "one"}, {ID: "two"}, {ID: "other"}, {Name: "two"}, {Name: "two", Namespace: store.Charm, Type: store.TypeCharm},
		{Name: "two", Namespace: store.Charm, Type: store.TypeBundle}, {ID: "two", Type: store.TypeBundle}, {Name: "one", Namespace: store.Snap},
	}), 1, 3).Draw(t, "packages")
}

func randomLimits(t *rapid.T) Limits {
	var l Limits
	if rapid.Bool().Draw(t, "limits permissions") {
		l.Permissions = permissions(t)
	}
	if rapid.Bool().Draw(t, "limits channels") {
		l.Channels = channels(t)
	}
	if rapid.Bool().Draw(t, "limits packages") {
		l.Packages = packages(t)
	}
	if rapid.Bool().Draw(t, "limits stores") {
		l.Stores = rapid.SliceOfN(rapid.SampledFrom([]string{"ubuntu", "acme", "x"}), 1, 2).Draw(t, "stores")
	}
	return l
}

// randomCaveats are what a holder might append: well-formed caveats of either
// grammar, such ones as would say who he is, and anything at all.
func randomCaveats(t *rapid.T, prefixes ...string) []string {
	prefix := rapid.SampledFrom(prefixes).Draw(t, "prefix")
	times := rapid.SampledFrom(append(askedTimes, now.AddDate(10, 0, 0), now.AddDate(-10, 0, 0)))
	switch rapid.SampledFrom([]string{"limits", "extra", "time", "bakery time", "identity", "json", "text"}).Draw(t, "kind") {
	case "limits":
		caveats, _ := pipeLimits(prefix, []Limits{randomLimits(t)})
		return caveats
	case "extra":
		caveats, _ := extraLimits([]Limits{randomLimits(t)})
		return caveats
	case "time":
		kind := rapid.SampledFrom([]string{pipeSince, pipeExpires, pipeLastAuth}).Draw(t, "which time")
		return []string{prefix + "|" + kind + "|" + FormatTime(times.Draw(t, "time"))}
	case "bakery time":
		word := rapid.SampledFrom([]string{wordBefore, wordSince}).Draw(t, "which time")
		return []string{word + " " + formatBakeryTime(times.Draw(t, "time"))}
	case "identity":
		return []string{rapid.SampledFrom([]string{
			"declared username admin", "declared userid admin", "session-id 1",
			prefix + "|account|eyJvcGVuaWQiOiJhZG1pbiJ9", prefix + "|account|",
		}).Draw(t, "identity")}
	case "json":
		kind := rapid.SampledFrom([]string{pipeACL, pipeIDs, pipePackages, pipeChannels, pipeStores}).Draw(t, "which list")
		value := rapid.SampledFrom([]string{"[]", "null", "{}", `""`, `["*"]`, `[{}]`, `[{"id":""}]`, `[null]`, `[["*"]]`, "[", ""}).Draw(t, "value")
		return []string{prefix + "|" + kind + "|" + value}
	}
	return []string{rapid.String().Draw(t, "text")}
}

// P4: whatever a holder appends to a root or to its discharge, it allows
// nothing that was not allowed before, and to nobody else.
func TestP4AppendedCaveatsOnlyNarrow(t *testing.T) {
	for _, p := range Purposes() {
		t.Run(p.String(), func(t *testing.T) {
			said := false
			rapid.Check(t, func(rt *rapid.T) {
				tok := token(t, p)
				for range rapid.IntRange(0, 2).Draw(rt, "sets of limits") {
					tok.Limits = append(tok.Limits, randomLimits(rt))
				}
				root := mint(t, p, tok)
				own := Slice{root}
				var d Macaroon
				if !tok.Identity.IsZero() {
					d = discharge(t, tok.Identity)
					own = append(own, bound(root, d))
				}
				before := decisions(own, p)
				said = said || len(before) > 0
				for range rapid.IntRange(1, 3).Draw(rt, "appended") {
					if d.IsZero() || rapid.Bool().Draw(rt, "to the root") {
						root = with(root, randomCaveats(rt, here, sso, "")...)
					} else {
						d = with(d, randomCaveats(rt, here, sso, "")...)
					}
				}
				narrowed := Slice{root}
				if !d.IsZero() {
					narrowed = append(narrowed, bound(root, d))
				}
				for allowed := range decisions(narrowed, p) {
					if !before[allowed] {
						rt.Errorf("now it allows %s", allowed)
					}
				}
			})
			if !said {
				t.Error("nothing was ever allowed, so nothing was tested")
			}
		})
	}
}

// What is written is read back, in both grammars.
func TestLimitsReadBackAsWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limits := []Limits{randomLimits(rt)}
		pipes, err := pipeLimits(here, limits)
		if err != nil {
			rt.Fatal(err)
		}
		words, err := extraLimits(limits)
		if err != nil {
			rt.Fatal(err)
		}
		fromPipes, err := readPipeCaveats(append(pipes, here+"|valid_since|"+FormatTime(now), here+"|expires|"+FormatTime(now)))
		if err != nil {
			rt.Fatalf("%s: %v", strings.Join(pipes, " "), err)
		}
		fromWords, err := readBakeryCaveats(append(words, "time-before "+formatBakeryTime(now)))
		if err != nil {
			rt.Fatalf("%s: %v", strings.Join(words, " "), err)
		}
		want := fmt.Sprint(limits)
		if fmt.Sprint(limits[0]) == fmt.Sprint(Limits{}) {
			want = "[]" // no limit needs no caveat
		}
		if got := fmt.Sprint([]Limits(fromPipes.limits)); got != want {
			rt.Errorf("%q reads as %s, want %s", pipes, got, want)
		}
		if got := fmt.Sprint([]Limits(fromWords.limits)); got != want {
			rt.Errorf("%q reads as %s, want %s", words, got, want)
		}
	})
}
