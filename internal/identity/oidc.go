package identity

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Federation is the OpenID provider that a store lets people log in with. The
// zero value is none.
type Federation struct {
	Issuer       string // exactly as the provider spells it
	Name         string // for people; default: the issuer's host
	ClientID     string
	ClientSecret Secret // empty for a public client
	Scopes       []string
	AllowSignup  bool // make an account for whoever has none
}

// Configured reports whether there is a provider.
func (f Federation) Configured() bool { return f.Issuer != "" && f.ClientID != "" }

// Label is what people know the provider by.
func (f Federation) Label() string {
	if f.Name != "" {
		return f.Name
	}
	if u, err := url.Parse(f.Issuer); err == nil && u.Host != "" {
		return u.Host
	}
	return f.Issuer
}

// The codes of logins with a provider.
const (
	CodeNoProvider      = "no-openid-provider"
	CodeProvider        = "openid-provider-failed"
	CodeProviderAnswer  = "openid-answer-invalid"
	CodeNotFederated    = "openid-account-unknown"
	CodeEmailUnverified = "openid-email-unverified"
)

const (
	federationTimeout = 10 * time.Second
	providerLife      = 10 * time.Minute
	maxProviderAnswer = 1 << 20 // bytes
	maxSubject        = 255     // bytes, says the standard
)

// algorithms are those that a provider may sign with. Those without a key, or
// with the client's secret for one, are none of them.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// providers keeps what the provider says of itself.
type providers struct {
	mu     sync.Mutex
	issuer string         // of known; owned by mu
	known  *oidc.Provider // owned by mu
	until  time.Time      // owned by mu
}

// Provider says which provider people may log in with.
func (i *Identity) Provider(ctx context.Context) (Federation, error) {
	if i.federation == nil {
		return Federation{}, nil
	}
	return i.federation(ctx)
}

// provider asks a provider about itself, unless that is known.
func (i *Identity) provider(ctx context.Context, f Federation) (*oidc.Provider, error) {
	if !f.Configured() {
		return nil, store.NotFoundf(CodeNoProvider, "this store has no OpenID provider")
	}
	if err := safeIssuer(f.Issuer); err != nil {
		return nil, err
	}
	i.providers.mu.Lock()
	defer i.providers.mu.Unlock()
	if i.providers.known != nil && i.providers.issuer == f.Issuer && i.now().Before(i.providers.until) {
		return i.providers.known, nil
	}
	// The provider keeps the context for when it fetches keys.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), providerClient), f.Issuer)
	if err != nil {
		return nil, providerFailed(err)
	}
	i.providers.known, i.providers.issuer, i.providers.until = p, f.Issuer, i.now().Add(providerLife)
	return p, nil
}

// safeIssuer refuses a provider whose answers anybody on the way could change.
func safeIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err == nil && u.Scheme == "http" {
		ip := net.ParseIP(u.Hostname())
		if u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
			return nil
		}
	}
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return store.Invalidf(CodeProvider, "the OpenID provider has no https address").Try("set larder.oidc.issuer to one")
	}
	return nil
}

func providerFailed(err error) error {
	return store.Unavailablef(CodeProvider, "the OpenID provider does not answer as it should").
		Try("try again, or ask the operator of the store").Because(err)
}

// providerClient asks providers. What they answer is bounded.
var providerClient = &http.Client{Timeout: federationTimeout, Transport: boundedAnswers{}}

type boundedAnswers struct{}

func (boundedAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxProviderAnswer), resp.Body}
	return resp, nil
}

func (f Federation) client(p *oidc.Provider, callback string) oauth2.Config {
	scopes := f.Scopes
	if !slices.Contains(scopes, oidc.ScopeOpenID) {
		scopes = append([]string{oidc.ScopeOpenID}, scopes...)
	}
	return oauth2.Config{
		ClientID: f.ClientID, ClientSecret: f.ClientSecret.Reveal(), Endpoint: p.Endpoint(), RedirectURL: callback, Scopes: scopes,
	}
}

