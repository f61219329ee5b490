package snapdevice

import (
	"context"
	"io"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/device"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// Catalog is what this dialect asks about packages and assertions. *catalog.Catalog is one;
// benchmarks put a smaller one in its place, to see the dialect's own cost.
type Catalog interface {
	Resolve(ctx context.Context, a catalog.Asker, ns store.Namespace, wishes []catalog.Wish) ([]catalog.Answer, error)
	Info(ctx context.Context, a catalog.Asker, ns store.Namespace, ref store.Ref, arch string) (*catalog.Snapshot, []store.Listed, error)
	Find(ctx context.Context, a catalog.Asker, ns store.Namespace, q catalog.FindQuery) ([]catalog.Found, error)
	// Count is how many packages Find would find without a limit, counted no
	// further than Find looks.
	Count(ctx context.Context, a catalog.Asker, ns store.Namespace, q catalog.FindQuery) (int, error)
	Categories(ctx context.Context, a catalog.Asker) ([]string, error)
	EachListed(ctx context.Context, a catalog.Asker, ns store.Namespace, q catalog.FindQuery, yield func(catalog.Found) error) error

	Download(ctx context.Context, a catalog.Asker, ns store.Namespace, packageID string, number int) (*catalog.File, error)
	DownloadResource(ctx context.Context, a catalog.Asker, ns store.Namespace, packageID string, pin store.ResourcePin) (*catalog.File, error)
	DownloadDelta(ctx context.Context, a catalog.Asker, ns store.Namespace, packageID, format string, source, target int) (*catalog.File, error)
	Medium(ctx context.Context, packageID string, digest store.Digest) (*catalog.File, error)

	Assertion(ctx context.Context, ref assertion.Ref, maxFormat int) (*assertion.Assertion, error)
	SequenceMember(ctx context.Context, typ *assertion.Type, key []string, number, maxFormat int) (*assertion.Assertion, error)
}

// Devices is what this dialect asks about machines and what they keep.
// *device.Devices is one.
type Devices interface {
	Authenticate(ctx context.Context, header string) (store.Principal, error)
	CohortKey(ctx context.Context, snapID string, now time.Time) (string, error)
	ParseCohort(ctx context.Context, key, snapID string) (device.Cohort, error)
	Nonce(ctx context.Context) (string, error)
	OpenSession(ctx context.Context, r device.SessionRequest) (device.Session, error)
	RequestID(ctx context.Context) (string, error)
	RegisterSerial(ctx context.Context, stream io.Reader) (device.Registration, error)
}

// Users says who has logged in on a device. *identity.Identity is one.
type Users interface {
	// Authenticate fails with kind unauthorised, and with
	// identity.CodeNeedsRefresh where refreshing helps.
	Authenticate(ctx context.Context, e identity.Evidence) (store.Principal, error)
}
