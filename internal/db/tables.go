package db

// table is one table of the database, as a dump holds it.
type table struct {
	name string
	// identity is the column that the database numbers by itself, if any.
	identity string
	// order makes dumps of the same content equal.
	order string
	// derived columns and tables are made from others and left out of dumps.
	derived []string
}

// tables lists every table in an order in which rows can be inserted: a table
// stands below those it points at.
var tables = []table{
	{name: "accounts", order: "id"},
	{name: "stores", order: "id"},
	{name: "store_includes", order: "store_id, included_id"},
	{name: "store_packages", order: "store_id, package_id"},
	{name: "packages", order: "id"},
	{name: "tracks", order: "package_id, name"},
	{name: "categories", order: "name"},
	{name: "package_categories", order: "package_id, category"},
	{name: "blobs", order: "sha3_384"},
	{name: "package_media", order: "package_id, position"},
	{name: "revisions", order: "package_id, number"},
	{name: "resource_revisions", order: "package_id, name, revision"},
	{name: "releases", order: "seq", identity: "seq"},
	{name: "release_resources", order: "release_seq, name"},
	{name: "overrides", order: "package_id, track, risk, branch, architecture"},
	{name: "deltas", order: "package_id, format, source, target"},
	{name: "assertions", order: "type, primary_key, format"},
	{name: "trust_anchors", order: "account_id, key_id"},
	{name: "signing_keys", order: "key_id"},
	{name: "settings", order: "key"},
	{name: "nonces", order: "nonce"},
	{name: "devices", order: "brand, model, serial"},
	{name: "changes", order: "seq", identity: "seq"},
	{name: "search_documents", order: "package_id", identity: "document", derived: []string{"document", "words"}},
	{name: "package_common_ids", order: "package_id, common_id"},
}
