package store

import "testing"

func TestVisible(t *testing.T) {
	var (
		anonymous = Principal{}
		acme      = Principal{StoreID: "acme"}
		beta      = Principal{StoreID: "beta"}
		operator  = Host("root")

		global = View{ID: GlobalStore}
		brand  = View{ID: "acme", Packages: []string{"listed"}}
		closed = View{ID: "acme", Private: true}
		wide   = View{ID: "acme", Includes: []string{GlobalStore, "beta"}}
	)
	pkg := func(id, home string) Package {
		return Package{ID: id, Namespace: Snap, Name: "tool-" + id, StoreID: home}
	}
	secret := func(home string) Package {
		p := pkg("secret", home)
		p.Private = true
		return p
	}
	named := func(name, home string) Package { return Package{ID: "e", Namespace: Snap, Name: name, StoreID: home} }
	charm := named("core24", GlobalStore)
	charm.Namespace = Charm

	for _, c := range []struct {
		name string
		view View
		p    Package
		who  Principal
		want bool
	}{
		{"anyone sees a public package of the global store", global, pkg("a", GlobalStore), anonymous, true},
		{"a brand's package is not in the global store", global, pkg("a", "acme"), acme, false},
		{"a package is seen where it is at home", brand, pkg("a", "acme"), anonymous, true},
		{"the global store's are not in a brand's store by themselves", brand, pkg("a", GlobalStore), acme, false},
		{"but the ones it lists are", brand, pkg("listed", GlobalStore), anonymous, true},
		{"but those of the stores it includes are", wide, pkg("a", GlobalStore), anonymous, true},
		{"from a brand's store too", wide, pkg("a", "beta"), anonymous, true},
		{"inclusion names the store, not all", wide, pkg("a", "gamma"), anonymous, false},

		{"every store shows the essential snaps", brand, named("snapd", GlobalStore), anonymous, true},
		{"also the bases", brand, named("core24", GlobalStore), anonymous, true},
		{"the zero view shows nothing else", View{}, pkg("a", GlobalStore), operator, false},
		{"the zero view shows them", View{}, named("bare", GlobalStore), anonymous, true},
		{"the zero view is no home to a package without one", View{}, pkg("a", ""), anonymous, false},
		{"another store's snapd is not essential", brand, named("snapd", "beta"), anonymous, false},
		{"a charm of an essential name is not", brand, charm, anonymous, false},

		{"strangers are not let into a private store", closed, pkg("a", "acme"), anonymous, false},
		{"not even for essential snaps", closed, named("snapd", GlobalStore), beta, false},
		{"its devices are", closed, pkg("a", "acme"), acme, true},
		{"operators are", closed, pkg("a", "acme"), operator, true},

		{"a private package is for those of its home store", brand, secret("acme"), acme, true},
		{"strangers do not see it", brand, secret("acme"), anonymous, false},
		{"a device that asks another store than its own does not see that one's", brand, secret("acme"), beta, false},
		{"inclusion does not make it public", wide, secret("beta"), acme, false},
		{"whoever belongs to its home sees it where it is included", wide, secret("beta"), beta, true},
		{"operators see it", brand, secret("acme"), operator, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Visible(c.view, c.p, c.who); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestEnter(t *testing.T) {
	private := View{ID: "acme", Private: true}
	for _, c := range []struct {
		name string
		view View
		who  Principal
		want bool
	}{
		{"anyone enters an open store", View{ID: "acme"}, Principal{}, true},
		{"a stranger does not enter a private one", private, Principal{}, false},
		{"its own devices do", private, Principal{StoreID: "acme"}, true},
		{"another store's do not", private, Principal{StoreID: "beta"}, false},
		{"those given access do", private, Principal{Stores: []string{"beta", "acme"}}, true},
		{"operators do", private, Host("root"), true},
	} {
		if got := Enter(c.view, c.who); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

func TestAStoreTakesDevicesOfItsBrandOnly(t *testing.T) {
	device := func(brand string) Principal {
		return Principal{Device: DeviceID{Brand: brand, Model: "pi", Serial: "1"}, StoreID: "acmestore"}
	}
	for _, c := range []struct {
		name  string
		brand string // of the store
		who   Principal
		want  bool
	}{
		{"a device of the brand", "acme", device("acme"), true},
		{"a device of another brand whose model names the store", "acme", device("rival"), false},
		{"a device of any brand where the store has none", "", device("rival"), false},
	} {
		home := View{ID: "acmestore", Brand: c.brand, Private: true}
		if got := Enter(home, c.who.In(home)); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
	global := View{ID: GlobalStore}
	named := Principal{Device: DeviceID{Brand: "rival", Model: "pi", Serial: "1"}, StoreID: GlobalStore}
	if Visible(global, Package{ID: "p", StoreID: GlobalStore, Private: true}, named.In(global)) {
		t.Error("a model that names the global store opens its private packages")
	}
	if home := (View{ID: "acmestore", Brand: "acme"}); !Host("root").In(home).Belongs("acmestore") {
		t.Error("an operator lost what was given by name")
	}
}

func TestATokenShowsNoMoreOfAStoreThanItIsFor(t *testing.T) {
	closed := View{ID: "acme", Private: true}
	open := View{ID: "acme"}
	wanted := Package{ID: "wanted", Namespace: Snap, Name: "wanted", StoreID: "acme", Private: true}
	other := Package{ID: "other", Namespace: Snap, Name: "other", StoreID: "acme", Private: true}
	inside := Package{ID: "inside", Namespace: Snap, Name: "inside", StoreID: "acme"}
	with := func(l Limits) Principal {
		return Principal{Role: RolePublisher, Account: "mia", Stores: []string{"acme"}, Limits: []Limits{l}}
	}
	one := with(Limits{Packages: []PackageLimit{{ID: "wanted"}}})
	admin := one
	admin.Role, admin.Stores = RoleAdmin, []string{"*"}
	device := Principal{StoreID: "acme", Device: DeviceID{Brand: "b", Model: "m", Serial: "1"}}
	for _, c := range []struct {
		name string
		view View
		p    Package
		who  Principal
		want bool
	}{
		{"a token for one package shows it", open, wanted, one, true},
		{"but no other private one of its account's store", open, other, one, false},
		{"nor of any store to an administrator", open, other, admin, false},
		{"nor what only members of a private store see", closed, inside, one, false},
		{"a token that may not look shows nothing", open, other, with(Limits{Permissions: []Permission{PermPush}}), false},
		{"a token for another store does not open this one", closed, inside, with(Limits{Stores: []string{"beta"}}), false},
		{"nor show what is private there", open, other, with(Limits{Stores: []string{"beta"}}), false},
		{"a token for the store does", closed, other, with(Limits{Stores: []string{"acme"}}), true},
		{"a token without limits does", closed, other, with(Limits{}), true},
		{"a device sees its store's whoever has logged in on it", closed, other, device.With(one), true},
	} {
		if got := Visible(c.view, c.p, c.who); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}
