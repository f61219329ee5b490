package identity

import (
	"context"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// RegistryCaller is whoever asks the image registry.
type RegistryCaller struct {
	Principal store.Principal
	// ByToken: a token of the registry was shown, which is good for Access only.
	ByToken bool
	Access  []RegistryAccess

	proof registryProof
}

// RegistryLogin is what somebody shows to get a token of the registry.
type RegistryLogin struct {
	User     string // only looked at where the password is an account's own
	Password Secret // or a token, or upload or pull credentials
	Evidence Evidence
}

// RegistryCaller says who asks the registry, by an Authorization header with a
// token of the registry for this service, or with a name and a password. It fails
// as Authenticate does.
func (i *Identity) RegistryCaller(ctx context.Context, service string, e Evidence) (RegistryCaller, error) {
	if len(e.Authorization) != 1 {
		return RegistryCaller{}, noCredentials(nil)
	}
	scheme, token, _ := strings.Cut(e.Authorization[0], " ")
	if strings.EqualFold(scheme, "Bearer") {
		return i.byRegistryToken(ctx, service, strings.TrimSpace(token))
	}
	p, err := credential.ParseAuthorization(e.Authorization[0])
	if err != nil || p.Kind != credential.KindBasic {
		return RegistryCaller{}, noCredentials(err)
	}
	return i.RegistryLogin(ctx, RegistryLogin{p.User, p.Password, e})
}

// RegistryLogin says who has a password: the pull or upload credentials of a
// repository, a token of an account, or an account with its own password. The
// user's name only matters for the last, since some clients send the password in
// its place.
func (i *Identity) RegistryLogin(ctx context.Context, l RegistryLogin) (RegistryCaller, error) {
	if l.Password.Reveal() == "" {
		return RegistryCaller{}, noCredentials(nil)
	}
	if strings.HasPrefix(l.Password.Reveal(), pullPrefix) {
		return i.byPull(ctx, l.Password)
	}
	token, err := credential.ParseAuthorization("Bearer " + l.Password.Reveal())
	var w Who
	if err == nil && token.Kind == credential.KindSingle {
		w, err = i.byMacaroon(ctx, token.Slices[0], credential.Exchanged, credential.RegistryPassword)
	} else {
		w, err = i.byBasic(ctx, credential.Presented{Kind: credential.KindBasic, User: l.User, Password: l.Password}, l.Evidence)
	}
	if err != nil {
		return RegistryCaller{}, err
	}
	i.touch(ctx, w.Session)
	proof := registryProof{Account: w.User.Account.ID, Session: w.Session.ID, Limits: w.Principal.Limits}
	if w.Session.ID == "" {
		proof.LastAuth = w.LastAuth
	}
	return RegistryCaller{Principal: w.Principal, proof: proof}, nil
}

func (i *Identity) byPull(ctx context.Context, password Secret) (RegistryCaller, error) {
	k, err := i.readKeys(ctx)
	if err != nil {
		return RegistryCaller{}, err
	}
	repo, generation, ok := readPullPassword(k.pulls, password.Reveal())
	if !ok {
		return RegistryCaller{}, noCredentials(nil)
	}
	c := RegistryCaller{proof: registryProof{Pull: repo, Generation: generation}}
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		c.Principal, err = pullPrincipal(tx, repo, generation, time.Time{})
		return err
	})
	if store.KindOf(err) == store.KindUnauthorised {
		err = noCredentials(err)
	}
	return c, err
}

// pullPrincipal is whoever has the pull credentials of a repository, if they were
// not revoked since.
func pullPrincipal(tx *db.Tx, repo store.ImageRepo, generation int64, expires time.Time) (store.Principal, error) {
	now, err := tx.ImageGeneration(repo.PackageID)
	if err != nil {
		return store.Principal{}, err
	}
	if now != generation {
		return store.Principal{}, store.Unauthorisedf(CodeNoCredentials, "the pull credentials were revoked")
	}
	return store.Principal{
		Role: store.RoleDevice, Name: "image-pull:" + repo.String(), Pulls: []store.ImageRepo{repo}, Expires: expires,
	}, nil
}

// RegistryRefresh is what a client keeps instead of the password that it has
// shown. In the place of an account's own password it is a token of the account
// for images only, which its owner finds and revokes among the others; any other
// password stands for little enough to be kept as it is.
func (i *Identity) RegistryRefresh(ctx context.Context, c RegistryCaller, l RegistryLogin, client string) (Secret, error) {
	if c.Principal.Account == "" || c.Principal.Session != "" {
		return l.Password, nil
	}
	issued, err := i.IssueAPIToken(ctx, c.Principal, c.Principal.Account, Asked{
		Permissions: []string{"package_push", "package_access"}, Description: strings.TrimSpace("image registry " + clip(client)),
	})
	return issued.Token, err
}
