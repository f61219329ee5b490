package oci

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

func TestPullCredentialsStayTheSameUntilTheyAreRevoked(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		repo := store.ImageRepo{PackageID: redis, Resource: "server"}
		server := name(redis, "server")
		released := digestOf(w.person("alice").push(server, "latest", "amd64", "a layer"))
		w.person("alice").push(name(redis, "other"), "latest", "amd64", "a layer")
		get := func(n *node, repo store.ImageRepo) string {
			t.Helper()
			user, secret, err := n.identity.PullCredentials(ctx, repo)
			w.must(err)
			if user != "docker-registry" || strings.Trim(secret.Reveal(), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
				t.Errorf("user %q, password %q", user, secret.Reveal())
			}
			return secret.Reveal()
		}
		first := get(w.node, repo)
		other := w.start()
		_, err := w.identity.RotateKeys(ctx, operator, w.clock())
		w.must(err)
		w.pass(400 * 24 * time.Hour)
		for _, n := range []*node{w.node, other, w.start()} {
			if again := get(n, repo); again != first {
				t.Errorf("the password was %s and is %s", first, again)
			}
		}
		for _, c := range []*client{w.as("docker-registry", first), w.as(first, first), w.as("docker-registry", first).token("repository:" + server + ":pull,push")} {
			w.wants(c.do("GET", "/v2/", nil), http.StatusOK, "")
			w.wants(c.do("GET", "/v2/"+server+"/manifests/"+released, nil), http.StatusOK, "")
		}
		puller := w.as("docker-registry", first)
		w.wants(puller.do("POST", "/v2/"+server+"/blobs/uploads/", nil), http.StatusForbidden, "DENIED")
		w.wants(puller.do("DELETE", "/v2/"+server+"/manifests/latest", nil), http.StatusForbidden, "DENIED")
		w.wants(puller.do("GET", "/v2/"+name(redis, "other")+"/manifests/latest", nil), http.StatusNotFound, "NAME_UNKNOWN")
		w.wants(puller.do("GET", "/v2/"+name(hidden, "server")+"/manifests/latest", nil), http.StatusNotFound, "NAME_UNKNOWN")
		if _, access := w.given(puller.do("GET", "/v2/token?scope="+url.QueryEscape("repository:"+server+":pull,push repository:"+name(redis, "other")+":pull"), nil)); access != "repository:"+server+":pull" {
			t.Errorf("pull credentials are good for %s", access)
		}
		a := w.wants(puller.do("GET", "/v2/_catalog", nil), http.StatusOK, "")
		if strings.Count(string(a.body), "charm/") != 1 {
			t.Errorf("pull credentials see %s", a.body)
		}
		// One that is changed anywhere is none.
		for at := len("lrdpull-"); at < len(first); at += 7 {
			c := byte('A')
			if first[at] == c {
				c = 'B'
			}
			w.wants(w.as("x", first[:at]+string(c)+first[at+1:]).do("GET", "/v2/", nil), http.StatusUnauthorized, "UNAUTHORIZED")
		}
		if _, err := w.identity.Authenticate(ctx, identity.Evidence{Authorization: []string{puller.auth}}); err == nil {
			t.Error("pull credentials open another door")
		}

		tokened := puller.token("repository:" + server + ":pull")
		w.must(w.catalog.RevokeImagePulls(ctx, operator, "charm-r"))
		w.wants(puller.do("GET", "/v2/"+server+"/manifests/"+released, nil), http.StatusUnauthorized, "UNAUTHORIZED")
		w.wants(tokened.do("GET", "/v2/"+server+"/manifests/"+released, nil), http.StatusUnauthorized, "UNAUTHORIZED")
		second := get(w.node, repo)
		if second == first {
			t.Error("the revoked password is given out again")
		}
		w.wants(w.as("docker-registry", second).do("GET", "/v2/"+server+"/manifests/"+released, nil), http.StatusOK, "")
		_, err = w.identity.RotateKeys(ctx, operator, w.clock(), identity.PurposeImagePull)
		w.must(err)
		if get(w.node, repo) == second {
			t.Error("a new key gives the old password")
		}
		w.wants(w.as("docker-registry", second).do("GET", "/v2/", nil), http.StatusUnauthorized, "UNAUTHORIZED")
	})
}

// Anybody may have pull credentials: what they cost does not grow with what others
// have pushed.
func TestPullCredentialsLookAtNoRepositoryOfOthers(t *testing.T) {
	w := newWorld(t)
	repo := store.ImageRepo{PackageID: redis, Resource: "server"}
	w.person("alice").push(name(redis, "server"), "latest", "amd64", "a layer")
	layer := []byte("what mallory has pushed")
	digest := w.person("mallory").upload(name(evil, "r"), layer)
	_, err := w.db.Update(t.Context(), "tester", func(tx *db.Tx) error {
		b, err := tx.ImageBlob(store.ImageRepo{PackageID: evil, Resource: "r"}, store.SHA256OfImage(digest))
		for n := 0; n < 10_500 && err == nil; n++ { // more than one question looks at
			err = tx.LinkImageBlob(store.ImageRepo{PackageID: evil, Resource: fmt.Sprint("r", n)}, b)
		}
		return err
	})
	w.must(err)
	_, secret, err := w.identity.PullCredentials(t.Context(), repo)
	w.must(err)
	puller := w.as("docker-registry", secret.Reveal())
	for _, test := range [][2]string{
		{"", `{"repositories":["` + name(redis, "server") + `"]}`},
		{"?n=0", `{"repositories":[]}`},
		{"?last=" + name(evil, "server"), `{"repositories":["` + name(redis, "server") + `"]}`},
		{"?last=" + name(redis, "server"), `{"repositories":[]}`},
	} {
		a := w.wants(puller.do("GET", "/v2/_catalog"+test[0], nil), http.StatusOK, "")
		if got := strings.TrimSpace(string(a.body)); got != test[1] {
			t.Errorf("%s: %s, want %s", test[0], got, test[1])
		}
	}
	_, secret, err = w.identity.PullCredentials(t.Context(), store.ImageRepo{PackageID: redis, Resource: "never"})
	w.must(err)
	if a := w.wants(w.as("x", secret.Reveal()).do("GET", "/v2/_catalog", nil), http.StatusOK, ""); !strings.Contains(string(a.body), "[]") {
		t.Errorf("a repository that is not there: %s", a.body)
	}
}

