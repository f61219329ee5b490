package store

import "testing"

func TestWhoMayReadAndPushImages(t *testing.T) {
	public := &Package{ID: "public", Namespace: Charm, Name: "public", PublisherID: "alice", Collaborators: []string{"bob"}}
	private := &Package{ID: "private", Namespace: Charm, Name: "private", PublisherID: "alice", Private: true}
	with := func(account string, limits ...Limits) Principal {
		return Principal{Role: RolePublisher, Account: account, Limits: limits}
	}
	server := ImageRepo{"public", "server"}
	ok, no, hides := Kind(255), KindForbidden, KindNotFound
	for _, test := range []struct {
		who                                                  string
		p                                                    Principal
		pull, push, pullOther, pullPrivate, pushPrivateOwned Kind
	}{
		{"anonymous", Principal{}, no, no, no, no, no},
		{"the publisher", with("alice"), ok, ok, ok, ok, ok},
		{"a collaborator", with("bob"), ok, ok, ok, hides, hides},
		{"another publisher", with("mallory"), no, no, no, hides, hides},
		{"a viewer", Principal{Role: RoleViewer, Account: "vera"}, ok, no, ok, ok, no},
		{"an operator", Host("x"), ok, ok, ok, ok, ok},
		{"pull credentials", Principal{Role: RoleDevice, Pulls: []ImageRepo{server}}, ok, no, hides, hides, hides},
		{"upload credentials", with("alice", Limits{Permissions: []Permission{PermPush, PermSeeRevisions}, Images: []ImageRepo{server}}), ok, ok, no, no, no},
		{"a token that only reads", with("alice", Limits{Permissions: []Permission{PermSeeRevisions}}), ok, no, ok, ok, no},
		{"a token that only pushes", with("alice", Limits{Permissions: []Permission{PermPush}}), ok, ok, ok, ok, ok},
		{"a token for another package", with("alice", Limits{Packages: []PackageLimit{{ID: "private"}}}), no, no, no, ok, ok},
		{"a token for nothing", with("alice", Limits{Permissions: []Permission{}}), no, no, no, no, no},
	} {
		for what, got := range map[string][2]any{
			"pull":         {test.p.NeedImage(public, "server", false), test.pull},
			"push":         {test.p.NeedImage(public, "server", true), test.push},
			"pull another": {test.p.NeedImage(public, "other", false), test.pullOther},
			"pull private": {test.p.NeedImage(private, "server", false), test.pullPrivate},
			"push private": {test.p.NeedImage(private, "server", true), test.pushPrivateOwned},
		} {
			kind := ok
			if err, failed := got[0].(error); failed && err != nil {
				kind = KindOf(err)
			}
			if kind != got[1].(Kind) {
				t.Errorf("%s, %s: %v, want kind %v", test.who, what, got[0], got[1])
			}
		}
	}
}
