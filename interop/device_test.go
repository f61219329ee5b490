// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"testing"

	"github.com/larder-store/larder/internal/testservice"
	"github.com/larder-store/larder/interop/harness"
)

// places are the ways to keep a larder's data. Everything a device sees must
// be the same on each.
var places = []struct {
	name string
	at   func(testing.TB) harness.Place
}{
	{"sqlite-file", func(testing.TB) harness.Place {
		return harness.Place{}
	}},
	{"sqlite-s3", func(t testing.TB) harness.Place {
		return harness.Place{Blobs: testservice.S3(t)}
	}},
	{"postgresql-file", func(t testing.TB) harness.Place {
		return harness.Place{DB: testservice.PostgreSQL(t)}
	}},
	{"postgresql-s3", func(t testing.TB) harness.Place {
		return harness.Place{DB: testservice.PostgreSQL(t), Blobs: testservice.S3(t)}
	}},
}

// scenarios are what snapd does to a store. Each one leaves the shelf of the
// shared snaps as it found it; those that push more bring snaps of their own.
var scenarios = []struct {
	name string
	run  func(*testing.T, *shop)
}{
	{"device session", deviceSession},
	{"device session is renewed when the store refuses it", deviceSessionRenewal},
	{"device session for a serial signed by a stranger is refused", deviceSessionForged},
	{"device session for a replayed nonce is refused", deviceSessionReplay},
	{"device session for a stale request is refused", deviceSessionStale},
	{"device registration", deviceRegistration},
	{"device registration that is refused", deviceRegistrationRefused},
	{"device behind a proxy store", proxyStore},

	{"info of a snap", infoHit},
	{"info of a missing snap", infoMiss},
	{"existence of a snap", exists},
	{"find by query", findQuery},
	{"find by prefix", findPrefix},
	{"find by category", findCategory},
	{"find by common id", findCommonID},
	{"find shows what only riskier channels hold when asked widely", findWide},
	{"find of nothing", findMiss},
	{"sections", sections},
	{"names", names},
	{"connectivity check", connectivity},
	{"icon", icon},

	{"install by channel", installByChannel},
	{"install by revision", installByRevision},
	{"install of a missing snap", installMissing},
	{"install of a missing revision", installMissingRevision},
	{"install on a bad channel", installBadChannel},
	{"install on the wrong architecture", installWrongArchitecture},
	{"install of several snaps reports each one's fate", installSeveral},
	{"install obeys an override", installOverridden},
	{"install ignores a progressive release", installProgressive},
	{"install is sent to the default track", installDefaultTrack},
	{"install within a cohort", installCohort},
	{"install within an invalid cohort", installBadCohort},

	{"download of a snap that its assertions vouch for", downloadVerified},
	{"download resumes a partial file", downloadResume},
	{"download restarts when the partial file is wrong", downloadRestart},
	{"download of a range", downloadRange},
	{"download of a delta", downloadDelta},

	{"refresh with nothing new", refreshNothing},
	{"refresh to a new revision", refreshNew},
	{"refresh to another channel", refreshSwitch},
	{"refresh to a revision pushed while serving", refreshLive},
	{"refresh from one epoch to the next", refreshEpochs},
	{"refresh of an unknown snap", refreshUnknown},
	{"refresh by the scheduler of parallel instances", refreshScheduled},

	{"assertion by key", assertionHit},
	{"assertion by a missing key", assertionMiss},
	{"assertions in bulk", assertionsBulk},
	{"assertions in bulk when nothing is newer", assertionsBulkCurrent},
	{"assertions in bulk with one missing", assertionsBulkMiss},
	{"assertions in bulk together with an install", assertionsWithInstall},
	{"validation set by sequence", validationSetBySequence},
	{"validation set by its full key", validationSetByKey},
	{"validation set at its latest", validationSetLatest},
	{"validation set that is missing", validationSetMiss},
	{"validation sets in bulk", validationSetsBulk},
	{"repairs", repairs},

	{"brand store with access", brandStoreAccess},
	{"brand store without access", brandStoreNoAccess},
	{"brand store with another brand's model", brandStoreForeignModel},
	{"brand store by name only", brandStoreNameOnly},
}

func TestSnapdStore(t *testing.T) {
	t.Parallel()
	for _, place := range places {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, place.at(t))
			for _, scenario := range scenarios {
				t.Run(scenario.name, func(t *testing.T) { scenario.run(t, s) })
			}
		})
	}
}