// federating is a login on its way through a provider, in a ticket that the
// browser keeps meanwhile.
type federating struct {
	Visit    string    `json:"visit"`
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Issuer   string    `json:"issuer"`
	Expires  time.Time `json:"expires"`
}

const detailFederating = "federating" // hash of the state that a provider gives back, once

// BeginFederated begins a login for a visit with the provider: it returns where
// the browser goes, and a ticket that it brings back. The callback is where the
// provider sends it; good for as SealEvent.
func (i *Identity) BeginFederated(ctx context.Context, visit Secret, callback string, goodFor ...string) (to string, ticket Secret, err error) {
	f, err := i.Provider(ctx)
	if err != nil {
		return "", ticket, err
	}
	p, err := i.provider(ctx, f)
	if err != nil {
		return "", ticket, err
	}
	s := federating{
		Visit: visit.Reveal(), State: randomText(32), Nonce: randomText(32), Verifier: oauth2.GenerateVerifier(),
		Issuer: f.Issuer, Expires: i.now().Add(visitLife),
	}
	_, err = i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		v, err := openVisit(tx, visitRow(visit))
		if err != nil {
			return err
		}
		v.Details[detailFederating] = hashText(s.State)
		return tx.PutVisit(v)
	})
	if err != nil {
		return "", ticket, err
	}
	client := f.client(p, callback)
	to = client.AuthCodeURL(s.State, oidc.Nonce(s.Nonce), oauth2.S256ChallengeOption(s.Verifier))
	ticket, err = i.sealTicket("federated", goodFor, s)
	return to, ticket, err
}

// Returned is what a browser brings back from a provider.
type Returned struct {
	Ticket  Secret
	State   string
	Code    string
	Refusal string // what the provider says instead of a code
}

func badAnswer(cause error) error {
	err := store.Forbiddenf(CodeProviderAnswer, "the answer of the OpenID provider cannot be accepted").Try("begin again")
	if cause == nil {
		return err
	}
	return err.Because(cause)
}

// FinishFederated is the login of somebody whom the provider has sent back: the
// account that the provider's subject belongs to, or else the one with the
// e-mail address that the provider has verified, which the subject belongs to
// from then on. It returns the visit that it is for.
func (i *Identity) FinishFederated(ctx context.Context, r Returned, callback string, asker Evidence, goodFor ...string) (visit Secret, e AuthEvent, err error) {
	var s federating
	if err := i.openTicket("federated", goodFor, r.Ticket, &s); err != nil || !i.now().Before(s.Expires) {
		return visit, e, errTicket
	}
	visit = NewSecret(s.Visit)
	guess := checks{addressCheck(asker.Address)}
	if err := i.mayTry(ctx, guess); err != nil {
		return visit, e, err
	}
	said, err := i.federatedClaims(ctx, s, r, callback)
	if err == nil {
		e, err = i.federatedLogin(ctx, said, asker)
	}
	switch store.CodeOf(err) {
	case CodeProviderAnswer, CodeNotFederated, CodeEmailUnverified:
		i.note(ctx, guess)
	}
	return visit, e, err
}

// claims are what a provider says of somebody, its signature verified.
type claims struct {
	federation Federation
	subject    string
	Email      string  `json:"email"`
	Verified   boolish `json:"email_verified"`
	Username   string  `json:"preferred_username"`
	Name       string  `json:"name"`
}

// boolish is a truth value that some providers write as a string.
type boolish bool

func (b *boolish) UnmarshalJSON(text []byte) error {
	*b = string(text) == "true" || string(text) == `"true"`
	return nil
}

