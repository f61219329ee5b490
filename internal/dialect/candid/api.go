package candid

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
)

// Options are what the API is made of. Identity is required.
type Options struct {
	Identity *identity.Identity

	// BaseURL is the store's own URL as the asking client reaches it, without a
	// path. Default: the scheme and Host of the request.
	BaseURL func(*http.Request) string

	// ReturnTo lists the web sites that may send their users here to log in: the
	// URLs to return to begin with one of them. Default: none.
	ReturnTo func(context.Context) ([]string, error)

	// Wait is how long a client that waits for a login is kept. Default: 50
	// seconds, which is under what proxies put up with.
	Wait time.Duration

	// Stopping is closed when the server is about to stop: who waits then is
	// told to come back, so that it need not wait for them. Default: never.
	Stopping <-chan struct{}
}

type api struct {
	Options
}

const root = "/identity"

// Where the API hangs.
var Under = []string{root}

// BodyLimit bounds the bodies of requests, bytes. The largest is a form with a
// token in it.
const BodyLimit = 64 << 10

// New returns the handler of every path under /identity.
func New(o Options) http.Handler {
	a := &api{o}
	if a.BaseURL == nil {
		a.BaseURL = reply.RequestBase
	}
	if a.ReturnTo == nil {
		a.ReturnTo = func(context.Context) ([]string, error) { return nil, nil }
	}
	if a.Wait == 0 {
		a.Wait = 50 * time.Second
	}
	table := reply.Routes(Errors, a.routes())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, BodyLimit)
		table.ServeHTTP(w, reply.WithoutFinalSlash(r))
	})
}

// routes is every path of the service.
func (a *api) routes() []reply.Route {
	return slices.Concat(
		a.dischargeRoutes(), a.waitRoutes(), a.loginRoutes(), a.formRoutes(), a.agentRoutes(), a.pageRoutes(),
		a.redirectRoutes(), a.userRoutes(), a.federatedRoutes(),
	)
}

// Patterns lists every route of the service.
func Patterns() []string { return reply.Patterns((&api{}).routes()) }

// url is where a path of this service is, as the client reaches it.
func (a *api) url(r *http.Request, path string) string {
	return strings.TrimSuffix(a.BaseURL(r), "/") + root + path
}
