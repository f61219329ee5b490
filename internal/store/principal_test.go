package store

import (
	"errors"
	"slices"
	"testing"
)

var (
	hello  = &Package{ID: "hello-id", Namespace: Snap, Name: "hello", PublisherID: "alice", StoreID: GlobalStore, Collaborators: []string{"carol"}}
	secret = &Package{ID: "secret-id", Namespace: Snap, Name: "secret", PublisherID: "alice", StoreID: "acme", Private: true, Collaborators: []string{"carol"}}
	many   = &Package{ID: "many-id", Namespace: Charm, Type: TypeBundle, Name: "many", PublisherID: "alice", StoreID: GlobalStore}
)

func user(role Role, account string, limits ...Limits) Principal {
	return Principal{Role: role, Name: account, Account: account, Limits: limits}
}

func TestWhoMayDoWhatToAPackage(t *testing.T) {
	const (
		yes       = ""
		forbidden = CodePermission
		foreign   = CodeForeignPackage
		unknown   = "package-not-found"
	)
	limited := func(l Limits) Principal { return user(RolePublisher, "alice", l) }
	tests := []struct {
		what string
		who  Principal
		perm Permission
		pkg  *Package
		want string
	}{
		{"a publisher releases the own package", user(RolePublisher, "alice"), PermRelease, hello, yes},
		{"another publisher does not", user(RolePublisher, "bob"), PermRelease, hello, foreign},
		{"nor learns that a private one exists", user(RolePublisher, "bob"), PermRelease, secret, unknown},
		{"a collaborator does", user(RolePublisher, "carol"), PermRelease, hello, yes},
		{"also a private one", user(RolePublisher, "carol"), PermRelease, secret, yes},
		{"but does not choose collaborators", user(RolePublisher, "carol"), PermACL, hello, foreign},
		{"and sees that of a private one too", user(RolePublisher, "carol"), PermACL, secret, foreign},
		{"the publisher does", user(RolePublisher, "alice"), PermACL, hello, yes},
		{"an administrator does everything", user(RoleAdmin, "adam"), PermACL, secret, yes},
		{"so does whoever is on the host", Host("root"), PermRelease, secret, yes},
		{"a viewer sees all", user(RoleViewer, "vera"), PermSeeReleases, secret, yes},
		{"and changes nothing", user(RoleViewer, "vera"), PermRelease, hello, forbidden},
		{"not even as its publisher", user(RoleViewer, "alice"), PermRelease, hello, forbidden},
		{"a reviewer decides about all", user(RoleReviewer, "rita"), PermReview, secret, yes},
		{"but releases only what is its own", user(RoleReviewer, "rita"), PermRelease, hello, foreign},
		{"a publisher does not review its own", user(RolePublisher, "alice"), PermReview, hello, forbidden},
		{"a device changes nothing", Principal{}, PermRelease, hello, forbidden},
		{"an account without an id owns nothing", user(RolePublisher, ""), PermRelease, &Package{Name: "x"}, foreign},

		{"a token without the permission", limited(Limits{Permissions: []Permission{PermPush}}), PermRelease, hello, forbidden},
		{"a token with no permission at all", limited(Limits{Permissions: []Permission{}}), PermRelease, hello, forbidden},
		{"a token for the name", limited(Limits{Packages: []PackageLimit{{Namespace: Snap, Name: "hello"}}}), PermRelease, hello, yes},
		{"a token for the name in another namespace", limited(Limits{Packages: []PackageLimit{{Namespace: Charm, Name: "hello"}}}), PermRelease, hello, foreign},
		{"a token for the name in any", limited(Limits{Packages: []PackageLimit{{Name: "hello"}}}), PermRelease, hello, yes},
		{"a token for the id", limited(Limits{Packages: []PackageLimit{{ID: "hello-id"}}}), PermRelease, hello, yes},
		{"a token whose id is another's, whatever the name", limited(Limits{Packages: []PackageLimit{{ID: "x", Name: "hello"}}}), PermRelease, hello, foreign},
		{"a token for no package", limited(Limits{Packages: []PackageLimit{}}), PermRelease, hello, foreign},
		{"a token for the store", limited(Limits{Stores: []string{"acme"}}), PermRelease, secret, yes},
		{"a token for another store", limited(Limits{Stores: []string{"acme"}}), PermRelease, hello, foreign},
		{"a token for a charm, and the bundle", limited(Limits{Packages: []PackageLimit{{Namespace: Charm, Type: TypeCharm, Name: "many"}}}), PermRelease, many, foreign},
		{"a token for the bundle", limited(Limits{Packages: []PackageLimit{{Namespace: Charm, Type: TypeBundle, Name: "many"}}}), PermRelease, many, yes},
		{"a token for either", limited(Limits{Packages: []PackageLimit{{Namespace: Charm, Name: "many"}}}), PermRelease, many, yes},
		{"a token for its id, whatever it is called", limited(Limits{Packages: []PackageLimit{{ID: many.ID, Type: TypeCharm}}}), PermRelease, many, yes},
		{"limits add up", user(RolePublisher, "alice", Limits{Packages: []PackageLimit{{Name: "hello"}}}, Limits{Packages: []PackageLimit{{Name: "secret"}}}), PermRelease, hello, foreign},
		{"an administrator's token is limited as well", user(RoleAdmin, "adam", Limits{Packages: []PackageLimit{{Name: "hello"}}}), PermRelease, secret, foreign},
	}
	for _, tt := range tests {
		if err := tt.who.NeedOn(tt.perm, tt.pkg); CodeOf(err) != tt.want {
			t.Errorf("%s: %v, want code %q", tt.what, err, tt.want)
		}
	}
}

