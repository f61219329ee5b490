package store

import "time"

// ImageRepo is where the images of one resource of a charm are.
type ImageRepo struct {
	PackageID string
	Resource  string
}

// ImageManifest is what the catalog knows of a manifest besides its bytes: an
// image, or a list of manifests for several platforms.
type ImageManifest struct {
	Repo         ImageRepo         `json:"-"`
	Digest       string            `json:"digest"` // "sha256:…", the manifest's name
	MediaType    string            `json:"media-type"`
	ArtifactType string            `json:"artifact-type,omitempty"`
	Subject      string            `json:"subject,omitempty"` // digest of the manifest that this one is about
	Annotations  map[string]string `json:"annotations,omitempty"`
	Blob         Digest            `json:"sha3-384"`
	Size         int64             `json:"size"` // bytes
	// Depth is 1 of an image, and one more than the deepest of its parts of a
	// list.
	Depth    int         `json:"-"`
	Parts    []ImagePart `json:"-"`
	PushedAt time.Time   `json:"pushed-at"`
	PushedBy string      `json:"pushed-by"`
}

// ImagePart is what a manifest cannot do without: another manifest, or a blob.
type ImagePart struct {
	Digest   string
	Manifest bool
}

// ImageTag is a name for a manifest, which may move.
type ImageTag struct {
	Name      string    `json:"name"`
	Digest    string    `json:"digest"`
	UpdatedAt time.Time `json:"updated-at"`
	UpdatedBy string    `json:"updated-by"`
}

// ImageUpload is a blob on its way into a repository. Its pieces are blobs of
// their own, one after the other, so that any node goes on with it.
type ImageUpload struct {
	ID        string
	Repo      ImageRepo
	Actor     string // whose it is, as Principal.Name
	StartedAt time.Time
	UpdatedAt time.Time
	Pieces    []ImagePiece
}

// ImagePiece is a part of an upload.
type ImagePiece struct {
	Offset int64 // bytes
	Blob   Blob
}

// Size is how much of the upload is here, bytes.
func (u ImageUpload) Size() int64 {
	if len(u.Pieces) == 0 {
		return 0
	}
	last := u.Pieces[len(u.Pieces)-1]
	return last.Offset + last.Blob.Size
}

// Bounds of what a repository of images takes.
const (
	MaxManifest      = 4 << 20 // bytes
	MaxManifestDepth = 4       // of lists within lists, the images counted
	MaxManifestParts = 1000
	MaxAnnotations   = 64 << 10 // bytes of a manifest's own, names and values
	MaxTags          = 10_000   // of a repository
	MaxManifests     = 20_000   // of a repository
	MaxImageRepos    = 100      // of a package
	MaxImageUploads  = 100      // of one account, at a time
	MaxImagePieces   = 4096     // of one upload
	MaxLooseBlobs    = 2000     // of a repository, that no manifest refers to yet
)

// MinImagePiece is what a piece of an upload should hold at least, bytes, so that
// the largest upload takes no more pieces than there may be.
const MinImagePiece = 4 << 20

// ImageIdle is how long an upload may stand still before another of the same
// account may take its place.
const ImageIdle = time.Hour
