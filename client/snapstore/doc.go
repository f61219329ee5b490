// Package snapstore is the client of snap stores: what publishers do, and what
// devices ask. It imports nothing of internal/ and works against every store
// with these interfaces: the public snap store, Charmhub's publisher gateway,
// air-gapped stores, and larder.
//
//	c, err := snapstore.Open(ctx, "my-tool", snapstore.At("https://store.example"),
//		auth.FromEnvironment("MY_TOOL_CREDENTIALS"), auth.FileFallback(""))
//	_, err = c.Login(ctx, auth.UbuntuOneLogin{Email: email, Password: password},
//		auth.Grant{Permissions: []string{"package_access", "package_push", "package_release"}})
//	id, err := c.UploadFile(ctx, "hello_1.0_amd64.snap", nil)
//	pushed, err := c.Dashboard().Push(ctx, snapstore.Push{Name: "hello", UploadID: id})
//	review, err := c.WaitForReview(ctx, pushed.StatusURL, nil)
//	_, err = c.Dashboard().Release(ctx, snapstore.DashboardRelease{
//		Name: "hello", Revision: review.Revision, Channels: []string{"edge"}})
//
// # The interfaces of a store
//
// A [Client] has the publisher gateway (/v1/snap, /v1/charm), logins, uploads
// and reviews. [Client.Dashboard] has the dashboard (/dev/api, /api/v2), where
// snapcraft publishes, and its assertions. [Client.Device] asks what a device
// would, and downloads.
//
// Names of methods that exist twice differ in reach: [Client.Release] takes
// several channels and closes them too, [Dashboard.Release] releases
// progressively.
//
// # Zero values
//
// The zero [Client] asks the public snap store anonymously, with the retries
// that CRAFT_STORE_RETRIES and CRAFT_STORE_BACKOFF say; the zero [Device] asks
// it for this machine's architecture. Sizes are bytes everywhere, digests hex
// unless said otherwise, times UTC.
//
// # Errors
//
// A refusal is a [*StoreError]: errors.Is(err, [ErrNotFound]) asks for its
// meaning, [StoreError.HasCode] for its code in whatever spelling. No answer is a
// [*NetworkError], a nonsensical one an [*InvalidResponseError]; what is not
// even sent is a [*RequestError]. Errors never hold secrets.
//
// # Coming from craft-store
//
//	craft-store                               here
//	StoreClient, UbuntuOneStoreClient         Client, with Endpoints and an auth.Login
//	endpoints.U1_SNAP_STORE, SNAP_STORE       UbuntuOneSnapStore(), SnapStore()
//	endpoints.CHARMHUB                        Charmhub()
//	PublisherGateway(url, "snap", auth)       Client with SnapGateway() or OnPrem(…)
//	login(permissions=…, ttl=…)               Login(ctx, login, auth.Grant{…})
//	logout, whoami, request                   Logout, Whoami, Do
//	upload_file(path, monitor_callback)       UploadFile(ctx, path, &UploadOptions{Progress: …})
//	notify_revision                           NotifyRevision, then WaitForReview
//	get_list_releases, list_releases          ListReleases
//	release                                   Release
//	list_revisions                            ListRevisions
//	register_name, unregister_name            RegisterName, UnregisterName
//	list_registered_names                     ListNames
//	push_resource, list_resource_revisions    PushResource, ListResourceRevisions
//	update_resource_revisions                 UpdateResourceRevisions
//	get_package_metadata, create_tracks       Metadata, CreateTracks
//	Auth(app, host, environment_auth=…)       auth.Open(ctx, app, url, auth.FromEnvironment(…))
//	ephemeral=True, file_fallback=True        auth.Ephemeral(), auth.FileFallback("")
//	_get_macaroon and the other hooks         auth.Login and auth.Authorizer
//	StoreServerError, error_list              *StoreError, Errors, HasCode
//	NetworkError, InvalidResponseError        *NetworkError, *InvalidResponseError
//	CredentialsUnavailable and the like       auth.ErrCredentialsUnavailable and the like
//	models.*                                  the types of this package
//
// Not in craft-store: uploads that continue after a failure, collaborators,
// tokens, metadata changes, and the whole of [Dashboard] and [Device].
package snapstore
