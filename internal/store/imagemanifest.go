package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"strings"
)

// The media types of manifests that a repository takes.
const (
	MediaDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	MediaDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	MediaOCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	MediaOCIIndex       = "application/vnd.oci.image.index.v1+json"
)

// manifestTypes is the table of them: whether one is a list of manifests.
var manifestTypes = map[string]bool{
	MediaDockerManifest: false, MediaDockerList: true, MediaOCIManifest: false, MediaOCIIndex: true,
}

// The codes of what is wrong with images, which are the registry's in lower case.
const (
	CodeDigestInvalid       = "digest-invalid"
	CodeManifestInvalid     = "manifest-invalid"
	CodeManifestUnknown     = "manifest-unknown"
	CodeManifestBlobUnknown = "manifest-blob-unknown"
	CodeBlobUnknown         = "blob-unknown"
	CodeUploadUnknown       = "blob-upload-unknown"
	CodeUploadInvalid       = "blob-upload-invalid"
	CodeRepositoryUnknown   = "name-unknown"
	CodeTagInvalid          = "tag-invalid"
	CodeManifestPinned      = "manifest-pinned"
)

// Descriptor points at a manifest or a blob.
type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Platform     *struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	} `json:"platform,omitempty"`
}

// ManifestDocument is a manifest as its JSON says.
type ManifestDocument struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *Descriptor       `json:"config"`
	Layers        []Descriptor      `json:"layers"`
	Manifests     []Descriptor      `json:"manifests"`
	Subject       *Descriptor       `json:"subject"`
	Annotations   map[string]string `json:"annotations"`
	// Of the first version of the schema, which is not taken.
	FSLayers json.RawMessage `json:"fsLayers"`
}

// maxArtifactType bounds the media type of an artifact, or of the config that stands
// for it, bytes: it is kept beside the manifest and in every list of referrers.
const maxArtifactType = 255

// maxManifestNesting bounds how deep the JSON of a manifest nests; what is known
// of manifests needs six levels.
const maxManifestNesting = 32

// ReadManifest checks a manifest and says what it holds. contentType is that of
// the request; without one the manifest's own word counts. PushedAt, PushedBy,
// Repo, Blob and Depth are left to the caller.
func ReadManifest(contentType string, body []byte) (m ImageManifest, doc ManifestDocument, err error) {
	if len(body) > MaxManifest {
		return m, doc, TooLargef(CodeManifestInvalid, "a manifest has no more than %d bytes", MaxManifest)
	}
	if nestsDeeper(body, maxManifestNesting) {
		return m, doc, badManifest("it nests deeper than %d levels", maxManifestNesting)
	}
	if err := json.Unmarshal(body, &doc); err != nil || bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
		return m, doc, badManifest("it is no JSON of a manifest").Because(err)
	}
	sum := sha256.Sum256(body)
	m = ImageManifest{Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(body)), Annotations: doc.Annotations}
	if m.MediaType, err = mediaTypeOf(contentType, doc); err != nil {
		return m, doc, err
	}
	size := 0
	for k, v := range doc.Annotations {
		size += len(k) + len(v)
	}
	if size > MaxAnnotations {
		return m, doc, badManifest("its annotations have more than %d bytes", MaxAnnotations)
	}
	if m.Parts, err = partsOf(m.MediaType, doc); err != nil {
		return m, doc, err
	}
	m.ArtifactType = doc.ArtifactType
	if m.ArtifactType == "" && doc.Config != nil {
		m.ArtifactType = doc.Config.MediaType
	}
	if len(m.ArtifactType) > maxArtifactType || strings.ContainsFunc(m.ArtifactType, func(c rune) bool { return unprintable(c, false) }) {
		return m, doc, badManifest("%.100q is no media type of up to %d bytes, for an artifact or its config", m.ArtifactType, maxArtifactType)
	}
	if doc.Subject != nil {
		if err := doc.Subject.check(); err != nil {
			return m, doc, err
		}
		m.Subject = doc.Subject.Digest
	}
	return m, doc, nil
}

func badManifest(format string, args ...any) *Error {
	return Invalidf(CodeManifestInvalid, "cannot take the manifest: "+format, args...)
}

