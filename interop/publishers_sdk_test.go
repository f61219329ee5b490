// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/interop/harness"
)

// The same steps as python/drive.py, with larder's SDK.

const sdkApplication = "larder-interop"

var gatewayWords = []string{
	auth.AccountRegisterPackage, auth.AccountViewPackages, auth.PackageManage, auth.PackageView,
}

var dashboardWords = []string{
	auth.DashboardAccess, auth.DashboardManage, auth.DashboardMetrics, auth.DashboardPush,
	auth.DashboardRegister, auth.DashboardRelease, auth.DashboardUpdate,
}

// sdk does the steps of one task.
type sdk struct {
	publishing
	w      *publisherWorld
	ctx    context.Context
	client *snapstore.Client
	words  []string
	otp    string
	typed  map[string][]string // what the person types into forms
	steps  []harness.Step
	seen   string
}

func (w *publisherWorld) drive(p publishing, operator func(string) string) []harness.Step {
	w.t.Helper()
	d := &sdk{publishing: p, w: w, ctx: w.t.Context(), words: gatewayWords, seen: filepath.Join(w.t.TempDir(), "seen")}
	endpoints := snapstore.At(p.URL)
	credentials := &auth.Store{
		Application: sdkApplication, Backend: auth.File{Path: filepath.Join(w.t.TempDir(), "credentials.json")},
	}
	switch p.Flavour {
	case "refusals":
		d.words = []string{auth.DashboardAccess, auth.DashboardRelease}
	case "u1", "candid", "big":
		d.words = dashboardWords
	case "environment":
		d.words = dashboardWords
		w.t.Setenv("EXPORTED", p.exported)
		var err error
		if credentials, err = auth.Open(d.ctx, sdkApplication, endpoints.BaseURL, auth.FromEnvironment("EXPORTED")); err != nil {
			w.t.Fatal(err)
		}
	case "onprem":
		endpoints = snapstore.OnPrem(p.URL+"/publishergw", p.URL)
	default:
		endpoints.WhoamiPath = "/v1/tokens/whoami"
	}
	credentials.Host = auth.HostOf(endpoints.BaseURL)
	d.client = &snapstore.Client{Endpoints: endpoints, Credentials: credentials, PollInterval: 100 * time.Millisecond}
	switch p.Flavour {
	case "gateway":
		d.gatewaySteps(operator)
	case "environment":
		d.environmentSteps()
	case "refusals":
		d.refusalSteps(operator)
	case "big":
		d.bigSteps()
	default:
		d.publisherSteps(operator)
	}
	return d.steps
}

// sentinels are the SDK's errors, by their names.
var sentinels = []struct {
	err  error
	name string
}{
	{auth.ErrCredentialsUnavailable, "ErrCredentialsUnavailable"},
	{auth.ErrCredentialsAvailable, "ErrCredentialsAvailable"},
	{auth.ErrSecondFactorRequired, "ErrSecondFactorRequired"},
	{auth.ErrSecondFactorFailed, "ErrSecondFactorFailed"},
	{auth.ErrInvalidLogin, "ErrInvalidLogin"},
	{snapstore.ErrUnauthorized, "ErrUnauthorized"},
	{snapstore.ErrForbidden, "ErrForbidden"},
	{snapstore.ErrNotFound, "ErrNotFound"},
	{snapstore.ErrConflict, "ErrConflict"},
}

// do is a step. What it answers goes through JSON, as Python's does.
func do[T any](d *sdk, name string, action func() (T, error)) T {
	d.w.t.Helper()
	s := harness.Step{Name: name}
	answer, err := action()
	var store *snapstore.StoreError
	var request *snapstore.RequestError
	if errors.As(err, &store) {
		s.Refused, s.Codes = store.Status, store.Codes()
	}
	if err != nil {
		s.Raised, s.Said = "error", err.Error()
		if errors.As(err, &store) {
			s.Raised = "StoreError"
		}
		if errors.As(err, &request) {
			s.Raised = "RequestError"
		}
		for _, known := range slices.Backward(sentinels) { // the first one says most
			if errors.Is(err, known.err) {
				s.Raised = known.name
			}
		}
	} else {
		text, err := json.Marshal(answer)
		if err == nil {
			err = json.Unmarshal(text, &s.Answer)
		}
		if err != nil {
			d.w.t.Fatal(err)
		}
	}
	d.steps = append(d.steps, s)
	return answer
}

