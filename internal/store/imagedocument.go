package store

import (
	"encoding/json"
	"regexp"
	"strings"
)

// ImageDocument is what juju downloads for a resource of type oci-image: where
// the image is, and with what to pull it.
type ImageDocument struct {
	Host       string // with a port where it has one; "" is the client's default registry
	Repository string
	Digest     string // of the manifest: "sha256:" and 64 hex digits
	Username   string // empty for an image that everybody may pull
	Password   string
}

// MaxImageDocument bounds the text of an ImageDocument, bytes.
const MaxImageDocument = 64 << 10

// imageReference is the grammar of distribution/reference, which juju reads
// ImageName with, for references that carry a SHA-256. A tag says nothing beside a
// digest, and is not kept.
var imageReference = regexp.MustCompile(`\A(?:(` + registryHost + `)/)?(` +
	repositoryComponent + `(?:/` + repositoryComponent + `)*)(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@(sha256:[0-9a-f]{64})\z`)

const (
	hostLabel    = `(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])`
	registryHost = `(?:` + hostLabel + `(?:\.` + hostLabel + `)*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?`
)

var imageDigest = regexp.MustCompile(`\Asha256:[0-9a-f]{64}\z`)

// ValidImageDigest reports whether digest is the name of a manifest.
func ValidImageDigest(digest string) bool { return imageDigest.MatchString(digest) }

// ParseImageDocument reads the text of an image document. It takes both spellings
// of the keys: ImageName, Username and Password as Charmhub writes them, and
// registrypath, username and password as people do. What else juju understands is
// passed over.
func ParseImageDocument(text []byte) (ImageDocument, error) {
	bad := func(why string) (ImageDocument, error) {
		return ImageDocument{}, Invalidf("invalid-image-document", "cannot read where the image is: %s", why).
			Try(`write it as {"ImageName": "<host>/<repository>@sha256:<digest>", "Username": "…", "Password": "…"}`)
	}
	if len(text) > MaxImageDocument {
		return ImageDocument{}, TooLargef("image-document-too-large", "the document of an image has %d bytes, more than %d",
			len(text), MaxImageDocument)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return bad("it is no JSON object")
	}
	var d ImageDocument
	var name string
	for _, key := range [...]struct {
		to        *string
		spellings [2]string
	}{
		{&name, [2]string{"ImageName", "registrypath"}},
		{&d.Username, [2]string{"Username", "username"}},
		{&d.Password, [2]string{"Password", "password"}},
	} {
		for _, spelling := range key.spellings {
			raw, ok := keys[spelling]
			if !ok {
				continue
			}
			if err := json.Unmarshal(raw, key.to); err != nil {
				return bad(spelling + " is no text")
			}
			break
		}
	}
	if name == "" {
		return bad("it has no ImageName")
	}
	m := imageReference.FindStringSubmatch(name)
	if m == nil || len(m[1])+len("/")+len(m[2]) > maxRepository {
		return bad("ImageName is no reference to an image by its SHA-256")
	}
	d.Host, d.Repository, d.Digest = m[1], m[2], m[3]
	// Without a dot, a port or a capital letter the first component is no host,
	// unless it is localhost.
	if d.Host != "" && d.Host != "localhost" && !strings.ContainsAny(d.Host, ".:") && d.Host == strings.ToLower(d.Host) {
		d.Host, d.Repository = "", d.Host+"/"+d.Repository
	}
	return d, nil
}

// BuildImageDocument writes the document of an image as Charmhub does. The same
// arguments give the same bytes for ever: clients compare them with a digest that
// they were told before.
func BuildImageDocument(host, repository, digest, username, password string) []byte {
	name := repository + "@" + digest
	if host != "" {
		name = host + "/" + name
	}
	var b strings.Builder
	b.WriteString(`{"ImageName":`)
	b.Write(jsonText(name))
	b.WriteString(`,"Password":`)
	b.Write(jsonText(password))
	b.WriteString(`,"Username":`)
	b.Write(jsonText(username))
	b.WriteString("}")
	return []byte(b.String())
}

func jsonText(s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic("cannot write text as JSON: " + err.Error()) // texts always can
	}
	return text
}
