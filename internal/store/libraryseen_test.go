package store

import "testing"

func TestWhoSeesTheLibrariesOfACharm(t *testing.T) {
	open := Package{ID: "o", Namespace: Charm, Type: TypeCharm, Name: "open", PublisherID: "alice", StoreID: GlobalStore, Collaborators: []string{"carol"}}
	private, elsewhere := open, open
	private.Private, elsewhere.StoreID = true, "acme"
	v := View{ID: GlobalStore}
	librarian := user(RolePublisher, "alice", Limits{Permissions: WirePermissions([]string{"package-manage-library"})})
	for _, tt := range []struct {
		what string
		who  Principal
		pkg  Package
		want bool
	}{
		{"anybody", Principal{}, open, true},
		{"anybody, of a private one", Principal{}, private, false},
		{"anybody, in another store", Principal{}, elsewhere, false},
		{"another publisher, of a private one", user(RolePublisher, "bob"), private, false},
		{"its publisher", user(RolePublisher, "alice"), private, true},
		{"a collaborator", user(RolePublisher, "carol"), private, true},
		{"a token for libraries alone", librarian, private, true},
		{"a token for libraries, in another store", librarian, elsewhere, true},
		{"a token for another charm", user(RolePublisher, "alice", Limits{Packages: []PackageLimit{{Name: "other"}}}), private, false},
		{"a token that may do neither", user(RolePublisher, "alice", Limits{Permissions: []Permission{PermPush}}), private, false},
	} {
		if got := SeesLibraries(v, tt.pkg, tt.who); got != tt.want {
			t.Errorf("%s: %v", tt.what, got)
		}
	}
}