func (i *Identity) federatedClaims(ctx context.Context, s federating, r Returned, callback string) (c claims, err error) {
	if subtle.ConstantTimeCompare([]byte(s.State), []byte(r.State)) != 1 {
		return c, badAnswer(nil)
	}
	if err := i.useFederating(ctx, s); err != nil {
		return c, err
	}
	if r.Refusal != "" {
		return c, store.Forbiddenf(CodeProviderAnswer, "the OpenID provider has refused: %.100q", r.Refusal).Try("begin again")
	}
	f, err := i.Provider(ctx)
	if err != nil {
		return c, err
	}
	if f.Issuer != s.Issuer {
		return c, badAnswer(nil) // another was set up meanwhile
	}
	p, err := i.provider(ctx, f)
	if err != nil {
		return c, err
	}
	ctx = oidc.ClientContext(ctx, providerClient)
	client := f.client(p, callback)
	token, err := client.Exchange(ctx, r.Code, oauth2.VerifierOption(s.Verifier))
	if err != nil {
		return c, badAnswer(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: f.ClientID, SupportedSigningAlgs: algorithms, Now: i.now}).Verify(ctx, raw)
	if err != nil {
		return c, badAnswer(err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(s.Nonce)) != 1 {
		return c, badAnswer(fmt.Errorf("the nonce is another"))
	}
	var party struct {
		Authorized string `json:"azp"`
	}
	if err := id.Claims(&party); err != nil || party.Authorized != "" && party.Authorized != f.ClientID ||
		party.Authorized == "" && len(id.Audience) > 1 {
		return c, badAnswer(fmt.Errorf("the token is for somebody else, too"))
	}
	if err := id.Claims(&c); err != nil {
		return c, badAnswer(err)
	}
	c.federation, c.subject = f, id.Subject
	if c.Email == "" && p.UserInfoEndpoint() != "" {
		more, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err == nil && more.Subject == c.subject { // anything else says nothing of this person
			err = more.Claims(&c)
		}
		if err != nil {
			return c, badAnswer(err)
		}
	}
	if c.subject == "" || len(c.subject) > maxSubject || strings.ContainsFunc(c.subject, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return c, badAnswer(fmt.Errorf("the subject is none"))
	}
	return c, nil
}

// useFederating uses up a state: a browser comes back once.
func (i *Identity) useFederating(ctx context.Context, s federating) error {
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		v, err := openVisit(tx, visitRow(NewSecret(s.Visit)))
		if err != nil {
			return err
		}
		if v.Details[detailFederating] != hashText(s.State) {
			return badAnswer(nil)
		}
		delete(v.Details, detailFederating)
		return tx.PutVisit(v)
	})
	return err
}

// federatedLogin finds, or makes, the account.
func (i *Identity) federatedLogin(ctx context.Context, c claims, asker Evidence) (e AuthEvent, err error) {
	var refusal error
	_, err = i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		refusal = nil
		u, err := i.federatedUser(tx, c)
		if err == nil {
			err = stateOf(u)
		}
		switch store.KindOf(err) {
		case store.KindForbidden:
			refusal = err
			tx.Record(store.LoginFailed, "account/unknown", map[string]any{
				"method": MethodOIDC, "reason": store.CodeOf(err), "address": asker.Address, "client": clip(asker.UserAgent),
			})
			return nil
		}
		if err != nil {
			return err
		}
		e = AuthEvent{User: u, Method: MethodOIDC, At: tx.Now(), Address: asker.Address, UserAgent: asker.UserAgent}
		e.record(tx)
		return nil
	})
	if err == nil {
		err = refusal
	}
	return e, err
}

func (i *Identity) federatedUser(tx *db.Tx, c claims) (u store.User, err error) {
	key := c.federation.Issuer + " " + c.subject
	k, err := tx.UserKey(store.UserKeyOIDC, key)
	switch {
	case err == nil:
		return i.federatedActive(tx, k.AccountID)
	case store.KindOf(err) != store.KindNotFound:
		return u, err
	}
	unknown := store.Forbiddenf(CodeNotFederated, "no account of this store belongs to you").
		Try("ask the operator of the store for one with your e-mail address")
	email, err := normalEmail(c.Email)
	if err != nil {
		return u, unknown
	}
	if !c.Verified {
		return u, store.Forbiddenf(CodeEmailUnverified, "the OpenID provider has not verified your e-mail address")
	}
	u, err = tx.UserByEmail(email)
	switch {
	case err == nil:
		return i.bindFederated(tx, u, c, key)
	case store.KindOf(err) != store.KindNotFound:
		return u, err
	case !c.federation.AllowSignup:
		return u, unknown
	}
	if u, err = i.signUp(tx, c, email); err != nil {
		return u, err
	}
	return u, addFederatedKey(tx, u, c, key)
}

