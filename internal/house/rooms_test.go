package house

// room is a directory of this module with everything below it, and what its
// shipped code may import of this module besides itself. A last element "*"
// makes every directory at that place a room of its own.
type room struct {
	dir       string
	mayImport []string
}

// rooms is the house. Arrows run one way:
//
//	cli, server, web → dialect
//	→ catalog, identity, delta, device, settings, transfer, upkeep, upstream
//	→ authority, inspect, blob, db → store
//
// with assertion beside store at the ground, and client beside them all.
// Tests are freer (see checkArrows): they wire real databases and files.
var rooms = []room{
	// The way in.
	{"cmd/larder", []string{"internal/cli"}},
	{"internal/cli", []string{"assertion", "client", "roots", "internal/*", "internal/dialect/*"}},
	{"internal/server", append([]string{"internal/web", "internal/dialect/*", "internal/store"}, useCases...)},
	{"internal/web", append([]string{"assertion", "internal/store"}, useCases...)},

	// One room per wire API. What two of them need is a use case, or lies in
	// reply, which knows JSON and HTTP only, or in gateway, which is the part of
	// one API that there is for snaps and for charms.
	{"internal/dialect/reply", []string{"internal/store"}},
	{"internal/dialect/gateway", []string{"internal/dialect/reply", "internal/catalog", "internal/store"}},
	{"internal/dialect/publishertest", append([]string{"internal/dialect/reply", "internal/identity", "internal/catalog"}, infrastructure...)}, // for tests only
	{"internal/dialect/*", append([]string{
		"internal/dialect/reply", "internal/dialect/gateway", "internal/authority", "internal/blob", "assertion", "internal/store",
	}, useCases...)},

	// The use cases. Among themselves they need each other only where a row
	// says so.
	{"internal/catalog", infrastructure},
	{"internal/identity", infrastructure},
	{"internal/delta", infrastructure},
	{"internal/device", infrastructure},
	{"internal/settings", infrastructure},
	{"internal/transfer", append([]string{"internal/catalog"}, infrastructure...)},
	{"internal/upkeep", append([]string{"internal/catalog", "internal/delta", "internal/settings"}, infrastructure...)},
	{"internal/upstream", append([]string{"client"}, infrastructure...)},

	// The infrastructure: no room of it knows another.
	{"internal/authority", []string{"assertion", "roots", "internal/store"}},
	{"internal/inspect", []string{"internal/store"}},
	{"internal/blob", []string{"internal/store"}},
	{"internal/db", []string{"assertion", "internal/store"}},

	// The ground.
	{"internal/store", nil},
	{"assertion", nil},
	{"roots", nil},

	// For those who never run the server.
	{"client", []string{"assertion"}},

	// For tests only.
	{"internal/testservice", nil},
	{"internal/e2e", nil},
	{"internal/house", nil},
}

var useCases = []string{
	"internal/catalog", "internal/identity", "internal/delta", "internal/device", "internal/settings",
	"internal/transfer", "internal/upkeep", "internal/upstream",
}

// infrastructure is what a use case stands on, the ground included.
var infrastructure = []string{
	"internal/authority", "internal/inspect", "internal/blob", "internal/db", "assertion", "internal/store",
}

// testsOnly are the rooms that shipped code never imports, cli included.
var testsOnly = []string{"internal/testservice", "internal/e2e", "internal/house"}

// standardLibraryOnly are the rooms that import no module but the standard
// library and those listed.
var standardLibraryOnly = map[string][]string{
	"internal/store": nil,
	"assertion":      {"github.com/ProtonMail/go-crypto"},
	"roots":          nil,
}

// fences name packages from outside that only the listed rooms may import.
var fences = []struct {
	outside string // an import path and everything below it
	rooms   []string
}{
	{"database/sql", []string{"internal/db", "internal/testservice"}},
	{"github.com/jackc/pgx", []string{"internal/db", "internal/testservice"}},
	{"modernc.org/sqlite", []string{"internal/db"}},
	{"github.com/pressly/goose", []string{"internal/db"}},
	{"github.com/minio/minio-go", []string{"internal/blob", "internal/testservice"}},
	{"github.com/spf13/cobra", []string{"internal/cli"}},
}
