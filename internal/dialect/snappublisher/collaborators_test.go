package snappublisher

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

const helloInvites = "/v1/snap/hello/collaborators/invites"

func invitesFor(emails ...string) map[string]any {
	list := []map[string]string{}
	for _, email := range emails {
		list = append(list, map[string]string{"email": email})
	}
	return map[string]any{"invites": list}
}

// invited invites somebody to hello and returns the token.
func (w *world) invited(email string) string {
	w.T.Helper()
	got := w.Do("alice", "POST", helloInvites, invitesFor(email)).Object(201)
	sameShape(w.T, "tokens", got, seenTokens)
	return got["tokens"].([]any)[0].(map[string]any)["token"].(string)
}

func TestAnInvitedAccountCollaborates(t *testing.T) {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	token := w.invited("Bob@Example.com")
	w.Now = w.Now.Add(29 * 24 * time.Hour)
	w.Do("bob", "POST", helloInvites+"/accept", map[string]string{"token": token}).Object(200)

	team := w.Do("alice", "GET", "/v1/snap/hello/collaborators", nil).Object(200)
	sameShape(t, "collaborators", team, seenCollaborators)
	one := team["collaborators"].([]any)[0].(map[string]any)
	if id := one["account"].(map[string]any)["id"]; id != "bob-id" {
		t.Errorf("the collaborator is %v", id)
	}
	if by := one["created-by"].(map[string]any)["id"]; by != "alice-id" {
		t.Errorf("invited by %v", by)
	}
	if got := w.stored(pkg.ID).Collaborators; !slices.Equal(got, []string{"bob-id"}) {
		t.Errorf("collaborators %v", got)
	}
	// A collaborator reads who else there is, and changes nothing about it.
	w.Do("bob", "GET", "/v1/snap/hello/collaborators", nil).Object(200)
	if code := w.Do("bob", "POST", helloInvites, invitesFor("rita@example.com")).ErrorCode(403); code != "resource-forbidden" {
		t.Errorf("a collaborator invites: %s", code)
	}

	list := w.Do("alice", "GET", helloInvites, nil).Object(200)
	sameShape(t, "invites", list, seenInvites)
	invite := list["invites"].([]any)[0].(map[string]any)
	if invite["accepted-at"] == nil || invite["revoked-at"] != nil || invite["email"] != "bob@example.com" {
		t.Errorf("the invite is %v", invite)
	}
	if invite["expires-at"] != "2026-03-05T04:05:06Z" {
		t.Errorf("it expires at %v, not 30 days after it was made", invite["expires-at"])
	}
}

func TestRevokingAnAcceptedInviteEndsTheCollaboration(t *testing.T) {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	token := w.invited("bob@example.com")
	w.Do("bob", "POST", helloInvites+"/accept", map[string]string{"token": token}).Object(200)
	if a := w.Do("alice", "POST", helloInvites+"/revoke", invitesFor("bob@example.com")); a.Code != 204 || a.Body.Len() > 0 {
		t.Fatalf("revoking answers %d %s", a.Code, a.Body)
	}
	if got := w.stored(pkg.ID).Collaborators; len(got) > 0 {
		t.Errorf("collaborators %v are left", got)
	}
	invite := w.Do("alice", "GET", helloInvites, nil).Object(200)["invites"].([]any)[0].(map[string]any)
	if invite["revoked-at"] == nil || invite["accepted-at"] == nil {
		t.Errorf("the invite is %v", invite)
	}
	if code := w.Do("alice", "POST", helloInvites+"/revoke", invitesFor("bob@example.com")).ErrorCode(404); code != "invite-not-found" {
		t.Errorf("revoked twice: %s", code)
	}
}

func TestAnInviteIsGoodOnceForItsAddressAndItsTime(t *testing.T) {
	w := newWorld(t)
	w.listed(1, "hello", "alice")
	w.listed(2, "other", "alice")
	accept := func(who, path, token string) answer {
		t.Helper()
		return w.Do(who, "POST", path+"/accept", map[string]string{"token": token})
	}
	token := w.invited("bob@example.com")
	for _, tt := range []struct{ why, who, path, token string }{
		{"another account", "rita", helloInvites, token},
		{"another package", "bob", "/v1/snap/other/collaborators/invites", token},
		{"a package that does not exist", "bob", "/v1/snap/nothing/collaborators/invites", token},
		{"a token nobody made", "bob", helloInvites, "x" + token},
		{"the hash in place of the token", "bob", helloInvites, w.inviteHash()},
		{"no token", "bob", helloInvites, ""},
	} {
		if code := accept(tt.who, tt.path, tt.token).ErrorCode(404); code != "invite-not-found" {
			t.Errorf("%s: %s", tt.why, code)
		}
	}
	again := w.invited("bob@example.com")
	if code := accept("bob", helloInvites, token).ErrorCode(409); code != "invite-ended" {
		t.Errorf("a replaced invite: %s", code)
	}
	w.Do("bob", "POST", helloInvites+"/reject", map[string]string{"token": again}).Object(200)
	if code := accept("bob", helloInvites, again).ErrorCode(409); code != "invite-ended" {
		t.Errorf("a rejected invite: %s", code)
	}
	third := w.invited("bob@example.com")
	w.Now = w.Now.Add(30 * 24 * time.Hour)
	if code := accept("bob", helloInvites, third).ErrorCode(409); code != "invite-ended" {
		t.Errorf("an expired invite: %s", code)
	}
}

