// Package charmhub is the client of Charmhub: what publishers of charms and
// bundles do, and what juju asks. It imports nothing of internal/ and works
// against Charmhub and every store with its interfaces, such as larder.
//
//	c, err := charmhub.Open(ctx, "my-tool", charmhub.At("https://store.example"),
//		auth.FromEnvironment(auth.EnvCharmcraft), auth.FileFallback(""))
//	_, err = c.Login(ctx, auth.UbuntuOneGatewayLogin{UbuntuOneLogin: auth.UbuntuOneLogin{
//		Email: email, Password: password}}, auth.Grant{})
//	uploaded, err := c.Upload(ctx, "bake", "bake_ubuntu-24.04-amd64.charm", nil)
//	_, err = c.Release(ctx, "bake", charmhub.ReleaseTo("edge", uploaded.Revision))
//
//	found, err := c.Consumer().Resolve(ctx, charmhub.ResolveRequest{Name: "bake", Channel: "edge"})
//	err = c.Consumer().Download(ctx, found.Entity.Download, found.Entity.FileName(), nil)
//
// # The parts
//
//   - [Client]: names, uploads, releases, tracks, resources and libraries in the
//     store. It stands on a snapstore.Client, which [Client.Gateway] gives, for
//     what is the same for snaps: collaborators, tokens, raw requests.
//   - [Consumer]: search, information, refresh, and verified downloads that
//     continue where they broke off. It needs no login.
//   - [LibraryFiles]: the libraries in a charm's directory.
//   - Package image: container images as resources.
//
// # Zero values
//
// The zero [Client] and [Consumer] ask Charmhub anonymously, with the retries
// that CRAFT_STORE_RETRIES and CRAFT_STORE_BACKOFF say; the zero [LibraryFiles]
// is the current directory. One address is enough for a store that serves
// everything there: [At]. Sizes are bytes everywhere, digests hex, times UTC.
//
// # Errors
//
// A refusal is a [*StoreError]: errors.Is(err, [ErrNotFound]) asks for its
// meaning, HasCode for its code. No answer is a [*NetworkError], a nonsensical
// one an [*InvalidResponseError]; what is not even sent is a [*RequestError].
// Without a login, what needs one fails with auth.ErrCredentialsUnavailable
// before anything is sent. Uploads add [*UploadError] and [*ReviewError],
// Resolve adds [*ResolveError]. Errors never hold secrets.
//
// # Coming from charmcraft
//
//	charmcraft                                      here
//	Store, StoreService, PublisherGateway           Client
//	Client, AnonymousClient(api_url, storage_url)   Client with Endpoints, with or without a login
//	env.get_store_config                            FromEnvironment
//	login(permissions, ttl, charms, …)              Login(ctx, login, auth.Grant{…})
//	logout, whoami, get_account_info                Logout, Whoami, Account
//	get_credentials                                 NewCredentials
//	register_name, unregister_name                  RegisterName, UnregisterName
//	list_registered_names                           ListNames
//	get_package_metadata                            Metadata
//	upload                                          Upload
//	upload_resource                                 UploadResource
//	push_file, upload_file                          UploadFile
//	notify_revision, push_resource                  NotifyRevision, PushResource
//	list_revisions, list_releases                   ListRevisions, ListReleases
//	release, release(name, None, channels)          Release, Close
//	get_revisions_on_channel                        RevisionsOnChannel
//	release_promotion_candidates                    PromotionCandidates, ReleaseCandidates, Promote
//	create_tracks                                   CreateTracks
//	list_resources, list_resource_revisions         ListResources, ListResourceRevisions
//	update_resource_revisions                       UpdateResourceRevisions
//	set_resource_revisions_architectures            SetResourceArchitectures
//	get_oci_registry_credentials                    ImageCredentials
//	get_oci_image_blob                              ImageBlob
//	create_library_id, create_library_revision      CreateLibraryID, CreateLibraryRevision
//	get_library                                     Library
//	get_libraries_tips                              LibraryTips
//	get_libraries_metadata, fetch_libraries_metadata  ListLibraries
//	get_libraries_metadata_by_name, …_by_id         LibrariesByName, LibrariesByID
//	request_urlpath_text, request_urlpath_json      Do, Call and CallAnyhow of Gateway()
//	CharmLibsService.is_downloaded                  LibraryFiles.IsDownloaded
//	CharmLibsService.get_local_version              LibraryFiles.LocalVersion
//	CharmLibsService.write                          LibraryFiles.Write
//	CharmLibsService.get_unpublished_libs           LibraryFiles.Unpublished
//	ImageService                                    package image
//	Auth, CandidAuth, DeveloperTokenAuth            package auth
//	models.Risk, ChannelData                        Risk, Channel
//	models.Library, Uploaded, RegistryCredentials   Library, Uploaded, ImageCredentials
//	StoreServerError, error_list                    *StoreError, Errors
//
// Not in charmcraft: changes of metadata, collaborators and tokens
// (Client.Gateway), several channels closed at once, reviews that are waited for
// as long as one likes, uploads that continue after a failure, and the whole of
// [Consumer].
package charmhub
