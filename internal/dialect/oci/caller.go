package oci

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// action is what a request does, in the words of scopes.
type action string

const (
	pull   action = "pull"
	push   action = "push"
	remove action = "delete"
)

// scope is what a client has to ask a token for to do it. Pushing clients look at
// what is there, too.
func (a action) scope() string {
	if a == push {
		return "pull,push"
	}
	return string(a)
}

// call is a request to one repository, of somebody whose token is for it.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	name   string // of the repository, as clients write it
	repo   store.ImageRepo
	caller identity.RegistryCaller
	who    store.Principal
}

// path is where something of the repository is. It has no host: clients reach the
// registry by names that it may not know, and all of them resolve it.
func (c *call) path(parts ...string) string { return "/v2/" + c.name + "/" + strings.Join(parts, "/") }

// to serves a row of the table that does something with one repository.
func (a *api) to(do action, handle func(*call) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r}
		c.name = "charm/" + r.PathValue("key") + "/" + r.PathValue("resource")
		id, resource, ok := store.ParseImageRepository(c.name)
		c.repo = store.ImageRepo{PackageID: id, Resource: resource}
		scope := ""
		if ok {
			scope = "repository:" + c.name + ":" + do.scope()
		}
		caller, err := a.Identity.RegistryCaller(r.Context(), a.service(r), identity.EvidenceOf(r))
		switch {
		case err != nil:
			a.refuse(w, r, scope, err)
		case !ok:
			fail(w, r, store.NotFoundf(store.CodeRepositoryUnknown, "there is no such repository"))
		case caller.ByToken && !allows(caller, "repository", c.name, do):
			a.refuse(w, r, scope, errScope)
		default:
			c.caller, c.who = caller, caller.Principal
			if err := handle(c); err != nil {
				fail(w, r, err)
			}
		}
	}
}

// allows reports whether a token is for an action. Who may push may delete.
func allows(c identity.RegistryCaller, kind, name string, do action) bool {
	return slices.ContainsFunc(c.Access, func(a identity.RegistryAccess) bool {
		return a.Type == kind && a.Name == name && (slices.Contains(a.Actions, string(do)) ||
			do == remove && slices.Contains(a.Actions, string(push)))
	})
}

var errScope = store.Unauthorisedf("insufficient-scope", "the token is not for this").Try("ask for one that is")

// refuse tells where to get a token, and for what.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, scope string, err error) {
	if store.KindOf(err) == store.KindUnauthorised {
		challenge := fmt.Sprintf(`Bearer realm="%s/v2/token",service="%s"`, a.BaseURL(r), a.service(r))
		if scope != "" {
			challenge += fmt.Sprintf(`,scope="%s"`, scope)
		}
		if store.CodeOf(err) == "insufficient-scope" {
			challenge += `,error="insufficient_scope"`
		} else if r.Header.Get("Authorization") != "" {
			challenge += `,error="invalid_token"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	fail(w, r, err)
}

// check answers whether this is a registry, and the credentials good.
func (a *api) check(w http.ResponseWriter, r *http.Request) {
	if _, err := a.Identity.RegistryCaller(r.Context(), a.service(r), identity.EvidenceOf(r)); err != nil {
		a.refuse(w, r, "", err)
		return
	}
	reply.JSON(w, r, http.StatusOK, struct{}{})
}
