package store

import "strings"

// The kinds of change. Their meaning and subject are in ChangeKinds.
const (
	AccountPut        = "account-put"
	StorePut          = "store-put"
	StoreRemoved      = "store-removed"
	PackageRegistered = "package-registered"
	PackageUpdated    = "package-updated"
	CategoryPut       = "category-put"
	RevisionAdded     = "revision-added"
	RevisionReviewed  = "revision-reviewed"
	ResourceAdded     = "resource-added"
	ResourceChanged   = "resource-changed"
	Released          = "released"
	OverrideSet       = "override-set"
	OverrideDeleted   = "override-deleted"
	DeltaAdded        = "delta-added"
	DeltaRemoved      = "delta-removed"
	BlobAdded         = "blob-added"
	BlobQuarantined   = "blob-quarantined"
	BlobRemoved       = "blob-removed"
	AssertionAdded    = "assertion-added"
	TrustAdded        = "trust-added"
	TrustRemoved      = "trust-removed"
	SigningKeyAdded   = "signing-key-added"
	SigningKeyRemoved = "signing-key-removed"
	SettingSet        = "setting-set"
	SettingDeleted    = "setting-deleted"

	UserPut            = "user-put"
	UserKeyAdded       = "user-key-added"
	UserKeyRemoved     = "user-key-removed"
	LoginSucceeded     = "login-succeeded"
	LoginFailed        = "login-failed"
	TokenIssued        = "token-issued"
	TokenRefreshed     = "token-refreshed"
	TokenRevoked       = "token-revoked"
	TokenKeyAdded      = "token-key-added"
	TokenKeyRetired    = "token-key-retired"
	PackageRemoved     = "package-removed"
	CollaboratorPut    = "collaborator-put"
	CollaboratorGone   = "collaborator-removed"
	InvitePut          = "invite-put"
	UploadClaimed      = "upload-claimed"
	UploadProcessed    = "upload-processed"
	StoreMemberPut     = "store-member-put"
	StoreInvitePut     = "store-invite-put"
	NameDisputed       = "name-disputed"
	NameDisputeDecided = "name-dispute-decided"
	LibraryAdded       = "library-added"
	LibraryPublished   = "library-published"

	ImagePushed  = "image-pushed"
	ImageRemoved = "image-removed"
	PullsRevoked = "image-pulls-revoked"
)

// ChangeKind says what one kind of change means.
type ChangeKind struct {
	Name    string
	Subject string // what stands before the slash of the change's subject
	Says    string // completes "the actor …"
}

// ChangeKinds is the table of everything the change log can hold.
var ChangeKinds = []ChangeKind{
	{AccountPut, "account", "created or updated an account"},
	{StorePut, "store", "created or updated a store"},
	{StoreRemoved, "store", "removed a store"},
	{PackageRegistered, "package", "registered a name"},
	{PackageUpdated, "package", "changed a package's listing, access, tracks, media or categories"},
	{CategoryPut, "category", "created a category"},
	{RevisionAdded, "package", "added a revision"},
	{RevisionReviewed, "package", "changed a revision's status"},
	{ResourceAdded, "package", "added a resource revision"},
	{ResourceChanged, "package", "said anew what resource revisions are for"},
	{Released, "package", "released to or closed channels"},
	{OverrideSet, "package", "set an override"},
	{OverrideDeleted, "package", "deleted an override"},
	{DeltaAdded, "package", "added a delta between two revisions"},
	{DeltaRemoved, "package", "removed a delta that no channel leads to any more"},
	{BlobAdded, "blob", "added a blob that no package points at yet"},
	{BlobQuarantined, "blob", "quarantined a blob or lifted its quarantine"},
	{BlobRemoved, "blob", "removed a blob that nothing points at"},
	{AssertionAdded, "assertion", "added an assertion or a newer edition of one"},
	{TrustAdded, "trust", "added a trust anchor"},
	{TrustRemoved, "trust", "removed a trust anchor"},
	{SigningKeyAdded, "key", "added a signing key"},
	{SigningKeyRemoved, "key", "removed a signing key"},
	{SettingSet, "setting", "set a setting"},
	{SettingDeleted, "setting", "deleted a setting"},

	{UserPut, "account", "created or changed an account that can log in"},
	{UserKeyAdded, "account", "gave an account another key to log in with"},
	{UserKeyRemoved, "account", "took a key from an account"},
	{LoginSucceeded, "account", "proved who it is"},
	{LoginFailed, "account", "failed to prove who it is"},
	{TokenIssued, "token", "issued a token"},
	{TokenRefreshed, "token", "refreshed a token"},
	{TokenRevoked, "token", "revoked a token"},
	{TokenKeyAdded, "token-key", "added a key that tokens are made with"},
	{TokenKeyRetired, "token-key", "retired a key that tokens are made with"},
	{PackageRemoved, "package", "gave up a name that nothing was published under"},
	{CollaboratorPut, "package", "added a collaborator"},
	{CollaboratorGone, "package", "removed a collaborator"},
	{InvitePut, "package", "invited a collaborator, or an invite was answered or revoked"},
	{UploadClaimed, "package", "claimed an upload for a package"},
	{UploadProcessed, "package", "finished with an upload"},
	{StoreMemberPut, "store", "changed the roles of a store's member"},
	{StoreInvitePut, "store", "invited a member, or the invite was answered or revoked"},
	{NameDisputed, "dispute", "disputed a name"},
	{NameDisputeDecided, "dispute", "decided a dispute"},
	{LibraryAdded, "package", "created a library of a charm"},
	{LibraryPublished, "package", "published a version of a charm's library"},

	{ImagePushed, "image", "pushed an image of a charm, or moved a tag to it"},
	{ImageRemoved, "image", "removed an image of a charm, or a tag"},
	{PullsRevoked, "package", "revoked the pull credentials of a charm's images"},
}

var changeKinds = func() map[string]ChangeKind {
	m := make(map[string]ChangeKind, len(ChangeKinds))
	for _, k := range ChangeKinds {
		m[k.Name] = k
	}
	return m
}()

// ChangeKindOf finds a kind by its name.
func ChangeKindOf(name string) (ChangeKind, bool) {
	k, ok := changeKinds[name]
	return k, ok
}

// SubjectID returns the part of a change's subject after the first slash, if
// the subject is of the given sort: SubjectID("package/abc", "package") is "abc".
func SubjectID(subject, sort string) (id string, ok bool) {
	before, id, found := strings.Cut(subject, "/")
	return id, found && before == sort
}
