package snapdevice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/fs"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/device"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/inspect/squashfs"
	"github.com/larder-store/larder/internal/store"
)

// world is a whole store on SQLite and the file system, with snaps in it, and
// this dialect before it. Its clock moves by hand.
type world struct {
	t       *testing.T
	now     time.Time
	db      *db.DB
	blobs   blob.Store
	auth    *authority.Authority
	catalog *catalog.Catalog
	devices *device.Devices
	api     http.Handler
	cast
}

// cast is who signs: a trusted root, its store key, and a brand with a device.
type cast struct {
	root, store, brand *assertiontest.Authority
	model, serial      *assertion.Assertion
}

const (
	baseURL    = "https://store.example"
	brandStore = "brandstore"
)

// The ids of the snaps that every world has.
var (
	helloID   = assertiontest.SnapID(1) // 1 on latest/stable, 2 on latest/candidate; arm64: 3 on edge
	trackyID  = assertiontest.SnapID(2) // 1 on latest/stable, 2 on 2.0/stable, its default track
	epochalID = assertiontest.SnapID(3) // 1 (epoch 0), 2 (1*) and 3 (2), one after the other on latest/stable
	phasedID  = assertiontest.SnapID(4) // 1 on latest/stable, 2 on top of it for half of the devices
	partsID   = assertiontest.SnapID(5) // with the component extra
	brandedID = assertiontest.SnapID(6) // at home in a private store
	emptyID   = assertiontest.SnapID(7) // nothing released
	devID     = assertiontest.SnapID(8) // devmode, on latest/edge
)

// template is a world that was made once, as files. Every test gets a copy.
var template struct {
	once   sync.Once
	dir    string
	now    time.Time
	people cast
}

func TestMain(m *testing.M) {
	code := m.Run()
	if template.dir != "" {
		os.RemoveAll(template.dir)
	}
	os.Exit(code)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	template.once.Do(func() {
		dir, err := os.MkdirTemp("", "snapdevice")
		if err != nil {
			t.Fatal(err)
		}
		w := openWorld(t, dir, time.Date(2026, 2, 3, 4, 5, 6, 789000000, time.UTC))
		w.people()
		w.snaps()
		w.must(w.db.Close())
		template.dir, template.now, template.people = dir, w.now, w.cast
	})
	if template.dir == "" {
		t.Fatal("there is no world to copy")
	}
	dir := filepath.Join(t.TempDir(), "world")
	if err := os.CopyFS(dir, os.DirFS(template.dir)); err != nil {
		t.Fatal(err)
	}
	w := openWorld(t, dir, template.now)
	w.cast = template.people
	t.Cleanup(func() { w.must(w.db.Close()) })
	return w
}

func openWorld(t *testing.T, dir string, now time.Time) *world {
	t.Helper()
	w := &world{t: t, now: now}
	clock := func() time.Time { return w.now }
	var err error
	w.db, err = db.Open(t.Context(), "sqlite:"+filepath.Join(dir, "larder.db"), db.Options{Now: clock})
	w.must(err)
	w.blobs, err = fs.Open(filepath.Join(dir, "blobs"))
	w.must(err)
	w.auth = authority.New(authority.NewSecret())
	w.catalog = catalog.New(catalog.Options{DB: w.db, Blobs: w.blobs, Authority: w.auth, Now: clock})
	w.devices = device.New(w.db, w.auth, device.Config{Now: clock})
	w.serve(Options{})
	return w
}

