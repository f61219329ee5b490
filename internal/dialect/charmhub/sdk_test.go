package charmhub

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/client/auth"
	sdk "github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/client/transport"
	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/store"
)

// online is the dialect behind a socket, with the two paths of other dialects
// that a publisher needs. Whatever is claimed is looked into before the answer.
func (w *world) online() *http.Client {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/tokens/whoami", func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, `{"account":{"id":"alice-id","username":"alice"},"permissions":null,"packages":null,"channels":null}`)
	})
	mux.HandleFunc("POST /unscanned-upload/", func(rw http.ResponseWriter, r *http.Request) {
		file, _, err := r.FormFile("binary")
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		content, err := io.ReadAll(file)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(rw, `{"successful":true,"upload_id":"`+w.upload(content)+`"}`)
	})
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/review") {
			w.process()
		}
		w.API.ServeHTTP(rw, r)
	})
	s := httptest.NewServer(mux)
	w.T.Cleanup(s.Close)
	return &http.Client{Transport: toServer{strings.TrimPrefix(s.URL, "http://")}}
}

// toServer sends what is for store.example to a server of this machine.
type toServer struct{ host string }

func (t toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", t.host
	return http.DefaultTransport.RoundTrip(r)
}

// TestTheSDKPublishesAndConsumes goes the way of a charm with the public client.
func TestTheSDKPublishesAndConsumes(t *testing.T) {
	w := newWorld(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	web := &transport.Client{HTTP: w.online(), Retry: &transport.Retry{}}
	c := &sdk.Client{Endpoints: sdk.At(publishertest.BaseURL), Authorizer: auth.NewToken("alice"), HTTP: web, PollInterval: time.Nanosecond}
	juju := &sdk.Consumer{URL: publishertest.BaseURL, HTTP: web}

	// A name and its metadata.
	id, err := c.RegisterName(ctx, sdk.NameRequest{Name: "hello"})
	must(err)
	names, err := c.ListNames(ctx, true)
	if err != nil || len(names) != 1 || names[0].ID != id || names[0].Type != "charm" {
		t.Fatalf("names %+v, %v", names, err)
	}
	_, err = c.UpdateMetadata(ctx, "hello", map[string]any{"summary": "Says hello"})
	must(err)

	// A charm, a resource, an older and a newer revision.
	spec := charmOf("hello", "resources:\n  data:\n    type: file\n    filename: data.txt\n")
	spec.Version = "1.0"
	upload := func() int {
		t.Helper()
		uploaded, err := c.Upload(ctx, "hello", charmtest.Charm(t, spec), nil)
		must(err)
		return uploaded.Revision
	}
	first := upload()
	spec.Version = "2.0"
	second := upload()
	_, err = c.Upload(ctx, "hello", charmtest.Bundle(t, "name: hello\napplications:\n  a:\n    charm: hello\n"), nil)
	if !errors.As(err, new(*sdk.ReviewError)) {
		t.Errorf("a bundle for a charm: %v", err)
	}
	data := filepath.Join(t.TempDir(), "data.txt")
	must(os.WriteFile(data, []byte("the data"), 0o600))
	attached, err := c.UploadResource(ctx, "hello", "data", data, sdk.ResourceOptions{}, nil)
	must(err)
	resources, err := c.ListResources(ctx, "hello")
	if err != nil || len(resources) != 2 || resources[0].Name != "data" || resources[0].Type != sdk.ResourceFile {
		t.Errorf("resources %+v, %v", resources, err)
	}
	changed, err := c.SetResourceArchitectures(ctx, "hello", "data", map[int][]string{attached.Revision: {"amd64", "arm64"}})
	if err != nil || len(changed) != 1 || strings.Join(changed[0].Bases[0].Architectures, " ") != "amd64 arm64" {
		t.Errorf("architectures %+v, %v", changed, err)
	}
	revisions, err := c.ListRevisions(ctx, "hello", nil)
	if err != nil || len(revisions) < 2 {
		t.Errorf("revisions %+v, %v", revisions, err)
	}

	// Releases.
	release := func(channel string, revision int) {
		t.Helper()
		r := sdk.ReleaseTo(channel, revision)
		r.Resources = []sdk.ResourceRelease{{Name: "data", Revision: &attached.Revision}}
		_, err := c.Release(ctx, "hello", r)
		must(err)
	}
	release("latest/edge", first)
	release("edge", second)
	_, err = c.Promote(ctx, "hello", "edge", "beta")
	must(err)
	held, err := c.RevisionsOnChannel(ctx, "hello", "beta")
	if err != nil || len(held) != 1 || held[0].Revision != second || held[0].Version != "2.0" || *held[0].Resources[0].Revision != attached.Revision {
		t.Errorf("on beta %+v, %v", held, err)
	}
	_, err = c.Close(ctx, "hello", "latest/edge", "latest/candidate")
	must(err)
	if held, err = c.RevisionsOnChannel(ctx, "hello", "edge"); err != nil || len(held) != 0 {
		t.Errorf("on edge %+v, %v", held, err)
	}
	if _, err = c.CreateTracks(ctx, "hello", sdk.TrackRequest{Name: "9.0"}); err == nil {
		t.Error("a track without a guardrail was created")
	}

	// Libraries.
	libraryID, err := c.CreateLibraryID(ctx, "hello", "greeting")
	must(err)
	library, err := sdk.NewLibrary("hello", "greeting", libraryID)
	must(err)
	_, err = c.CreateLibraryRevision(ctx, library)
	must(err)
	files := sdk.LibraryFiles{Dir: t.TempDir()}
	got, err := c.Library(ctx, "hello", libraryID, nil, nil)
	must(err)
	_, err = files.Write(got)
	must(err)
	if deltas, err := files.Unpublished(ctx, c, "hello"); err != nil || len(deltas) != 0 {
		t.Errorf("unpublished %+v, %v", deltas, err)
	}
	anonymous := &sdk.Client{Endpoints: sdk.At(publishertest.BaseURL), HTTP: web}
	byName, err := anonymous.LibrariesByName(ctx, sdk.LibraryRequest{CharmName: "hello", LibraryName: "greeting"})
	if err != nil || byName["hello.greeting"].Version() != library.Version() {
		t.Errorf("libraries by name %+v, %v", byName, err)
	}
	if _, err := anonymous.LibrariesByID(ctx, "nothing"); !errors.Is(err, sdk.ErrNotFound) {
		t.Errorf("an unknown library: %v", err)
	}

	// What juju asks.
	found, err := juju.Resolve(ctx, sdk.ResolveRequest{Name: "hello", Channel: "edge", Base: sdk.Base{Architecture: "amd64"}})
	if err != nil || found.Entity.Revision != second || found.Base.Channel != "24.04" || !strings.HasSuffix(found.EffectiveChannel, "beta") || len(found.Entity.Resources) != 1 {
		t.Fatalf("resolved %+v, %v", found, err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, found.Entity.FileName())
	must(juju.Download(ctx, found.Entity.Download, file, nil))
	if sent, err := os.ReadFile(file); err != nil || string(sent) != string(charmtest.CharmBytes(t, spec)) {
		t.Errorf("another charm came: %v", err)
	}
	one, err := juju.ResolveResource(ctx, sdk.ResolveRequest{ID: id, Revision: &second}, "data", attached.Revision)
	must(err)
	must(juju.Download(ctx, one.Download, filepath.Join(dir, one.FileName()), nil))
	if sent, err := os.ReadFile(filepath.Join(dir, "resource_data_r1_data.txt")); err != nil || string(sent) != "the data" {
		t.Errorf("the resource is %q, %v", sent, err)
	}
	if list, err := juju.ResourceRevisions(ctx, "hello", "data"); err != nil || len(list) != 1 {
		t.Errorf("the resource's revisions %+v, %v", list, err)
	}
	page, err := juju.Info(ctx, "hello", nil)
	if err != nil || page.Result.Summary != "Says hello" || page.DefaultRelease == nil || page.DefaultRelease.Revision.Revision != second || len(page.ChannelMap) != 1 {
		t.Errorf("info %+v, %v", page, err)
	}
	if list, err := juju.Find(ctx, sdk.FindQuery{Text: "hello", Type: "charm"}); err != nil || len(list) != 1 || list[0].Result.Summary != "Says hello" {
		t.Errorf("found %+v, %v", list, err)
	}
	for name, r := range map[string]sdk.ResolveRequest{
		"nothing": {Name: "nothing"}, "stable": {Name: "hello", Base: sdk.Base{Name: "ubuntu", Channel: "24.04", Architecture: "amd64"}},
		"another architecture": {Name: "hello", Channel: "beta", Base: sdk.Base{Architecture: "s390x"}},
	} {
		if _, err := juju.Resolve(ctx, r); !errors.As(err, new(*sdk.ResolveError)) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// What may not be.
	w.Token("reading", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package-view"})})
	reading := &sdk.Client{Endpoints: sdk.At(publishertest.BaseURL), Authorizer: auth.NewToken("reading"), HTTP: web}
	if _, err := reading.Close(ctx, "hello", "beta"); !errors.Is(err, sdk.ErrForbidden) {
		t.Errorf("closing with a token that reads: %v", err)
	}
	if _, err := c.UnregisterName(ctx, "hello"); err == nil {
		t.Error("a name with releases was given up")
	}
}
