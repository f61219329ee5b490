package snapdevice

import (
	"strconv"
	"strings"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// The paths of blobs, as they are offered and as they are asked for:
//
//	/api/v1/snaps/download/<snap-id>_<revision>.snap
//	/api/v1/snaps/download/<snap-id>_<source>_<target>_<format>.delta
//	/api/v1/snaps/download/<snap-id>.<component>_<revision>.comp
//	/api/v1/snaps/media/<snap-id>/<digest>
const (
	downloadPrefix = "/api/v1/snaps/download/"
	mediaPrefix    = reply.MediaPrefix

	snapSuffix      = ".snap"
	deltaSuffix     = ".delta"
	componentSuffix = ".comp"
)

func snapPath(packageID string, revision int) string {
	return downloadPrefix + packageID + "_" + strconv.Itoa(revision) + snapSuffix
}

func deltaPath(d store.Delta) string {
	return downloadPrefix + d.PackageID + "_" + strconv.Itoa(d.Source) + "_" + strconv.Itoa(d.Target) + "_" + d.Format + deltaSuffix
}

func componentPath(packageID string, pin store.ResourcePin) string {
	return downloadPrefix + packageID + "." + pin.Name + "_" + strconv.Itoa(pin.Revision) + componentSuffix
}

// download is what a file name of the download path asks for.
type download struct {
	packageID string
	revision  int    // of the snap; target of a delta
	source    int    // of a delta
	format    string // of a delta; "" when it is none
	component string // "" when it is none
}

// maxFileName bounds what is parsed: an id, a component's name, two revisions.
const maxFileName = 160

// parseDownload reads the last element of a download path.
func parseDownload(file string) (d download, ok bool) {
	if len(file) > maxFileName {
		return d, false
	}
	if name, is := strings.CutSuffix(file, snapSuffix); is {
		parts := strings.Split(name, "_")
		return download{packageID: parts[0], revision: revisionOf(parts, 1)}, len(parts) == 2 && revisionOf(parts, 1) > 0
	}
	if name, is := strings.CutSuffix(file, deltaSuffix); is {
		parts := strings.SplitN(name, "_", 4)
		if len(parts) != 4 || parts[3] == "" {
			return d, false
		}
		d = download{packageID: parts[0], source: revisionOf(parts, 1), revision: revisionOf(parts, 2), format: parts[3]}
		return d, d.source > 0 && d.revision > 0
	}
	if name, is := strings.CutSuffix(file, componentSuffix); is {
		packageID, rest, dot := strings.Cut(name, ".")
		parts := strings.Split(rest, "_")
		if !dot || len(parts) != 2 || parts[0] == "" {
			return d, false
		}
		d = download{packageID: packageID, component: parts[0], revision: revisionOf(parts, 1)}
		return d, d.revision > 0
	}
	return d, false
}

// revisionOf reads parts[i] in its one spelling, or returns 0.
func revisionOf(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, err := strconv.ParseInt(parts[i], 10, 32)
	if err != nil || strconv.FormatInt(n, 10) != parts[i] {
		return 0
	}
	return int(n)
}
