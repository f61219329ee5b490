package store

import (
	"maps"
	"slices"
)

// Permission names one thing a principal may do. Every use case begins with
// the permission it needs.
type Permission string

// The permissions of devices and of people who publish.
const (
	PermView         Permission = "store-look"             // read what a store shows
	PermAccountView  Permission = "account-view"           // read the own account, its keys and packages
	PermAccountEdit  Permission = "account-edit"           // change the own account
	PermAccountKeys  Permission = "account-keys"           // register keys of the own account
	PermRegister     Permission = "package-register"       // register and give up names
	PermPush         Permission = "package-push"           // upload revisions
	PermRelease      Permission = "package-release"        // move channels, open tracks
	PermListing      Permission = "package-listing"        // change what people read of a package
	PermACL          Permission = "package-acl"            // collaborators, and who sees a package
	PermLibrary      Permission = "package-library"        // a charm's libraries
	PermSeeListing   Permission = "package-see-listing"    // read a package's listing and media
	PermSeeReleases  Permission = "package-see-releases"   // read channel map and history
	PermSeeRevisions Permission = "package-see-revisions"  // read revisions and their review
	PermSeeMetrics   Permission = "package-see-metrics"    // read figures of use
	PermSeeACL       Permission = "package-see-acl"        // read who may do what
	PermDelegate     Permission = "package-upload-request" // ask for a token that may upload one package
	PermReview       Permission = "store-review"           // decide about uploads that are held
	PermStoreSee     Permission = "store-see"              // read a brand store's settings and members
	PermStoreAdmin   Permission = "store-admin"            // change a brand store's settings and members
)

// The permissions of operators.
const (
	PermImport   Permission = "operator-import"   // push packages with what others have signed
	PermOverride Permission = "operator-override" // set and delete overrides
	PermManage   Permission = "operator-packages" // change any package's listing, store and access
	PermAccount  Permission = "operator-accounts" // accounts, tokens, keys, assertions, trust
	PermStore    Permission = "operator-store"    // store views, settings, status, repair
)

// Role is a named set of permissions.
type Role string

// The roles. An anonymous principal and a device have RoleDevice; an operator is
// whoever runs a command where the data is.
const (
	RoleDevice    Role = "device"
	RoleViewer    Role = "viewer"
	RolePublisher Role = "publisher"
	RoleReviewer  Role = "reviewer"
	RoleAdmin     Role = "admin"
	RoleOperator  Role = "operator"
)

// UserRoles are the roles that an account can have, the weakest first.
var UserRoles = []Role{RoleViewer, RolePublisher, RoleReviewer, RoleAdmin}

var (
	looking = []Permission{
		PermView, PermAccountView, PermAccountEdit, PermSeeListing, PermSeeReleases, PermSeeRevisions,
		PermSeeMetrics, PermSeeACL, PermStoreSee,
	}
	publishing = append([]Permission{
		PermAccountKeys, PermRegister, PermPush, PermRelease, PermListing, PermACL, PermLibrary, PermDelegate,
		PermStoreAdmin,
	}, looking...)
	operating = append([]Permission{
		PermReview, PermImport, PermOverride, PermManage, PermAccount, PermStore,
	}, publishing...)
)

// rolePermissions is the table of who may do what at all.
var rolePermissions = map[Role][]Permission{
	RoleDevice:    {PermView},
	RoleViewer:    looking,
	RolePublisher: publishing,
	RoleReviewer:  append([]Permission{PermReview}, publishing...),
	RoleAdmin:     operating,
	RoleOperator:  operating,
}

// everywhere is the table of what a role may do to packages and stores of
// others, too.
var everywhere = map[Role][]Permission{
	RoleViewer:   {PermSeeListing, PermSeeReleases, PermSeeRevisions, PermSeeMetrics, PermSeeACL, PermStoreSee},
	RoleReviewer: {PermSeeListing, PermSeeReleases, PermSeeRevisions, PermSeeMetrics, PermSeeACL, PermStoreSee, PermReview},
	RoleAdmin:    operating,
	RoleOperator: operating,
}