// inviteHash is what the database holds of the newest invite.
func (w *world) inviteHash() (hash string) {
	w.Must(w.DB.View(w.T.Context(), func(tx *db.Tx) error {
		pkg, err := tx.PackageByName(store.Snap, "hello")
		if err != nil {
			return err
		}
		list, err := tx.Invites(pkg.ID)
		hash = list[len(list)-1].Token
		return err
	}))
	return hash
}

func TestTheTokenOfAnInviteIsNowhereButInTheAnswer(t *testing.T) {
	w := newWorld(t)
	w.listed(1, "hello", "alice")
	token := w.invited("bob@example.com")
	var dump strings.Builder
	w.Must(w.DB.Dump(t.Context(), &dump))
	if !strings.Contains(dump.String(), "bob@example.com") || strings.Contains(dump.String(), token) {
		t.Error("the database holds the token, or not the invite")
	}
}

func TestWhoMayInvite(t *testing.T) {
	w := newWorld(t)
	w.listed(1, "hello", "alice")
	w.listed(2, "secret", "alice")
	w.private(assertiontest.SnapID(2))
	w.Token("reader", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package-view-acl"})})
	w.Token("elsewhere", "alice", store.Limits{Packages: []store.PackageLimit{{Name: "other"}}})
	w.Token("guest", "bob", store.Limits{Packages: []store.PackageLimit{{Name: "other"}}})
	token := w.invited("bob@example.com")
	vera := w.invited("vera@example.com")
	many := make([]string, 51)
	for i := range many {
		many[i] = strings.Repeat("x", i+1) + "@example.com"
	}
	w.refuses(t, []refusal{
		{"nobody", "", "POST", helloInvites, invitesFor("x@example.com"), 401, "macaroon-authorization-required"},
		{"a stranger", "bob", "POST", helloInvites, invitesFor("x@example.com"), 403, "resource-forbidden"},
		{"a viewer", "vera", "POST", helloInvites, invitesFor("x@example.com"), 403, "permission-required"},
		{"a token that only reads", "reader", "POST", helloInvites, invitesFor("x@example.com"), 403, "permission-required"},
		{"a token for another snap", "elsewhere", "POST", helloInvites, invitesFor("x@example.com"), 403, "resource-forbidden"},
		{"a stranger reads", "bob", "GET", "/v1/snap/hello/collaborators", nil, 403, "resource-forbidden"},
		{"a stranger reads of a private snap", "bob", "GET", "/v1/snap/secret/collaborators", nil, 404, "resource-not-found"},
		{"an unknown snap", "alice", "GET", "/v1/snap/nothing/collaborators", nil, 404, "resource-not-found"},
		{"no address", "alice", "POST", helloInvites, invitesFor("nobody"), 400, "invalid-field"},
		{"an address of two lines", "alice", "POST", helloInvites, invitesFor("a@b\r\nBcc: c@d"), 400, "invalid-field"},
		{"nothing", "alice", "POST", helloInvites, `{}`, 400, "missing-field"},
		{"a list", "alice", "POST", helloInvites, `["a@example.com"]`, 400, "api-error"},
		{"too many", "alice", "POST", helloInvites, invitesFor(many...), 413, "too-many-invites"},
		{"the publisher", "alice", "POST", helloInvites, invitesFor("alice@example.com"), 409, "already-collaborator"},
		{"too much", "alice", "POST", helloInvites, `{"invites":[],"x":"` + strings.Repeat("x", smallBody) + `"}`, 413, "request-too-large"},
		{"a token for other snaps accepts", "guest", "POST", helloInvites + "/accept", map[string]string{"token": token}, 403, "resource-forbidden"},
		{"a viewer accepts", "vera", "POST", helloInvites + "/accept", map[string]string{"token": vera}, 403, "permission-required"},
		{"a stranger revokes", "bob", "POST", helloInvites + "/revoke", invitesFor("bob@example.com"), 403, "resource-forbidden"},
	})
	w.Do("reader", "GET", helloInvites, nil).Object(200)
	w.Do("vera", "GET", helloInvites, nil).Object(200)
}