// serve puts the API before the world.
func (w *world) serve(o Options) {
	o.Catalog, o.Devices = w.catalog, w.devices
	o.Now = func() time.Time { return w.now }
	if o.BaseURL == nil {
		o.BaseURL = func(*http.Request) string { return baseURL }
	}
	w.api = New(o)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

var operator = store.Host("tester")

func (w *world) people() {
	w.root = assertiontest.NewRoot(w.t, "rooty", assertiontest.RootKey)
	w.store = w.root.Certify(w.t, "rooty", assertiontest.StoreKey)
	w.brand = w.store.Certify(w.t, "acme", assertiontest.BrandKey)
	w.model = w.sign(w.brand, assertiontest.With(assertiontest.ModelHeaders("acme", "pi"), "store", brandStore))
	w.serial = w.sign(w.brand, assertiontest.SerialHeaders("acme", "pi", "s1", assertiontest.DeviceKey))
	_, err := w.db.Update(w.t.Context(), "tester", func(tx *db.Tx) error {
		_, _, err := w.auth.AddAnchor(tx, authority.Encode([]*assertion.Assertion{w.root.Account, w.root.Key}), "test", "tester")
		return err
	})
	w.must(err)
	w.add(w.store.Key, w.brand.Account, w.brand.Key, w.model,
		w.sign(w.store, assertiontest.With(assertiontest.AccountHeaders("dev"), "validation", "starred")))
	for _, v := range []store.View{
		{ID: store.GlobalStore, Name: "everyone's"},
		{ID: brandStore, Name: "acme's", Brand: "acme", Private: true, Includes: []string{store.GlobalStore}},
	} {
		_, _, err := w.catalog.MakeView(w.t.Context(), operator, v, nil)
		w.must(err)
	}
}

// sign signs as who.
func (w *world) sign(who *assertiontest.Authority, headers assertiontest.Headers, body ...byte) *assertion.Assertion {
	w.t.Helper()
	return who.Sign(w.t, headers, body)
}

// add enters assertions.
func (w *world) add(list ...*assertion.Assertion) {
	w.t.Helper()
	_, err := w.catalog.AddAssertions(w.t.Context(), operator, list)
	w.must(err)
}

// declare registers a snap by its declaration.
func (w *world) declare(id, name string, more ...any) *assertion.Assertion {
	w.t.Helper()
	a := w.sign(w.store, assertiontest.With(assertiontest.DeclarationHeaders(id, name, "dev"), more...))
	w.add(a)
	return a
}

const icon = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"></svg>`

func (w *world) snaps() {
	for _, s := range []struct{ id, name string }{
		{helloID, "hello"}, {trackyID, "tracky"}, {epochalID, "epochal"}, {phasedID, "phased"},
		{partsID, "parts"}, {brandedID, "branded"}, {emptyID, "empty"}, {devID, "devtool"},
	} {
		w.declare(s.id, s.name)
		w.tick()
	}
	hello := func(version, arch string) string {
		return fmt.Sprintf(`name: hello
version: '%s'
title: Hello
summary: Say "hello" to the world
description: |
  Says hello.

  And nothing else.
license: Apache-2.0
base: core24
type: app
confinement: strict
grade: stable
architectures: [%s]
links:
  contact: [mailto:dev@example.org]
  website: [https://hello.example.org]
apps:
  hello:
    command: bin/hello
    common-id: org.example.hello
    aliases: [hi]
`, version, arch)
	}
	w.pushFiles(helloID, 1, hello("1.0", "amd64"), []squashfs.File{
		snapbuild.Noise("content", 20_000, 1), snapbuild.Text("meta/gui/icon.svg", icon), snapbuild.Program("bin/hello", "#!/bin/sh\n"),
	}, "stable")
	w.push(helloID, 2, hello("1.1", "amd64"), "candidate")
	w.push(helloID, 3, hello("1.1", "arm64"), "edge")
	w.push(trackyID, 1, simple("tracky", "1", ""), "latest/stable")
	w.push(trackyID, 2, simple("tracky", "2", ""), "2.0/stable")
	track := "2.0"
	_, err := w.catalog.ChangePackage(w.t.Context(), operator, store.Snap, "tracky", catalog.PackageChange{DefaultTrack: &track})
	w.must(err)
	w.push(epochalID, 1, simple("epochal", "0", "epoch: 0\n"), "stable")
	w.push(epochalID, 2, simple("epochal", "1", "epoch: 1*\n"), "stable")
	w.push(epochalID, 3, simple("epochal", "2", "epoch: 2\n"), "stable")
	w.push(phasedID, 1, simple("phased", "1", ""), "stable")
	w.push(phasedID, 2, simple("phased", "2", ""))
	w.release("phased", 2, catalog.Pointing{Percentage: 50})
	w.parts()
	w.push(brandedID, 1, simple("branded", "1", ""), "stable")
	home := brandStore
	_, err = w.catalog.ChangePackage(w.t.Context(), operator, store.Snap, "branded", catalog.PackageChange{StoreID: &home})
	w.must(err)
	w.push(devID, 1, simple("devtool", "1", "confinement: devmode\n"), "edge")
	_, err = w.catalog.ChangePackage(w.t.Context(), operator, store.Snap, "hello", catalog.PackageChange{
		Categories: []string{"utilities"}, Featured: true,
	})
	w.must(err)
	w.tick()
}

func simple(name, version, more string) string {
	return fmt.Sprintf("name: %s\nversion: '%s'\nsummary: The snap %s\ndescription: Test.\narchitectures: [amd64]\n%s", name, version, name, more)
}

// tick lets a second pass, so that every fact has a time of its own.
func (w *world) tick() { w.now = w.now.Add(time.Second) }

// push brings in one revision, signed by the store, and releases it.
func (w *world) push(id string, revision int, yaml string, channels ...string) {
	w.t.Helper()
	w.pushFiles(id, revision, yaml, []squashfs.File{snapbuild.Noise("content", 20_000, uint64(revision))}, channels...)
}

func (w *world) pushFiles(id string, revision int, yaml string, files []squashfs.File, channels ...string) {
	w.t.Helper()
	staged := w.stage(snaptest.Snap(w.t, yaml, files...))
	info, problems := inspect.Snap(w.t.Context(), staged, staged.Digests().Size, inspect.Limits{})
	if info == nil {
		w.t.Fatal(problems)
	}
	in := catalog.Incoming{
		Assertions: []*assertion.Assertion{w.sign(w.store, assertiontest.RevisionHeaders(
			id, staged.Digests().SHA3_384.Base64URL(), uint64(staged.Digests().Size), revision, "dev"))},
		Snaps: []catalog.IncomingSnap{{Source: "test.snap", Staged: staged, Info: info, Problems: problems}},
	}
	for _, text := range channels {
		c, err := store.ParseChannel(text)
		w.must(err)
		in.Snaps[0].Channels = append(in.Snaps[0].Channels, c)
	}
	_, err := w.catalog.Push(w.t.Context(), operator, in)
	w.must(err)
	w.tick()
}

func (w *world) stage(path string) blob.Staged {
	w.t.Helper()
	f, err := os.Open(path)
	w.must(err)
	defer f.Close()
	staged, err := w.blobs.Stage(w.t.Context(), f, blob.PutOptions{})
	w.must(err)
	return staged
}

func (w *world) release(name string, revision int, p catalog.Pointing) {
	w.t.Helper()
	_, err := w.catalog.Release(w.t.Context(), operator, store.Snap, name, revision, []catalog.Pointing{p})
	w.must(err)
	w.tick()
}

// parts makes the snap with a component, both signed by the store.
func (w *world) parts() {
	w.push(partsID, 1, simple("parts", "1", "components:\n  extra:\n    type: standard\n"))
	staged := w.stage(snaptest.Component(w.t, "component: parts+extra\ntype: standard\nsummary: More\ndescription: More of it.\nversion: '1.5'\n"))
	info, err := inspect.Component(w.t.Context(), staged, staged.Digests().Size, inspect.Limits{})
	w.must(err)
	digests := staged.Digests()
	in := catalog.Incoming{
		Assertions: []*assertion.Assertion{
			w.sign(w.store, assertiontest.Headers{
				"type": "snap-resource-revision", "snap-id": partsID, "resource-name": "extra",
				"resource-sha3-384": digests.SHA3_384.Base64URL(), "resource-size": fmt.Sprint(digests.Size),
				"resource-revision": "4", "developer-id": "dev", "timestamp": assertiontest.Time,
			}),
			w.sign(w.store, assertiontest.Headers{
				"type": "snap-resource-pair", "snap-id": partsID, "resource-name": "extra",
				"resource-revision": "4", "snap-revision": "1", "developer-id": "dev", "timestamp": assertiontest.Time,
			}),
		},
		Components: []catalog.IncomingComponent{{Source: "test.comp", Staged: staged, Info: info}},
	}
	_, err = w.catalog.Push(w.t.Context(), operator, in)
	w.must(err)
	w.release("parts", 1, catalog.Pointing{Resources: []store.ResourcePin{{Name: "extra", Revision: 4}}})
}

// session opens a device session as snapd does, and returns the header value.
func (w *world) session() string {
	w.t.Helper()
	macaroon := member[string](w.t, w.post("/api/v1/snaps/auth/sessions", w.proof(w.nonce())), "macaroon")
	return `Macaroon root="` + macaroon + `"`
}

func (w *world) nonce() string {
	w.t.Helper()
	return member[string](w.t, w.post("/api/v1/snaps/auth/nonces", ""), "nonce")
}

// proof is the body with which a device opens a session.
func (w *world) proof(nonce string) string {
	w.t.Helper()
	request, err := assertion.Sign(assertiontest.Headers{
		"type": "device-session-request", "brand-id": "acme", "model": "pi", "serial": "s1",
		"nonce": nonce, "timestamp": w.now.Format(time.RFC3339),
	}, nil, assertiontest.Signer(assertiontest.DeviceKey))
	w.must(err)
	body, err := json.Marshal(map[string]string{
		"device-session-request": string(request.Encoded()),
		"serial-assertion":       string(w.serial.Encoded()),
		"model-assertion":        string(w.model.Encoded()),
	})
	w.must(err)
	return string(body)
}

// do sends one request; headers are name, value, name, value.
func (w *world) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.api.ServeHTTP(recorder, r)
	return recorder
}