// ownerOnly is what a collaborator may not do.
var ownerOnly = []Permission{PermRegister, PermACL}

// wirePermissions is what the permissions mean that clients ask for by name:
// those of the dashboard, with underscores, and those of the publisher gateway.
// What may change something may also read it.
var wirePermissions = map[string][]Permission{
	"package_access":         {PermView, PermAccountView, PermSeeListing, PermSeeReleases, PermSeeRevisions, PermSeeACL},
	"package_metrics":        {PermSeeMetrics},
	"package_register":       {PermRegister},
	"package_push":           {PermPush, PermSeeRevisions},
	"package_release":        {PermRelease, PermSeeReleases},
	"package_upload":         {PermPush, PermRelease, PermSeeRevisions, PermSeeReleases},
	"package_update":         {PermListing, PermSeeListing},
	"package_manage":         {PermPush, PermRelease, PermListing, PermACL, PermSeeListing, PermSeeReleases, PermSeeRevisions, PermSeeACL},
	"package_upload_request": {PermDelegate},
	"package_purchase":       {}, // everything here is free
	"edit_account":           {PermAccountEdit, PermAccountView},
	"modify_account_key":     {PermAccountKeys, PermAccountView},
	"store_admin":            {PermStoreAdmin, PermStoreSee},
	"store_review":           {PermReview, PermSeeRevisions},

	"account-register-package": {PermRegister},
	"account-view-packages":    {PermAccountView, PermView},
	"account-manage-keys":      {PermAccountKeys, PermAccountView},
	"account-manage-metadata":  {PermAccountEdit, PermAccountView},
	"package-manage": {
		PermPush, PermRelease, PermListing, PermACL, PermLibrary, PermDelegate,
		PermSeeListing, PermSeeReleases, PermSeeRevisions, PermSeeACL,
	},
	"package-manage-acl":       {PermACL, PermSeeACL},
	"package-manage-library":   {PermLibrary},
	"package-manage-metadata":  {PermListing, PermSeeListing},
	"package-manage-releases":  {PermRelease, PermSeeReleases},
	"package-manage-revisions": {PermPush, PermSeeRevisions},
	"package-view":             {PermView, PermSeeListing, PermSeeReleases, PermSeeRevisions, PermSeeMetrics, PermSeeACL},
	"package-view-acl":         {PermSeeACL},
	"package-view-metadata":    {PermSeeListing},
	"package-view-metrics":     {PermSeeMetrics},
	"package-view-releases":    {PermSeeReleases},
	"package-view-revisions":   {PermSeeRevisions},
	"store-manage":             {PermStoreAdmin, PermStoreSee},
	"store-view":               {PermStoreSee},

	// This store's own: what an administrator's token may do besides.
	"store-review":      {PermReview, PermSeeRevisions},
	"operator-import":   {PermImport},
	"operator-override": {PermOverride},
	"operator-packages": {PermManage},
	"operator-accounts": {PermAccount},
	"operator-store":    {PermStore},
}

// WirePermission returns what a permission means that a client asks for, and
// whether there is one of that name.
func WirePermission(name string) ([]Permission, bool) {
	meant, known := wirePermissions[name]
	return slices.Clone(meant), known
}

// WirePermissionNames lists every name that a client may ask for, sorted.
func WirePermissionNames() []string { return slices.Sorted(maps.Keys(wirePermissions)) }

// Permissions lists every permission: an operator has them all.
func Permissions() []Permission { return slices.Clone(operating) }

// WirePermissions is WirePermission for all of a token's names; those that
// nobody knows mean nothing. It is never nil: a token without permissions may
// do nothing.
func WirePermissions(names []string) []Permission {
	all := []Permission{}
	for _, name := range names {
		for _, p := range wirePermissions[name] {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}