// Anybody has the pull credentials of a public charm.
func TestPullCredentialsFindNothingThatWasNotReleased(t *testing.T) {
	w := newWorld(t)
	server := name(redis, "server")
	released := digestOf(w.person("alice").push(server, "1.0", "amd64", "what was released"))
	w.person("alice").push(server, "embargoed", "amd64", "what is under embargo")
	_, secret, err := w.identity.PullCredentials(t.Context(), store.ImageRepo{PackageID: redis, Resource: "server"})
	w.must(err)
	puller := w.as("docker-registry", secret.Reveal())
	for _, c := range []*client{puller, puller.token("repository:" + server + ":pull")} {
		w.wants(c.do("GET", "/v2/"+server+"/manifests/"+released, nil), http.StatusOK, "")
		for _, path := range []string{"/tags/list", "/tags/list?n=0", "/manifests/embargoed", "/manifests/1.0", "/manifests/never"} {
			w.wants(c.do("GET", "/v2/"+server+path, nil), http.StatusForbidden, "DENIED")
		}
	}
	w.wants(w.person("vera").do("GET", "/v2/"+server+"/manifests/embargoed", nil), http.StatusOK, "")
}

func TestUploadCredentialsArePartOfWhoAskedForThem(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		repo := store.ImageRepo{PackageID: redis, Resource: "server"}
		server := name(redis, "server")
		login := func(user, password string) store.Principal {
			t.Helper()
			c, err := w.identity.RegistryLogin(ctx, identity.RegistryLogin{User: user, Password: identity.NewSecret(password)})
			w.must(err)
			return c.Principal
		}
		alice := login("alice", password)
		parent, err := w.identity.IssueAPIToken(ctx, alice, alice.Account, identity.Asked{Permissions: []string{"package-manage-revisions"}})
		w.must(err)
		user, secret, err := w.identity.UploadCredentials(ctx, login("x", parent.Token.Reveal()), repo)
		w.must(err)
		if user != "docker-uploader" || strings.ContainsAny(secret.Reveal(), ":|/ @\n") {
			t.Errorf("user %q, password %q", user, secret.Reveal())
		}
		c := w.as(user, secret.Reveal())
		c.push(server, "latest", "amd64", "a layer")
		c.token("repository:"+server+":pull,push").push(server, "again", "amd64", "another layer")
		w.wants(c.do("GET", "/v2/"+server+"/manifests/latest", nil), http.StatusOK, "")
		for _, elsewhere := range []string{name(redis, "other"), name(hidden, "server"), name(evil, "server")} {
			a := c.do("POST", "/v2/"+elsewhere+"/blobs/uploads/", nil)
			if a.status != http.StatusForbidden && a.status != http.StatusNotFound {
				t.Errorf("upload credentials push to %s: %d %s", elsewhere, a.status, a.body)
			}
		}
		if _, err := w.identity.Authenticate(ctx, identity.Evidence{Authorization: []string{"Macaroon " + secret.Reveal()}}); err == nil {
			t.Error("upload credentials open another door")
		}
		// They make no others, which would outlive them.
		w.wants(w.as("x", parent.Token.Reveal()).do("GET", "/v2/", nil), http.StatusOK, "")
		tokened := c.token("repository:" + server + ":pull,push")
		_, err = w.identity.Revoke(ctx, alice, parent.Session.ID)
		w.must(err)
		w.wants(c.do("GET", "/v2/", nil), http.StatusUnauthorized, "UNAUTHORIZED")
		w.wants(tokened.do("GET", "/v2/"+server+"/manifests/latest", nil), http.StatusUnauthorized, "UNAUTHORIZED")

		_, secret, err = w.identity.UploadCredentials(ctx, alice, repo)
		w.must(err)
		w.wants(w.as("", secret.Reveal()).do("GET", "/v2/", nil), http.StatusOK, "")
		w.pass(6*time.Hour + time.Second)
		w.wants(w.as("", secret.Reveal()).do("GET", "/v2/", nil), http.StatusUnauthorized, "UNAUTHORIZED")

		for what, who := range map[string]store.Principal{
			"somebody else": login("mallory", password), "a viewer": login("vera", password), "the host": operator, "nobody": {},
		} {
			if _, _, err := w.identity.UploadCredentials(ctx, who, repo); store.KindOf(err) != store.KindForbidden {
				t.Errorf("%s gets upload credentials: %v", what, err)
			}
		}
		if _, _, err := w.identity.UploadCredentials(ctx, alice, store.ImageRepo{PackageID: redis, Resource: strings.Repeat("x", 250)}); store.KindOf(err) != store.KindInvalid {
			t.Errorf("a resource that no repository can be named after: %v", err)
		}
	})
}