func TestTokensAreLimitedToChannels(t *testing.T) {
	edge, stable := Channel{Risk: Edge}, Channel{Track: "2.0", Risk: Stable}
	anything := user(RolePublisher, "alice")
	if err := anything.NeedChannels(edge, stable); err != nil {
		t.Error("a token without channel limits:", err)
	}
	only := user(RolePublisher, "alice", Limits{Channels: []string{"edge", "2.*/*"}}, Limits{Channels: []string{"*edge*"}})
	if err := only.NeedChannels(edge); err != nil {
		t.Error("edge fits both limits:", err)
	}
	err := only.NeedChannels(edge, stable)
	var e *Error
	if !errors.As(err, &e) || e.Code != CodePermission || e.Extra["permission"] != "channel" ||
		!slices.Equal(e.Extra["channels"].([]string), []string{stable.String()}) {
		t.Errorf("2.0/stable fits one of two limits: %#v", err)
	}
	if err := user(RolePublisher, "alice", Limits{Channels: []string{}}).NeedChannels(edge); err == nil {
		t.Error("an empty list of channels allows one")
	}
}

// What roles and tokens name must be real, or a typing error would quietly take
// a permission from everybody.
func TestPermissionTablesAreSound(t *testing.T) {
	known := rolePermissions[RoleOperator]
	check := func(where string, perms []Permission) {
		for _, p := range perms {
			if !slices.Contains(known, p) {
				t.Errorf("%s names the permission %q, which the operator lacks", where, p)
			}
		}
	}
	for role, perms := range rolePermissions {
		check(string(role), perms)
	}
	for role, perms := range everywhere {
		check(string(role)+" everywhere", perms)
		for _, p := range perms {
			if !slices.Contains(rolePermissions[role], p) {
				t.Errorf("%s has %q everywhere, but not at all", role, p)
			}
		}
	}
	for name, perms := range wirePermissions {
		check(name, perms)
	}
	for _, role := range UserRoles {
		if rolePermissions[role] == nil {
			t.Errorf("the role %q has no permissions", role)
		}
	}
	if got := WirePermissions([]string{"nonsense"}); got == nil || len(got) != 0 {
		t.Errorf("a name that nobody knows means %v, want nothing, and not no limit", got)
	}
}

func TestWhoSeesAPrivatePackage(t *testing.T) {
	v := View{ID: "acme"}
	tests := []struct {
		what string
		who  Principal
		want bool
	}{
		{"an anonymous device", Principal{}, false},
		{"a device of the store", Principal{StoreID: "acme"}, true},
		{"its publisher", user(RolePublisher, "alice"), true},
		{"a collaborator", user(RolePublisher, "carol"), true},
		{"another publisher", user(RolePublisher, "bob"), false},
		{"its publisher, on a device", Principal{Device: DeviceID{"a", "b", "c"}}.With(user(RolePublisher, "alice")), true},
		{"its publisher, with a token that may not look", user(RolePublisher, "alice", Limits{Permissions: []Permission{PermPush}}), false},
		{"its publisher, with a token for another package", user(RolePublisher, "alice", Limits{Packages: []PackageLimit{{Name: "hello"}}}), false},
	}
	for _, tt := range tests {
		if got := Visible(v, *secret, tt.who); got != tt.want {
			t.Errorf("%s sees it: %v", tt.what, got)
		}
	}
}