type object = map[string]any

// person is the login of the task's person, changed by a function.
func (d *sdk) person(change func(*auth.UbuntuOneLogin)) auth.Login {
	l := auth.UbuntuOneLogin{Email: d.Email, Password: d.Password, OTP: d.otp}
	if change != nil {
		change(&l)
	}
	if d.Flavour == "gateway" {
		return auth.UbuntuOneGatewayLogin{UbuntuOneLogin: l, ClientDescription: "interop"}
	}
	return l
}

func (d *sdk) login(l auth.Login) func() (object, error) { return d.loginFor(l, auth.Grant{}) }

func (d *sdk) loginFor(l auth.Login, grant auth.Grant) func() (object, error) {
	grant.Permissions, grant.Description = d.words, "interop"
	if grant.TTL == 0 {
		grant.TTL = 24 * time.Hour
	}
	return func() (object, error) {
		exported, err := d.client.Login(d.ctx, l, grant)
		if err != nil {
			return nil, err
		}
		answer := object{"exported": exported != ""}
		if strings.HasPrefix(d.Flavour, "candid") {
			text, err := os.ReadFile(d.seen)
			if err != nil {
				return nil, err
			}
			answer["pages"] = json.RawMessage(text)
		}
		return answer, nil
	}
}

// browse opens a page with the command of BROWSER.
func (d *sdk) browse(ctx context.Context, url string) error {
	command := strings.Fields(strings.ReplaceAll(d.browser, "%s", url))
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	typed, err := json.Marshal(d.typed)
	if err != nil {
		return err
	}
	cmd.Env = append(os.Environ(), "SEEN="+d.seen, "PERSON="+string(typed))
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New(string(out))
	}
	return nil
}

func (d *sdk) whoami() (snapstore.Whoami, error) { return d.client.Whoami(d.ctx) }

func (d *sdk) logout() (string, error) { return "logged out", d.client.Logout(d.ctx) }

func (d *sdk) publisherSteps(operator func(string) string) {
	do(d, "whoami before login", d.whoami)
	var login auth.Login
	switch d.Flavour {
	case "u1":
		do(d, "login with a wrong password", d.login(d.person(func(l *auth.UbuntuOneLogin) { l.Password = "not this one" })))
		do(d, "login as nobody", d.login(d.person(func(l *auth.UbuntuOneLogin) { l.Email = "nobody@example.com" })))
		do(d, "whoami after failed logins", d.whoami)
		d.wrongCodes(operator)
		login = d.person(nil)
	case "onprem":
		login = auth.OfflineLogin{AdminMacaroon: d.macaroon}
		do(d, "login with a wrong macaroon", d.login(auth.OfflineLogin{AdminMacaroon: "bm90IGEgbWFjYXJvb24"}))
	default:
		login = auth.CandidLogin{
			Dashboard:  d.Flavour == "candid",
			Discharger: auth.Discharger{Interactors: []auth.Interactor{auth.Browser{Open: d.browse}}},
		}
		d.typed = map[string][]string{"login": {d.Email}, "password": {"not this one", d.Password}}
		if d.Factor {
			d.typed["otp"] = []string{"000000", operator("code")}
		}
	}
	do(d, "login", d.login(login))
	do(d, "login again", d.login(login))
	do(d, "whoami", d.whoami)
	d.publish()
	do(d, "logout", d.logout)
	do(d, "whoami after logout", d.whoami)
	do(d, "logout again", d.logout)
}

func (d *sdk) wrongCodes(operator func(string) string) {
	if !d.Factor {
		return
	}
	do(d, "login without a code", d.login(d.person(nil)))
	do(d, "login with a wrong code", d.login(d.person(func(l *auth.UbuntuOneLogin) { l.OTP = "000000" })))
	d.otp = operator("code")
}

func (d *sdk) environmentSteps() {
	do(d, "login", d.login(d.person(nil)))
	do(d, "whoami", d.whoami)
	do(d, "list releases", d.releases)
	do(d, "logout", d.logout)
	do(d, "whoami after logout", d.whoami)
}

