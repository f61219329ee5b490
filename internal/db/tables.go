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
	{name: "users", order: "account_id"},
	{name: "user_keys", order: "kind, key"},
	{name: "token_keys", order: "id"},
	{name: "sessions", order: "id"},
	{name: "attempts", order: "key"},
	{name: "visits", order: "id"},
	{name: "stores", order: "id"},
	{name: "store_includes", order: "store_id, included_id"},
	{name: "store_packages", order: "store_id, package_id"},
	{name: "packages", order: "id"},
	{name: "tracks", order: "package_id, name"},
	{name: "collaborators", order: "package_id, account_id"},
	{name: "collaborator_invites", order: "token"},
	{name: "guardrails", order: "package_id, pattern"},
	{name: "store_members", order: "store_id, account_id"},
	{name: "store_invites", order: "store_id, email"},
	{name: "name_disputes", order: "id"},
	{name: "categories", order: "name"},
	{name: "package_categories", order: "package_id, category"},
	{name: "blobs", order: "sha3_384"},
	{name: "package_media", order: "package_id, position"},
	{name: "revisions", order: "package_id, number"},
	{name: "uploads", order: "id"},
	{name: "reviews", order: "seq", identity: "seq"},
	{name: "resource_revisions", order: "package_id, name, revision"},
	{name: "image_blobs", order: "package_id, resource, sha256"},
	{name: "image_manifests", order: "package_id, resource, digest"},
	{name: "image_manifest_parts", order: "package_id, resource, manifest, digest"},
	{name: "image_tags", order: "package_id, resource, tag"},
	{name: "image_uploads", order: "id"},
	{name: "image_upload_pieces", order: "upload_id, at_byte"},
	{name: "image_pulls", order: "package_id"},
	{name: "libraries", order: "id"},
	{name: "library_revisions", order: "library_id, api, patch"},
	{name: "releases", order: "seq", identity: "seq"},
	{name: "release_resources", order: "release_seq, name"},
	{name: "overrides", order: "package_id, track, risk, branch, architecture"},
	{name: "deltas", order: "package_id, format, source, target"},
	{name: "refused_deltas", order: "package_id, format, source, target"},
	{name: "assertions", order: "type, primary_key, format"},
	{name: "trust_anchors", order: "account_id, key_id"},
	{name: "signing_keys", order: "key_id"},
	{name: "settings", order: "key"},
	{name: "nonces", order: "nonce"},
	{name: "devices", order: "brand, model, serial"},
	{name: "changes", order: "seq", identity: "seq"},
	{name: "followers", order: "name"},
	{name: "search_documents", order: "package_id", identity: "document", derived: []string{"document", "words"}},
	{name: "usage_devices", order: "day, package_id, device"},
	{name: "usage_counts", order: "package_id, metric, day, value"},
	{name: "usage_days", order: "day"},
	{name: "package_common_ids", order: "package_id, common_id"},
}