// bindFederated gives the account of a verified address to the subject. One
// that already belongs to another subject of the provider stays there:
// addresses are handed on, subjects are not.
func (i *Identity) bindFederated(tx *db.Tx, u store.User, c claims, key string) (store.User, error) {
	keys, err := tx.UserKeys(u.Account.ID)
	if err != nil {
		return u, err
	}
	for _, k := range keys {
		if k.Kind == store.UserKeyOIDC && strings.HasPrefix(k.Key, c.federation.Issuer+" ") {
			return u, store.Forbiddenf(CodeNotFederated, "the account with your e-mail address belongs to somebody else").
				Try("ask the operator of the store")
		}
	}
	if err := addFederatedKey(tx, u, c, key); err != nil {
		return u, err
	}
	return i.federatedActive(tx, u.Account.ID)
}

func addFederatedKey(tx *db.Tx, u store.User, c claims, key string) error {
	k := store.UserKey{
		AccountID: u.Account.ID, Kind: store.UserKeyOIDC, Key: key, Name: clip(c.federation.Label()), CreatedAt: tx.Now(),
	}
	tx.Record(store.UserKeyAdded, "account/"+u.Account.ID, map[string]any{"kind": k.Kind, "key": k.Key, "name": k.Name})
	return tx.AddUserKey(k)
}

// federatedActive is the user, active from now on where all that was missing is
// a password, which the provider's login stands for.
func (i *Identity) federatedActive(tx *db.Tx, accountID string) (store.User, error) {
	u, err := tx.User(accountID)
	if err != nil || u.State != store.UserReset || u.Password != "" {
		return u, err
	}
	u.State = store.UserActive
	record(tx, u, "active with an OpenID provider")
	return u, tx.PutUser(u)
}

// signUp makes the account of somebody whom only the provider knows.
func (i *Identity) signUp(tx *db.Tx, c claims, email string) (store.User, error) {
	u := store.User{
		Email: email, EmailVerified: true, OpenID: randomText(16), Role: store.RolePublisher, State: store.UserActive,
		PasswordChangedAt: tx.Now(), SessionsValidAfter: tx.Now(), CreatedAt: tx.Now(),
	}
	name, err := freeUsername(tx, c, email)
	if err != nil {
		return u, err
	}
	display := strings.TrimSpace(clip(c.Name))
	if store.ValidDisplayName(display) != nil {
		display = name
	}
	u.Account, err = newAccount(tx, store.Account{Username: name, DisplayName: display, Validation: "unproven"})
	if err != nil {
		return u, err
	}
	if err := tx.PutUser(u); err != nil {
		return u, err
	}
	record(tx, u, "signed up with an OpenID provider")
	return u, i.sign(tx, u.Account)
}

// freeUsername makes a username of what the provider calls somebody.
func freeUsername(tx *db.Tx, c claims, email string) (string, error) {
	base := c.Username
	if base == "" || strings.Contains(base, "@") {
		base, _, _ = strings.Cut(email, "@")
	}
	base = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(base))
	for strings.Contains(base, "--") {
		base = strings.ReplaceAll(base, "--", "-")
	}
	base = strings.Trim(base[:min(len(base), 24)], "-")
	if store.ValidUsername(base) != nil {
		base = "user"
	}
	for n := range 50 {
		name := base
		if n > 0 {
			name = fmt.Sprintf("%s-%d", base, n+1)
		}
		if _, err := tx.UserByUsername(name); store.KindOf(err) == store.KindNotFound {
			return name, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", store.Conflictf(codeUserExists, "there is no username left like %.40q", base).Try("ask the operator of the store")
}