// staleOnce sends, once it is told to, a discharge whose time is over; the
// session keeps a good one.
type staleOnce struct {
	*auth.Session
	stale bool
}

func (s *staleOnce) Authorize(req *http.Request) error {
	if !s.stale {
		return s.Session.Authorize(req)
	}
	s.stale = false
	kept, err := s.Store.Load(req.Context())
	if err != nil {
		return err
	}
	text, err := base64.RawURLEncoding.DecodeString(kept.Discharges[0])
	if err != nil {
		return err
	}
	var discharge macaroon.Macaroon
	if err := discharge.UnmarshalBinary(text); err != nil {
		return err
	}
	location, _, _ := strings.Cut(string(discharge.Caveats()[0].Id), "|")
	if err := discharge.AddFirstPartyCaveat([]byte(location + "|expires|2001-02-03T04:05:06.000000")); err != nil {
		return err
	}
	if text, err = discharge.MarshalBinary(); err != nil {
		return err
	}
	return auth.NewUbuntuOne(kept.Root, base64.RawURLEncoding.EncodeToString(text)).Authorize(req)
}

// Refresh is as if the session had sent what was refused: it renews nothing for
// what it has not sent.
func (s *staleOnce) Refresh(ctx context.Context, refused *http.Request) error {
	sent := refused.Clone(ctx)
	if err := s.Session.Authorize(sent); err != nil {
		return err
	}
	return s.Session.Refresh(ctx, sent)
}

