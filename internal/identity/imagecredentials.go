package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// The user names that come with the registry's passwords. Nobody looks at them:
// some clients send the password in both places.
const (
	UploadUser = "docker-uploader"
	PullUser   = "docker-registry"
)

// uploadCredentialsLife is how long somebody has to push an image.
const uploadCredentialsLife = 6 * time.Hour

// underSession begins the Method of a session's row that ends with another.
const underSession = "session "

// UploadCredentials makes what pushes images of one resource, and pulls them,
// for some hours. It ends with whatever whoever asks has shown. It needs
// PermPush on the package.
func (i *Identity) UploadCredentials(ctx context.Context, who store.Principal, repo store.ImageRepo) (user string, password Secret, err error) {
	if err := who.Need(store.PermPush); err != nil {
		return "", password, err
	}
	if who.Account == "" {
		return "", password, store.Forbiddenf(store.CodePermission, "only an account may do this")
	}
	if _, err := store.ImageRepository(repo.PackageID, repo.Resource); err != nil || clip(repo.String()) != repo.String() {
		return "", password, store.Invalidf("invalid-charm-resource", "no repository can be named after the resource %.100q", repo.Resource).Because(err)
	}
	err = i.db.View(ctx, func(tx *db.Tx) error {
		pkg, err := tx.Package(repo.PackageID)
		if err != nil {
			return err
		}
		return who.NeedImage(pkg, repo.Resource, true)
	})
	if err != nil {
		return "", password, err
	}
	u, err := i.User(ctx, who.Account)
	if err != nil {
		return "", password, err
	}
	n := newToken{
		kind: KindImageUpload, user: u, client: repo.String(), description: "upload of images",
		limits: []credential.Limits{{
			Permissions: []string{"package_push"}, Packages: []store.PackageLimit{{ID: repo.PackageID}},
		}},
		method: "password", lastAuth: later(i.now(), u.SessionsValidAfter), expires: i.now().Add(uploadCredentialsLife),
	}
	if !who.Expires.IsZero() {
		n.expires = earlier(n.expires, who.Expires)
	}
	if who.Session != "" {
		parent, err := i.session(ctx, who.Session)
		if err != nil {
			return "", password, err
		}
		n.method, n.lastAuth = underSession+parent.ID, parent.LastAuth
	}
	issued, err := i.issue(ctx, who.Name, n)
	return UploadUser, issued.Token, err
}

// limitToImages narrows what upload credentials may do to their repository, as
// long as the session that asked for them stands.
func limitToImages(tx *db.Tx, w *Who) error {
	id, resource, ok := strings.Cut(w.Session.Client, "/")
	if !ok {
		return errRow
	}
	w.Principal.Limits = append(w.Principal.Limits, store.Limits{
		Images: []store.ImageRepo{{PackageID: id, Resource: resource}},
	})
	return parentStands(tx, w.Session)
}

func parentStands(tx *db.Tx, s store.Session) error {
	id, has := strings.CutPrefix(s.Method, underSession)
	if !has {
		return nil
	}
	parent, err := tx.Session(id)
	if err == nil {
		_, err = vouched(tx, parent)
	}
	return err
}

// PullCredentials returns what pulls the images of one resource. It is the same
// text each time, on every node and after every restart, until the package's pull
// credentials are revoked: it stands in documents whose digests clients check, and
// clusters pull with it whenever a pod moves. Whoever may see those documents may
// have it, which is for the caller to know.
func (i *Identity) PullCredentials(ctx context.Context, repo store.ImageRepo) (user string, password Secret, err error) {
	k, err := i.keysFor(ctx, PurposeImagePull)
	if err != nil {
		return "", password, err
	}
	generation, err := i.pullGeneration(ctx, repo.PackageID)
	if err != nil {
		return "", password, err
	}
	return PullUser, pullPassword(k.pulls[0], repo, generation), nil
}

func (i *Identity) pullGeneration(ctx context.Context, packageID string) (n int64, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		n, err = tx.ImageGeneration(packageID)
		return err
	})
	return n, err
}

// pullPrefix begins every pull password. What follows is base64url of
//
//	1 byte    the form, 1
//	varint    how often the package's pull credentials had been revoked
//	1 byte    length of the package's id
//	          the package's id, then the resource's name
//	32 bytes  HMAC-SHA256 of all before, under a key of PurposeImagePull
const pullPrefix = "lrdpull-"

const pullForm = 1

func pullPassword(key Secret, repo store.ImageRepo, generation int64) Secret {
	b := []byte{pullForm}
	b = binary.AppendUvarint(b, uint64(generation))
	b = append(b, byte(len(repo.PackageID)))
	b = append(b, repo.PackageID...)
	b = append(b, repo.Resource...)
	b = append(b, pullMAC(key, b)...)
	return NewSecret(pullPrefix + base64.RawURLEncoding.EncodeToString(b))
}

func pullMAC(key Secret, text []byte) []byte {
	h := hmac.New(sha256.New, []byte(key.Reveal()))
	h.Write([]byte("larder image pull password\x00"))
	h.Write(text)
	return h.Sum(nil)
}

// maxPullPassword bounds what is decoded, bytes.
const maxPullPassword = 1024

// readPullPassword says which repository a password pulls from, by any of the
// keys.
func readPullPassword(keys []Secret, password string) (repo store.ImageRepo, generation int64, ok bool) {
	text, isPull := strings.CutPrefix(password, pullPrefix)
	if !isPull || len(text) > maxPullPassword {
		return repo, 0, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < sha256.Size || b[0] != pullForm {
		return repo, 0, false
	}
	signed, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	proven := false
	for _, key := range keys {
		proven = proven || hmac.Equal(mac, pullMAC(key, signed))
	}
	if !proven {
		return repo, 0, false
	}
	n, used := binary.Uvarint(signed[1:])
	rest := signed[1+max(used, 0):]
	if used <= 0 || len(rest) < 1 || len(rest) < 1+int(rest[0]) {
		return repo, 0, false
	}
	id := int(rest[0])
	return store.ImageRepo{PackageID: string(rest[1 : 1+id]), Resource: string(rest[1+id:])}, int64(n), true
}
