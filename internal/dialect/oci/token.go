package oci

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// Bounds of a request for a token.
const (
	maxForm   = 64 << 10 // bytes
	maxScopes = 50
	maxScope  = 512 // bytes
)

// wanted is a request for a token.
type wanted struct {
	login   identity.RegistryLogin
	scopes  []string
	client  string
	refresh bool // something to keep instead of the password, too
}

// getToken answers as docker, skopeo and most others ask.
func (a *api) getToken(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	want := wanted{scopes: q["scope"], client: q.Get("client_id"), refresh: q.Get("offline_token") == "true"}
	want.login.User, want.login.Password = basic(r)
	a.token(w, r, want)
}

// postToken answers as containerd asks, and whoever kept a refresh token.
func (a *api) postToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			fail(w, r, store.TooLargef("", "the form has more than %d bytes", maxForm))
			return
		}
		fail(w, r, store.Invalidf("unsupported", "the form cannot be read").Because(err))
		return
	}
	form := r.PostForm
	want := wanted{scopes: form["scope"], client: form.Get("client_id"), refresh: form.Get("access_type") == "offline"}
	switch grant := form.Get("grant_type"); grant {
	case "password":
		want.login.User, want.login.Password = form.Get("username"), identity.NewSecret(form.Get("password"))
	case "refresh_token":
		want.login.Password = identity.NewSecret(form.Get("refresh_token"))
	case "":
		want.login.User, want.login.Password = basic(r)
	default:
		fail(w, r, store.Invalidf("unsupported", "there are no tokens for the grant type %.40q", grant).Try("use password or refresh_token"))
		return
	}
	a.token(w, r, want)
}

// basic reads the name and the password of a request.
func basic(r *http.Request) (string, identity.Secret) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", identity.Secret{}
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	user, password, _ := strings.Cut(string(raw), ":")
	if err != nil {
		return "", identity.Secret{}
	}
	return user, identity.NewSecret(password)
}

func (a *api) token(w http.ResponseWriter, r *http.Request, want wanted) {
	w.Header().Set("Cache-Control", "no-store")
	want.login.Evidence = identity.EvidenceOf(r)
	caller, err := a.Identity.RegistryLogin(r.Context(), want.login)
	if store.KindOf(err) == store.KindUnauthorised {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+a.service(r)+`"`)
	}
	var access []identity.RegistryAccess
	if err == nil {
		access, err = a.granted(r, caller, want.scopes)
	}
	var token identity.RegistryToken
	if err == nil {
		token, err = a.Identity.IssueRegistryToken(r.Context(), caller, a.service(r), access)
	}
	answer := map[string]any{}
	if err == nil && want.refresh {
		var keep identity.Secret
		keep, err = a.Identity.RegistryRefresh(r.Context(), caller, want.login, want.client)
		answer["refresh_token"] = keep.Reveal()
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	// Clients take less than a minute for a mistake.
	answer["expires_in"] = max(60, int(token.Expires.Sub(token.Issued)/time.Second))
	answer["issued_at"] = token.Issued.UTC().Format(time.RFC3339)
	answer["token"], answer["access_token"] = token.Text.Reveal(), token.Text.Reveal()
	var scopes []string
	for _, g := range access {
		scopes = append(scopes, g.Type+":"+g.Name+":"+strings.Join(g.Actions, ","))
	}
	answer["scope"] = strings.Join(scopes, " ")
	reply.JSON(w, r, http.StatusOK, answer)
}

// granted is what of the scopes the caller may have. What it may not is left out,
// and is no error.
func (a *api) granted(r *http.Request, caller identity.RegistryCaller, scopes []string) (access []identity.RegistryAccess, err error) {
	scopes = strings.Fields(strings.Join(scopes, " "))
	if len(scopes) > maxScopes {
		return nil, store.Invalidf("unsupported", "%d scopes are too many for one token: %d are the most", len(scopes), maxScopes)
	}
	for _, text := range scopes {
		kind, rest, _ := strings.Cut(text, ":")
		at := strings.LastIndexByte(rest, ':')
		if len(text) > maxScope || at < 0 {
			continue
		}
		name, actions := rest[:at], strings.Split(rest[at+1:], ",")
		may, err := a.rights(r, caller, kind, name)
		if err != nil {
			return nil, err
		}
		may = slices.DeleteFunc(may, func(m string) bool { return !slices.Contains(actions, m) && !slices.Contains(actions, "*") })
		if len(may) == 0 {
			continue
		}
		access = add(access, identity.RegistryAccess{Type: kind, Name: name, Actions: may})
	}
	return access, nil
}

// add puts together what is about one name.
func add(list []identity.RegistryAccess, more identity.RegistryAccess) []identity.RegistryAccess {
	for i, had := range list {
		if had.Type != more.Type || had.Name != more.Name {
			continue
		}
		for _, action := range more.Actions {
			if !slices.Contains(had.Actions, action) {
				list[i].Actions = append(list[i].Actions, action)
			}
		}
		return list
	}
	return append(list, more)
}

// rights are the actions that a caller may do to what a scope names.
func (a *api) rights(r *http.Request, caller identity.RegistryCaller, kind, name string) ([]string, error) {
	if kind == "registry" && name == "catalog" {
		return []string{"*"}, nil // it lists only what one may pull
	}
	id, resource, ok := store.ParseImageRepository(name)
	if kind != "repository" || !ok {
		return nil, nil
	}
	mayPull, mayPush, err := a.Catalog.ImageRights(r.Context(), caller.Principal, store.ImageRepo{PackageID: id, Resource: resource})
	var may []string
	if mayPull {
		may = append(may, string(pull))
	}
	if mayPush {
		may = append(may, string(push), string(remove))
	}
	return may, err
}