func (w *world) get(path string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.do("GET", path, "", headers...)
}

func (w *world) post(path, body string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.do("POST", path, body, headers...)
}

// device is the headers that every device sends on refresh.
var deviceHeaders = []string{
	"Snap-Device-Architecture", "amd64", "Snap-Device-Series", "16", "Snap-Device-Capabilities", "default-tracks",
	"Content-Type", "application/json",
}

// refresh sends a refresh and returns the whole answer.
func (w *world) refresh(body string, headers ...string) map[string]any {
	w.t.Helper()
	got := w.post("/v2/snaps/refresh", body, append(append([]string(nil), deviceHeaders...), headers...)...)
	if got.Code != 200 {
		w.t.Fatalf("%d %s", got.Code, got.Body)
	}
	return object(w.t, got)
}

// result sends one action and returns its result.
func (w *world) result(context, action string, headers ...string) map[string]any {
	w.t.Helper()
	answer := w.refresh(fmt.Sprintf(`{"context":[%s],"actions":[%s],"fields":["revision","name","snap-id","download","epoch","snap-yaml"]}`,
		context, action), headers...)
	list := answer["results"].([]any)
	if len(list) != 1 {
		w.t.Fatalf("%d results", len(list))
	}
	return list[0].(map[string]any)
}

// revision is that of a result's snap, 0 when it failed.
func revision(result map[string]any) int {
	snap, ok := result["snap"].(map[string]any)
	if !ok {
		return 0
	}
	return int(snap["revision"].(float64))
}