func (d *sdk) refusalSteps(operator func(string) string) {
	session := &staleOnce{Session: &auth.Session{
		Store: d.client.Credentials, Identity: &auth.Identity{URL: d.URL},
	}}
	d.client.Authorizer = session
	// A client does not make sessions that it was given read their store again.
	again := func(action func() (object, error)) func() (object, error) {
		return func() (object, error) {
			defer session.Forget()
			return action()
		}
	}
	logout := func() (string, error) {
		defer session.Forget()
		return d.logout()
	}
	refresh := func() (object, error) {
		before, err := d.client.Credentials.Load(d.ctx)
		if err != nil {
			return nil, err
		}
		session.stale = true
		if _, err := d.client.Whoami(d.ctx); err != nil {
			return nil, err
		}
		after, err := d.client.Credentials.Load(d.ctx)
		return object{"asked": !session.stale, "renewed": before.Discharges[0] != after.Discharges[0]}, err
	}

	do(d, "limited login", again(d.loginFor(d.person(nil), auth.Grant{Channels: []string{"latest/edge"}})))
	do(d, "whoami", d.whoami)
	do(d, "release to a channel outside", d.release(snapstore.ReleaseTo("latest/stable", 1)))
	do(d, "release", d.release(snapstore.ReleaseTo("latest/edge", 1)))
	do(d, "register without the permission", d.register(d.Name+"-too"))
	do(d, "whoami after refusals", d.whoami)
	do(d, "refresh", refresh)
	do(d, "whoami after refreshing", d.whoami)
	operator("password")
	do(d, "whoami after the password changed", d.whoami)
	do(d, "refresh after the password changed", refresh)
	do(d, "login again", again(d.login(d.person(nil))))
	do(d, "logout", logout)
	do(d, "login with the old password", again(d.login(d.person(nil))))
	now := d.person(func(l *auth.UbuntuOneLogin) { l.Password = d.NewPassword })
	do(d, "login with the new password", again(d.login(now)))
	operator("revoke")
	do(d, "whoami after revocation", d.whoami)
	do(d, "logout after revocation", logout)
	do(d, "short login", again(d.loginFor(now, auth.Grant{TTL: 12 * time.Second})))
	do(d, "whoami until the login expires", func() (string, error) {
		for deadline := time.After(time.Minute); ; {
			if _, err := d.whoami(); err != nil {
				return "", err
			}
			select {
			case <-deadline:
				return "it is still good", nil
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	do(d, "logout after expiry", logout)
}

func (d *sdk) register(name string) func() (string, error) {
	return func() (string, error) {
		request := snapstore.NameRequest{Name: name}
		if d.Flavour == "gateway" {
			request.Type = "snap"
		}
		return d.client.RegisterName(d.ctx, request)
	}
}

func (d *sdk) names() ([]snapstore.RegisteredName, error) {
	found, err := d.client.ListNames(d.ctx, false)
	return slices.DeleteFunc(found, func(n snapstore.RegisteredName) bool { return !strings.HasPrefix(n.Name, d.Name) }), err
}

type uploadAnswer struct {
	UploadID string `json:"upload-id"`
	Calls    int    `json:"calls"`
	Rising   bool   `json:"rising"`
	Complete bool   `json:"complete"`
}

func (d *sdk) upload(path string) (a uploadAnswer, err error) {
	var done []int64
	var total int64
	a.UploadID, err = d.client.UploadFile(d.ctx, path, &snapstore.UploadOptions{Progress: func(p snapstore.Progress) {
		done, total = append(done, p.Done), p.Total
	}})
	a.Calls, a.Rising = len(done), slices.IsSorted(done)
	a.Complete = a.Calls > 0 && done[len(done)-1] == total
	return a, err
}

func (d *sdk) uploads() {
	for i, which := range []string{"first", "second"} {
		uploaded := do(d, "upload the "+which, func() (uploadAnswer, error) { return d.upload(d.Snaps[i]) })
		statusURL := do(d, "notify of the "+which, func() (string, error) {
			return d.client.NotifyRevision(d.ctx, d.Name, uploaded.UploadID)
		})
		do(d, "review of the "+which, func() (object, error) {
			r, err := d.client.WaitForReview(d.ctx, statusURL, nil)
			return object{"status": r.Status, "revision": r.Revision, "errors": r.Errors}, err
		})
	}
}

func (d *sdk) bigSteps() {
	do(d, "login", d.login(d.person(nil)))
	do(d, "register", d.register(d.Name))
	uploaded := do(d, "upload", func() (uploadAnswer, error) { return d.upload(d.Snaps[0]) })
	statusURL := do(d, "notify", func() (string, error) { return d.client.NotifyRevision(d.ctx, d.Name, uploaded.UploadID) })
	do(d, "review", func() (snapstore.Review, error) { return d.client.WaitForReview(d.ctx, statusURL, nil) })
	do(d, "release", d.release(snapstore.ReleaseTo("latest/edge", 1)))
	do(d, "list releases", d.releases)
}

func (d *sdk) release(requests ...snapstore.ReleaseRequest) func() (string, error) {
	return func() (string, error) {
		_, err := d.client.Release(d.ctx, d.Name, requests...)
		return "released", err
	}
}

func (d *sdk) releases() (snapstore.Releases, error) { return d.client.ListReleases(d.ctx, d.Name) }

func (d *sdk) publish() {
	do(d, "register", d.register(d.Name))
	do(d, "register again", d.register(d.Name))
	do(d, "register a reserved name", d.register("featured"))
	do(d, "list names", d.names)
	d.uploads()
	do(d, "notify of no upload", func() (string, error) {
		return d.client.NotifyRevision(d.ctx, d.Name, "a0b1c2d3-0000-4000-8000-000000000000")
	})
	to := snapstore.ReleaseTo
	do(d, "release", d.release(to("latest/edge", 1)))
	do(d, "release to several", d.release(to("latest/edge", 2), to("latest/beta", 1), to("edge/fix", 2)))
	do(d, "release of no revision", d.release(to("latest/edge", 99)))
	do(d, "release to no channel", d.release(to("latest/bogus", 1)))
	do(d, "list releases", d.releases)
	do(d, "close", d.release(snapstore.CloseChannel("latest/beta")))
	do(d, "list releases after closing", d.releases)
	do(d, "list revisions", func() ([]snapstore.Revision, error) { return d.client.ListRevisions(d.ctx, d.Name, nil) })
}

func (d *sdk) gatewaySteps(operator func(string) string) {
	c, ctx, name := d.client, d.ctx, d.Name
	do(d, "login with a wrong password", d.login(d.person(func(l *auth.UbuntuOneLogin) { l.Password = "not this one" })))
	d.wrongCodes(operator)
	do(d, "login", d.login(d.person(nil)))
	do(d, "whoami", d.whoami)
	do(d, "register", d.register(name))
	do(d, "register again", d.register(name))
	metadata := func(name string) func() (snapstore.RegisteredName, error) {
		return func() (snapstore.RegisteredName, error) { return c.Metadata(ctx, name) }
	}
	do(d, "metadata", metadata(name))
	do(d, "metadata of nothing", metadata(name+"-nothing"))
	do(d, "list names", d.names)
	d.uploads()
	do(d, "list revisions", func() ([]snapstore.Revision, error) { return c.ListRevisions(ctx, name, nil) })
	do(d, "list one revision", func() ([]snapstore.Revision, error) {
		return c.ListRevisions(ctx, name, &snapstore.RevisionsFilter{Revision: 2})
	})
	do(d, "list revisions with fields", func() ([]snapstore.Revision, error) {
		return c.ListRevisions(ctx, name, &snapstore.RevisionsFilter{
			Fields: []string{"revision", "version", "status", "size", "created-at", "apps", "type"},
		})
	})
	tracks := func(names ...string) func() (int, error) {
		return func() (int, error) {
			var requests []snapstore.TrackRequest
			for _, n := range names {
				requests = append(requests, snapstore.TrackRequest{Name: n})
			}
			return c.CreateTracks(ctx, name, requests...)
		}
	}
	do(d, "create a track without a guardrail", tracks("3.0"))
	operator("guardrail")
	do(d, "create a track", tracks("1.0", "2.0"))
	do(d, "create a track again", tracks("1.0"))
	do(d, "create a track outside the guardrail", tracks("other"))
	do(d, "create a track with a bad name", tracks("-bad-"))
	release := func(requests ...snapstore.ReleaseRequest) func() ([]snapstore.ReleaseResult, error) {
		return func() ([]snapstore.ReleaseResult, error) { return c.Release(ctx, name, requests...) }
	}
	to := snapstore.ReleaseTo
	do(d, "release", release(to("latest/edge", 2), to("1.0/stable", 1)))
	do(d, "release of no revision", release(to("latest/edge", 99)))
	do(d, "list releases", d.releases)
	do(d, "close", release(snapstore.CloseChannel("1.0/stable")))
	unregister := func(name string) func() (string, error) {
		return func() (string, error) { return c.UnregisterName(ctx, name) }
	}
	do(d, "unregister a published name", unregister(name))
	do(d, "register another", func() (string, error) {
		return c.RegisterName(ctx, snapstore.NameRequest{Name: name + "-too", Type: "snap", Private: true})
	})
	do(d, "unregister", unregister(name+"-too"))
	do(d, "list names at the end", func() ([]snapstore.RegisteredName, error) { return c.ListNames(ctx, true) })
	do(d, "logout", d.logout)
}

// export logs the person in, publishes a revision, and returns credentials as
// the environment of another program takes them.
func (w *publisherWorld) export(p publishing, old bool) string {
	w.t.Helper()
	ctx := w.t.Context()
	must := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	c := &snapstore.Client{Endpoints: snapstore.At(p.URL), PollInterval: 100 * time.Millisecond}
	credentials, err := c.Obtain(ctx, auth.UbuntuOneLogin{Email: p.Email, Password: p.Password},
		auth.Grant{Permissions: dashboardWords, Description: "interop", TTL: 24 * time.Hour})
	must(err)
	c = &snapstore.Client{Endpoints: c.Endpoints, PollInterval: c.PollInterval, Authorizer: credentials}
	_, err = c.RegisterName(ctx, snapstore.NameRequest{Name: p.Name})
	must(err)
	id, err := c.UploadFile(ctx, p.Snaps[0], nil)
	must(err)
	statusURL, err := c.NotifyRevision(ctx, p.Name, id)
	must(err)
	_, err = c.WaitForReview(ctx, statusURL, nil)
	must(err)
	_, err = c.Release(ctx, p.Name, snapstore.ReleaseTo("edge", 1))
	must(err)
	if !old {
		exported, err := credentials.Export()
		must(err)
		return exported
	}
	text, err := credentials.Encode(auth.Untyped)
	must(err)
	return base64.StdEncoding.EncodeToString([]byte(text))
}
