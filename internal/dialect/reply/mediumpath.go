package reply

import "github.com/larder-store/larder/internal/store"

// MediaPrefix is where the pictures of packages are, whichever dialect names them:
// <prefix><package-id>/<digest>.
const MediaPrefix = "/api/v1/snaps/media/"

// MediumPath is where one picture is.
func MediumPath(packageID string, digest store.Digest) string {
	return MediaPrefix + packageID + "/" + digest.Hex()
}
