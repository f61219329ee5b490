// Package auth is how a client proves to a store who it is: credentials in
// every encoding that clients of stores have written, places to keep them, and
// the ways to log in. It imports nothing of internal/.
//
// # Credentials
//
// [Credentials] are a pair of macaroons, one token, or a name and a password.
// [Parse] reads every [Encoding], with base64 around it or without; [Credentials.Encode]
// and [Credentials.Export] write them. Printing or logging them shows no secret.
//
// # Where they are kept
//
// A [Store] keeps them for an application and a host in a [Backend]: the
// system's [Keyring], a [File] of mode 0600, [Memory], or the [Environment].
// [Open] chooses as craft-store does. Keyring and file are the ones that
// snapcraft and charmcraft use, so that programs can share a login.
//
// # Logging in
//
//	UbuntuOneLogin          address and password, second factor; dashboards
//	UbuntuOneGatewayLogin   the same on a publisher gateway
//	CandidLogin             Candid and its kin: browser, form or agent
//	OfflineLogin            the administrator's macaroon of an air-gapped store
//	DashboardExchange       a dashboard's pair for a gateway's token
//	TokenLogin              a developer token, larder's API tokens
//	BasicLogin              name and password with every request
//
// Anything else implements [Login], or [Authorizer] if it adds its own header to
// requests.
//
// # Coming from craft-store
//
//	craft-store                                     here
//	Auth(app, host, ephemeral, environment_auth)    Open(ctx, app, url, Ephemeral(), FromEnvironment(…))
//	set_credentials, get_credentials                Store.Save, Store.Load
//	ensure_no_credentials, del_credentials          Store.EnsureNone, Store.Delete
//	MemoryKeyring, FileKeyring                      Memory, File
//	creds.marshal_u1_credentials                    NewUbuntuOne(…).Encode(Envelope)
//	creds.unmarshal_u1_credentials and the others   Parse
//	creds.DeveloperToken                            NewBearer(…).Encode(DeveloperToken)
//	CandidAuth, DeveloperTokenAuth                  Session, Credentials
//	UbuntuOneAuth, UbuntuOneLogin                   UbuntuOneGatewayLogin
//	WebBrowserWaitingInteractor                     Browser
//	CandidTokenTimeoutError and the like            ErrTokenTimeout and the like
//	UbuntuOneOtpRequiredError                       ErrSecondFactorRequired
//	CredentialsNotParseable                         ErrNotParseable
//	NoKeyringError, KeyringUnlockError              ErrNoKeyring, ErrKeyringLocked
package auth
