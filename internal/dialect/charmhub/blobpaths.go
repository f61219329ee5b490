package charmhub

import (
	"strconv"
	"strings"
)

// The path of a charm or bundle, as it is offered and as it is asked for:
//
//	/api/v1/charms/download/<package-id>_<revision>.charm
const (
	charmPrefix = "/api/v1/charms/download/"
	charmSuffix = ".charm"
)

func charmPath(packageID string, revision int) string {
	return charmPrefix + packageID + "_" + strconv.Itoa(revision) + charmSuffix
}

// maxFileName bounds what is parsed: an id and a revision.
const maxFileName = 80

// parseCharmFile reads the last element of a charm's path, in its one spelling.
func parseCharmFile(file string) (packageID string, revision int, ok bool) {
	name, is := strings.CutSuffix(file, charmSuffix)
	packageID, number, cut := strings.Cut(name, "_")
	n, err := strconv.ParseInt(number, 10, 32)
	if len(file) > maxFileName || !is || !cut || err != nil || n < 1 || strconv.FormatInt(n, 10) != number {
		return "", 0, false
	}
	return packageID, int(n), true
}
