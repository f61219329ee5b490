package identity

import (
	"context"

	"github.com/larder-store/larder/internal/identity/credential"
)

// Root is a macaroon that proves nothing before somebody discharges it.
type Root struct {
	Macaroon credential.Macaroon
	Caveat   credential.ThirdParty // see credential.Macaroon.BakeryJSON
}

// IssueRoot makes a root that the single sign-on discharges. Anybody may have
// one: who discharges it decides what it is worth. The location is the one
// that the client looks for, see credential.SSOHosts. Nothing is stored.
func (i *Identity) IssueRoot(ctx context.Context, a Asked, ssoLocation string) (Root, error) {
	return i.issueRoot(ctx, credential.U1Root, a, ssoLocation)
}

// IssueStoreAdminRoot makes the root of a client that administers the store.
func (i *Identity) IssueStoreAdminRoot(ctx context.Context, a Asked, ssoLocation string) (Root, error) {
	return i.issueRoot(ctx, credential.AdminRoot, a, ssoLocation)
}

func (i *Identity) issueRoot(ctx context.Context, p credential.Purpose, a Asked, ssoLocation string) (Root, error) {
	t, err := i.rootToken(a)
	if err != nil {
		return Root{}, err
	}
	k, err := i.keysFor(ctx, p.String(), PurposeSSOCaveat)
	if err != nil {
		return Root{}, err
	}
	public, err := k.sso.Public()
	if err != nil {
		return Root{}, err
	}
	if t.Identity, err = credential.NewSSOCaveat(public, ssoLocation); err != nil {
		return Root{}, err
	}
	return mint(k, p, t)
}

// IssueBakeryRoot makes a root that the identity service at a URL discharges.
// The version is that of the bakery's protocol which the client speaks.
func (i *Identity) IssueBakeryRoot(ctx context.Context, a Asked, version credential.BakeryVersion, identityURL string) (Root, error) {
	t, err := i.rootToken(a)
	if err != nil {
		return Root{}, err
	}
	k, err := i.keysFor(ctx, credential.BakeryRoot.String(), PurposeBakery)
	if err != nil {
		return Root{}, err
	}
	t.Identity, err = credential.NewIdentityCaveat(version, k.bakery[0], identityURL, a.told())
	if err != nil {
		return Root{}, err
	}
	return mint(k, credential.BakeryRoot, t)
}

func (i *Identity) rootToken(a Asked) (credential.Token, error) {
	limits, err := a.limits()
	if err != nil {
		return credential.Token{}, err
	}
	now := i.now()
	end, err := a.end(now, maxLife)
	return credential.Token{
		Location: i.location, Session: credential.NewSessionID(), Since: since(now), Expires: end,
		Limits: []credential.Limits{limits},
	}, err
}

// told is what whoever logs in is shown of what is asked.
func (a Asked) told() credential.AskedFor {
	told := credential.AskedFor{
		Permissions: a.Permissions, Channels: a.Channels, Stores: a.Stores, Description: clip(a.Description),
	}
	for _, p := range a.Packages {
		told.Packages = append(told.Packages, p.Name+p.ID)
	}
	return told
}

func mint(k *tokenKeys, p credential.Purpose, t credential.Token) (Root, error) {
	key, err := k.ring.Newest(p)
	if err != nil {
		return Root{}, err
	}
	m, err := credential.Mint(key, t)
	return Root{m, t.Identity}, err
}