func mediaTypeOf(contentType string, doc ManifestDocument) (string, error) {
	t := doc.MediaType
	if contentType != "" {
		parsed, _, err := mime.ParseMediaType(contentType)
		if err != nil {
			return "", badManifest("its content type cannot be read").Because(err)
		}
		if doc.MediaType != "" && doc.MediaType != parsed {
			return "", badManifest("it was sent as %.100q and says that it is %.100q", parsed, doc.MediaType)
		}
		t = parsed
	}
	if doc.SchemaVersion == 1 || doc.FSLayers != nil || strings.Contains(t, "docker.distribution.manifest.v1+") {
		return "", badManifest("it is of the first version of the schema, which is not taken").
			Try("push it with a client of this decade")
	}
	isList, known := manifestTypes[t]
	switch {
	case t == "":
		return "", badManifest("nothing says what it is").Try("send its media type as Content-Type")
	case !known:
		return "", badManifest("%.100q is no kind of manifest that this store takes", t)
	case doc.SchemaVersion != 2:
		return "", badManifest("its schemaVersion is %d, not 2", doc.SchemaVersion)
	case isList && (doc.Config != nil || doc.Layers != nil):
		return "", badManifest("it is a list of manifests, and has a config or layers")
	case !isList && doc.Manifests != nil:
		return "", badManifest("it is an image, and has a list of manifests")
	case !isList && doc.Config == nil:
		return "", badManifest("it has no config")
	}
	return t, nil
}

// partsOf lists what a manifest needs, each once. Layers that are elsewhere by
// their own word are not needed here.
func partsOf(mediaType string, doc ManifestDocument) (parts []ImagePart, err error) {
	isList := manifestTypes[mediaType]
	all := doc.Manifests
	if !isList {
		all = append([]Descriptor{*doc.Config}, doc.Layers...)
	}
	if len(all) > MaxManifestParts {
		return nil, badManifest("it has %d parts, %d are the most", len(all), MaxManifestParts)
	}
	seen := make(map[string]bool)
	for _, d := range all {
		if err := d.check(); err != nil {
			return nil, err
		}
		elsewhere := !isList && len(d.URLs) > 0 && strings.Contains(d.MediaType, "foreign") ||
			len(d.URLs) > 0 && strings.Contains(d.MediaType, "nondistributable")
		if elsewhere || seen[d.Digest] {
			continue
		}
		seen[d.Digest] = true
		parts = append(parts, ImagePart{d.Digest, isList})
	}
	return parts, nil
}

func (d Descriptor) check() error {
	if !ValidImageDigest(d.Digest) {
		return badManifest("%.100q is no sha256 digest", d.Digest)
	}
	if d.Size < 0 {
		return badManifest("%s has a size of %d", d.Digest, d.Size)
	}
	return nil
}

// Architectures are what the manifests of a list are for, in the words of
// charms, each once and in their order. What is for nothing, such as an
// attestation, is left out.
func (doc ManifestDocument) Architectures() (list []string) {
	seen := make(map[string]bool)
	for _, d := range doc.Manifests {
		if d.Platform == nil {
			continue
		}
		if a := CharmArchitecture(d.Platform.Architecture); a != "" && !seen[a] {
			seen[a] = true
			list = append(list, a)
		}
	}
	return list
}

// goArchitectures are the words of images, which are Go's, where charms have
// others.
var goArchitectures = map[string]string{
	"386": "i386", "arm": "armhf", "ppc64le": "ppc64el", "unknown": "",
}

// CharmArchitecture is what charms call an architecture of images.
func CharmArchitecture(ofImage string) string {
	if other, differs := goArchitectures[ofImage]; differs {
		return other
	}
	return ofImage
}

// CheckImageDigest is ValidImageDigest as an error.
func CheckImageDigest(s string) error {
	if ValidImageDigest(s) {
		return nil
	}
	return Invalidf(CodeDigestInvalid, "%.100q is no digest that this store knows: it takes sha256 followed by 64 digits in lower case", s)
}

// ImageDigest is the digest of an image's part with this SHA-256, in hex.
func ImageDigest(sha256 string) string { return "sha256:" + sha256 }

// SHA256OfImage is the hex part of a digest that ValidImageDigest.
func SHA256OfImage(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

// CheckTag checks the name of a tag.
func CheckTag(name string) error {
	ok := len(name) > 0 && len(name) <= 128 && name[0] != '.' && name[0] != '-'
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-')
	}
	if !ok {
		return Invalidf(CodeTagInvalid, "%.140q is no tag: up to 128 letters, digits, points, dashes and underscores, and neither a point nor a dash first", name)
	}
	return nil
}

// nestsDeeper reports whether JSON nests deeper than a limit.
func nestsDeeper(body []byte, limit int) bool {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

func (r ImageRepo) String() string { return fmt.Sprintf("%s/%s", r.PackageID, r.Resource) }
