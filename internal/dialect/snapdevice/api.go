package snapdevice

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// StoreVersion is the Snap-Store-Version of every answer: the version of the
// public store whose behaviour this is. Clients fall back to older protocols
// below 55, and to the oldest without the header.
const StoreVersion = "69"

// Content types are exact: snapd compares them as strings.
const (
	contentHAL       = "application/hal+json"
	contentProblem   = "application/problem+json"
	contentAssertion = "application/x.ubuntu.assertion"
)

// Options are what the API is made of. Catalog and Devices are required.
type Options struct {
	Catalog Catalog
	Devices Devices

	// Users are those who log in on devices. Default: nobody does.
	Users Users

	// BaseURL is the store's own URL as the asking client reaches it, without
	// a path: what download, stream and media URLs begin with. Default: the
	// scheme and Host of the request.
	BaseURL func(*http.Request) string

	// StoreAssertions returns what a device acknowledges before it uses this
	// store as its proxy, as one stream that needs nothing besides, and the id
	// of the store it names. Default: there is nothing to acknowledge.
	StoreAssertions func(context.Context) (stream []byte, storeID string, err error)

	// Seen, if set, is told what a device has that proves who it is, each time it
	// asks what to have. It must be quick, and copy what it keeps: the texts and
	// the list are used again. Default: nobody is told.
	Seen func(d store.DeviceID, architecture, userAgent string, has []store.Installed)

	Now func() time.Time // default: time.Now
}

type api struct {
	catalog         Catalog
	devices         Devices
	users           Users
	baseURL         func(*http.Request) string
	storeAssertions func(context.Context) ([]byte, string, error)
	seen            func(store.DeviceID, string, string, []store.Installed)
	now             func() time.Time
	memory          wire.Memory
}

// New returns the handler of every path in the table of routes.
func New(o Options) http.Handler {
	a := &api{
		catalog: o.Catalog, devices: o.Devices, users: o.Users,
		baseURL: o.BaseURL, storeAssertions: o.StoreAssertions, seen: o.Seen, now: o.Now, memory: wire.NewMemory(),
	}
	if a.baseURL == nil {
		a.baseURL = reply.RequestBase
	}
	if a.storeAssertions == nil {
		a.storeAssertions = nothingToAcknowledge
	}
	if a.now == nil {
		a.now = time.Now
	}
	routes := reply.Routes(reply.ErrorList, a.routes())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Snap-Store-Version"] = storeVersion
		if len(r.Header["Authorization"]) > 0 {
			w.Header()["Cache-Control"] = onlyForAsker
		}
		routes.ServeHTTP(w, r)
	})
}

var (
	storeVersion = []string{StoreVersion}
	// onlyForAsker is for answers that a user's login may have had a part in.
	onlyForAsker = []string{"private"}
)

// Where the API hangs: paths that are its own with all below them, and single
// ones.
var (
	Under = []string{
		"/v2/snaps", "/v2/assertions", "/v2/repairs", "/repairs", "/api/v1/snaps",
	}
	Exactly = []string{
		"/v2/cohorts", "/v2/messages", "/v2/auth/store/assertions", "/v1/request-id", "/v1/serial",
	}
)

// Patterns lists every route of the API.
func Patterns() []string { return reply.Patterns((&api{}).routes()) }

// routes is every path of the API.
func (a *api) routes() []reply.Route {
	return []reply.Route{
		// What to have.
		{Pattern: "POST /v2/snaps/refresh", Handle: a.refresh},
		{Pattern: "GET /v2/snaps/info/{name}", Handle: a.info},
		{Pattern: "GET /v2/snaps/find", Handle: a.find},
		{Pattern: "GET /v2/snaps/categories", Handle: a.categories},
		{Pattern: "POST /v2/cohorts", Handle: a.cohorts},

		// What to believe. A type's name never begins with a tilde.
		{Pattern: "GET /v2/assertions/{type}/{key...}", Handle: a.assertion},
		{Pattern: "GET " + streamPath, Handle: a.assertionStream},
		{Pattern: "GET /api/v1/snaps/assertions/{type}/{key...}", Handle: a.assertionV1},
		{Pattern: "GET /v2/auth/store/assertions", Handle: a.acknowledged},
		{Pattern: "GET /v2/repairs/{brand}/{number}", Handle: a.repair},
		{Pattern: "GET /repairs/{brand}/{number}", Handle: a.repair},

		// The bytes.
		{Pattern: "GET " + downloadPrefix + "{file}", Handle: a.download},
		{Pattern: "GET " + mediaPrefix + "{id}/{digest}", Handle: a.medium},

		// The catalog as older clients and web tools read it.
		{Pattern: "GET /api/v1/snaps/search", Handle: a.searchV1},
		{Pattern: "GET /api/v1/snaps/sections", Handle: a.sectionsV1},
		{Pattern: "GET /api/v1/snaps/names", Handle: a.namesV1},
		{Pattern: "GET /api/v1/snaps/details/{name}", Handle: a.detailsV1},
		{Pattern: "POST /api/v1/snaps/metadata", Handle: a.metadataV1},

		// Who asks. A device service has the last two under /v1.
		{Pattern: "POST /api/v1/snaps/auth/nonces", Handle: a.nonces},
		{Pattern: "POST /api/v1/snaps/auth/sessions", Handle: a.sessions},
		{Pattern: "POST /api/v1/snaps/auth/request-id", Handle: a.requestID},
		{Pattern: "POST /api/v1/snaps/auth/devices", Handle: a.serial},
		{Pattern: "POST /v1/request-id", Handle: a.requestID},
		{Pattern: "POST /v1/serial", Handle: a.serial},

		// What this store has none of.
		{Pattern: "POST /v2/messages", Handle: a.messages},
		{Pattern: "GET /api/v1/snaps/purchases/orders", Handle: a.orders},
		{Pattern: "POST /api/v1/snaps/purchases/buy", Handle: noPurchases},
		{Pattern: "GET /api/v1/snaps/purchases/customers/me", Handle: noPurchases},
	}
}

// base is the store's own URL, without a slash at its end.
func (a *api) base(r *http.Request) string { return strings.TrimSuffix(a.baseURL(r), "/") }

// jsonBase is base as it stands within a JSON string.
func (a *api) jsonBase(r *http.Request) string {
	base := a.base(r)
	for i := range len(base) {
		if c := base[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return string(wire.AppendEscaped(nil, base))
		}
	}
	return base
}
