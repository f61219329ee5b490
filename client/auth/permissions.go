package auth

// Permissions of publisher gateways (/v1), for Grant.Permissions. Those that end
// in "manage" or "view" stand for all that begin with them.
const (
	AccountRegisterPackage = "account-register-package" // register or request a name
	AccountViewPackages    = "account-view-packages"    // list packages and collaborations
	AccountManageKeys      = "account-manage-keys"
	AccountManageMetadata  = "account-manage-metadata"
	PackageManage          = "package-manage"
	PackageManageACL       = "package-manage-acl"       // add, invite and remove collaborators
	PackageManageLibrary   = "package-manage-library"   // register libraries of a charm
	PackageManageMetadata  = "package-manage-metadata"  // edit metadata and media
	PackageManageReleases  = "package-manage-releases"  // release, close, create tracks
	PackageManageRevisions = "package-manage-revisions" // upload, follow the review
	PackageView            = "package-view"
	PackageViewACL         = "package-view-acl"
	PackageViewMetadata    = "package-view-metadata"
	PackageViewMetrics     = "package-view-metrics"
	PackageViewReleases    = "package-view-releases"
	PackageViewRevisions   = "package-view-revisions"
	StoreManage            = "store-manage"
	StoreView              = "store-view"
)

// Permissions of dashboards (/dev/api, /api/v2), for Grant.Permissions.
const (
	DashboardAccess        = "package_access"   // read private data, download private snaps
	DashboardRegister      = "package_register" // register names
	DashboardPush          = "package_push"     // upload and follow the review
	DashboardRelease       = "package_release"  // release and close
	DashboardUpdate        = "package_update"   // edit metadata
	DashboardMetrics       = "package_metrics"
	DashboardManage        = "package_manage" // collaborators, validations, builds
	DashboardUpload        = "package_upload" // push and release, for build services
	DashboardUploadRequest = "package_upload_request"
	DashboardEditAccount   = "edit_account"
	DashboardAccountKey    = "modify_account_key" // register keys
	DashboardStoreAdmin    = "store_admin"
	DashboardStoreReview   = "store_review"
)

// PublisherPermissions are those that snapcraft asks for: everything a publisher
// does on a dashboard, keys excepted.
func PublisherPermissions() []string {
	return []string{
		DashboardAccess, DashboardManage, DashboardMetrics, DashboardPush, DashboardRegister, DashboardRelease, DashboardUpdate,
	}
}