func errorCode(result map[string]any) string {
	e, ok := result["error"].(map[string]any)
	if !ok {
		return ""
	}
	return e["code"].(string)
}

// have is an entry of a request's context.
func have(id string, revision int, more string) string {
	return fmt.Sprintf(`{"snap-id":%q,"instance-key":%q,"revision":%d,"tracking-channel":"stable","epoch":{"read":[0],"write":[0]}%s}`,
		id, id, revision, more)
}

func refreshOf(id string) string {
	return fmt.Sprintf(`{"action":"refresh","instance-key":%q,"snap-id":%q}`, id, id)
}

func object(t *testing.T, r *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(r.Body.Bytes(), &v); err != nil {
		t.Fatalf("%d %q: %v", r.Code, r.Body, err)
	}
	return v
}

func member[T any](t *testing.T, r *httptest.ResponseRecorder, name string) T {
	t.Helper()
	v, ok := object(t, r)[name].(T)
	if !ok {
		t.Fatalf("%d %s: no %s", r.Code, r.Body, name)
	}
	return v
}

// listCode is the code of the first error of an answer in the v2 shape.
func listCode(t *testing.T, r *httptest.ResponseRecorder) string {
	t.Helper()
	list := member[[]any](t, r, "error-list")
	return list[0].(map[string]any)["code"].(string)
}

// path cuts the store's own URL off.
func path(t *testing.T, url string) string {
	t.Helper()
	rest, ok := strings.CutPrefix(url, baseURL)
	if !ok {
		t.Fatalf("%s is not under %s", url, baseURL)
	}
	return rest
}

// blobOf reads a whole blob through the API.
func (w *world) blobOf(url string) []byte {
	w.t.Helper()
	got := w.get(path(w.t, url))
	if got.Code != 200 {
		w.t.Fatalf("%s: %d %s", url, got.Code, got.Body)
	}
	return bytes.Clone(got.Body.Bytes())
}

func stream(t *testing.T, r io.Reader) []*assertion.Assertion {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	list, err := authority.ParseStream(text, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}
