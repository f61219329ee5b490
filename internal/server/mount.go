package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/dialect/reply"
)

// Mount hangs a handler, usually a dialect, at its paths. Two mounts may not
// claim the same path; a longer path wins over a shorter one that holds it.
type Mount struct {
	// Name is what metrics and logs call it, such as "snapdevice".
	Name string

	// Under are paths that are the handler's with everything below them:
	// "/v2/snaps" holds "/v2/snaps", "/v2/snaps/" and "/v2/snaps/find", and not
	// "/v2/snapshots".
	Under []string

	// Exactly are paths that are the handler's without what is below them.
	Exactly []string

	// Handler sees the request with its whole path, and with the body limited.
	// It answers what it does not know itself, see reply.Routes.
	Handler http.Handler

	// BodyLimit bounds the request's body in bytes; Options.BodyLimit if zero,
	// no bound if negative (the handler then sets its own).
	BodyLimit int64

	// Errors is how the server's own errors look here (too large, overloaded,
	// internal); the shape of the nearest prefix if nil.
	Errors reply.Shape
}

// errorShapes is what an error looks like where no mount says otherwise: the
// longest prefix wins.
var errorShapes = []struct {
	under string
	shape reply.Shape
}{
	{"/", reply.ErrorList},
	{"/dev/api", reply.DashboardErrorList},
	{"/unscanned-upload", reply.DashboardErrorList},
	{"/charmstore", reply.CharmStoreError},
	{"/v2/_catalog", reply.RegistryErrors},
	{"/v2/token", reply.RegistryErrors},
	{"/v2/charm", reply.RegistryErrors},
}

// gatewayPrefix is put before publisher paths by clients that reach them
// through the public store's gateway.
const gatewayPrefix = "/publishergw"

// gatewayPaths are what is served below gatewayPrefix too. snapcraft validate
// asks for snap information there.
var gatewayPaths = []string{"/v1", "/dev/api", "/api/v2", "/unscanned-upload", "/v2/snaps/info"}

// mounted is a Mount with what the server keeps for it.
type mounted struct {
	Mount
	metrics mountMetrics
}

// table finds the mount of a path.
type table struct {
	exactly map[string]*mounted
	under   []place // longest path first
}

type place struct {
	path  string
	mount *mounted
}

// newTable panics on mounts that contradict each other: a defect of the
// program, found as it starts.
func newTable(mounts []*mounted) *table {
	t := &table{exactly: make(map[string]*mounted)}
	seen := make(map[string]string)
	claim := func(path, key string, m *mounted) {
		if !strings.HasPrefix(path, "/") {
			panic(fmt.Sprintf("server: mount %s: path %q does not begin with a slash", m.Name, path))
		}
		if owner, taken := seen[key]; taken {
			panic(fmt.Sprintf("server: %s and %s both claim %s", owner, m.Name, path))
		}
		seen[key] = m.Name
	}
	for _, m := range mounts {
		for _, path := range m.Exactly {
			claim(path, path+" exactly", m)
			t.exactly[path] = m
		}
		for _, path := range m.Under {
			trimmed := strings.TrimSuffix(path, "/") // "" for "/", which holds all
			claim(path, trimmed+" and below", m)
			t.under = append(t.under, place{trimmed, m})
		}
	}
	slices.SortStableFunc(t.under, func(a, b place) int { return len(b.path) - len(a.path) })
	return t
}

// find returns the mount of an escaped path, or nil.
func (t *table) find(path string) *mounted {
	if m := t.exactly[path]; m != nil {
		return m
	}
	for _, p := range t.under {
		if isUnder(p.path, path) {
			return p.mount
		}
	}
	return nil
}

func isUnder(prefix, path string) bool {
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}

// shapeOf returns the error shape of the nearest prefix.
func shapeOf(path string) reply.Shape {
	var shape reply.Shape
	longest := -1
	for _, row := range errorShapes {
		prefix := strings.TrimSuffix(row.under, "/")
		if len(prefix) > longest && isUnder(prefix, path) {
			shape, longest = row.shape, len(prefix)
		}
	}
	if shape == nil {
		return reply.ErrorList
	}
	return shape
}

// cutGateway returns r as the routes know it: without gatewayPrefix where it
// has it and the rest is served there.
func cutGateway(r *http.Request) *http.Request {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), gatewayPrefix)
	if !ok || !slices.ContainsFunc(gatewayPaths, func(prefix string) bool { return isUnder(prefix, rest) }) {
		return r
	}
	cut := *r
	url := *r.URL
	url.Path = strings.TrimPrefix(url.Path, gatewayPrefix)
	url.RawPath = strings.TrimPrefix(url.RawPath, gatewayPrefix)
	cut.URL = &url
	return &cut
}
