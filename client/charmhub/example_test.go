package charmhub_test

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/charmhub"
)

// exampleStore stands for a real store, so that the examples run.
func exampleStore() *httptest.Server {
	const file = "PK: a charm"
	a, b := sha256.Sum256([]byte(file)), sha512.Sum384([]byte(file))
	releases := `{"channel-map":[{"channel":"latest/edge","base":{"name":"ubuntu","channel":"24.04","architecture":"amd64"},"revision":7,
		"resources":[{"name":"image","type":"oci-image","revision":2}],"when":"2025-06-02T00:00:00Z","expiration-date":null,"progressive":{"paused":null,"percentage":null}}],
		"package":{"channels":[]},"revisions":[{"revision":7,"version":"1.7","created-at":"2025-06-01T00:00:00Z","status":"released","bases":[],"errors":null}]}`
	answers := map[string]string{
		"GET /v1/tokens/whoami":               `{"account":{"id":"i","username":"ann","display-name":"Ann"},"permissions":["package-manage"],"channels":null,"packages":null}`,
		"POST /unscanned-upload/":             `{"successful":true,"upload_id":"up-1"}`,
		"POST /v1/charm/bake/revisions":       `{"status-url":"/v1/charm/bake/revisions/review?upload-id=up-1"}`,
		"GET /v1/charm/bake/revisions/review": `{"revisions":[{"upload-id":"up-1","status":"approved","revision":7,"errors":null}]}`,
		"GET /v1/charm/bake":                  `{"metadata":{"id":"b","name":"bake","type":"charm","default-track":"latest","tracks":[]}}`,
		"GET /v1/charm/bake/releases":         releases,
		"POST /v1/charm/bake/releases":        `{"released":[{"channel":"latest/beta","revision":7,"resources":[{"name":"image","revision":2}]}]}`,
		"POST /v1/charm/libraries/bulk":       `{"libraries":[{"api":0,"patch":3,"hash":"x","library-id":"0123","library-name":"oven","charm-name":"bake"}]}`,
		"GET /api/v1/charms/download/b_7":     file,
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/v2/charms/refresh" {
			download := fmt.Sprintf(`{"url":"http://%s/api/v1/charms/download/b_7","size":%d,"hash-sha-256":"%x","hash-sha-384":"%x"}`, r.Host, len(file), a, b)
			_, _ = io.WriteString(w, refreshed(sent, download))
			return
		}
		answer, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = `{"error-list":[{"code":"resource-not-found","message":"There is no such charm."}]}`
		}
		_, _ = io.WriteString(w, answer)
	}))
}

// refreshed names the bases first, as stores do for a base that is not known.
func refreshed(sent []byte, download string) string {
	var in struct {
		Actions []struct {
			Key  string        `json:"instance-key"`
			Base charmhub.Base `json:"base"`
		} `json:"actions"`
	}
	if json.Unmarshal(sent, &in) != nil || len(in.Actions) != 1 {
		return "{}"
	}
	answer := `{"results":[{"instance-key":"` + in.Actions[0].Key + `",`
	if in.Actions[0].Base.Name == charmhub.Unknown {
		return answer + `"result":"error","error":{"code":"invalid-charm-base","message":"Choose a base.",
			"extra":{"default-bases":[{"name":"ubuntu","channel":"24.04","architecture":"amd64"}]}}}]}`
	}
	return answer + `"id":"b","name":"bake","result":"download","effective-channel":"latest/edge","charm":{"type":"charm","name":"bake","revision":7,"download":` + download + `}}]}`
}

// From a file to a promotion: upload, wait for the review, promote.
func Example() {
	store := exampleStore()
	defer store.Close()
	directory, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)
	file := filepath.Join(directory, "bake.charm")
	if err := os.WriteFile(file, []byte("PK: a charm"), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	c := &charmhub.Client{Endpoints: charmhub.At(store.URL)}
	if _, err := c.Login(ctx, auth.TokenLogin{Credentials: auth.NewBearer("api-token")}, auth.Grant{}); err != nil {
		fmt.Println(err)
		return
	}
	uploaded, err := c.Upload(ctx, "bake", file, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("revision", uploaded.Revision)

	candidates, err := c.PromotionCandidates(ctx, "bake", "edge", "beta")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range candidates {
		fmt.Println("candidate", r.Revision, r.Version, "on", len(r.Bases), "base with", len(r.Resources), "resource")
	}
	released, err := c.ReleaseCandidates(ctx, "bake", "latest/beta", candidates)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("released to", released[0].Channel)
	// Output:
	// revision 7
	// candidate 7 1.7 on 1 base with 1 resource
	// released to latest/beta
}

// What juju does to deploy a charm: choose a revision for a base that is not
// known, and fetch its verified file.
func ExampleConsumer_Resolve() {
	store := exampleStore()
	defer store.Close()
	directory, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)

	ctx := context.Background()
	c := &charmhub.Consumer{URL: store.URL}
	found, err := c.Resolve(ctx, charmhub.ResolveRequest{Name: "bake", Channel: "edge", Base: charmhub.Base{Architecture: "amd64"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("revision", found.Entity.Revision, "of", found.EffectiveChannel, "for", found.Base.Name, found.Base.Channel)
	file := filepath.Join(directory, found.Entity.FileName())
	if err := c.Download(ctx, found.Entity.Download, file, nil); err != nil {
		fmt.Println(err)
		return
	}
	info, err := os.Stat(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(info.Name(), info.Size(), "bytes")
	// Output:
	// revision 7 of latest/edge for ubuntu 24.04
	// bake_r7.charm 11 bytes
}

// A library is written, changed, and found to be newer than the store's.
func ExampleLibraryFiles_Unpublished() {
	store := exampleStore()
	defer store.Close()
	directory, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)

	library, err := charmhub.NewLibrary("bake", "oven", "0123")
	if err != nil {
		fmt.Println(err)
		return
	}
	library.Patch = 4
	library.Content = strings.Replace(library.Content, "LIBPATCH = 1", "LIBPATCH = 4", 1)
	files := charmhub.LibraryFiles{Dir: directory}
	path, err := files.Write(library)
	fmt.Println(path, err)

	deltas, err := files.Unpublished(context.Background(), &charmhub.Client{Endpoints: charmhub.At(store.URL)}, "bake")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range deltas {
		fmt.Println(d.LibraryName, "is", d.LibraryVersion, "here and", d.Store, "in the store")
	}
	// Output:
	// lib/charms/bake/v0/oven.py <nil>
	// oven is 0.4 here and 0.3 in the store
}

// What the store refuses can be told apart, and so can what was never sent.
func ExampleClient_Metadata() {
	store := exampleStore()
	defer store.Close()
	ctx := context.Background()
	c := &charmhub.Client{Endpoints: charmhub.At(store.URL), Authorizer: auth.NewToken("token-of-ann")}
	_, err := c.Metadata(ctx, "nothing")
	fmt.Println("unknown:", errors.Is(err, charmhub.ErrNotFound))
	_, err = c.Close(ctx, "bake", "sideways")
	fmt.Println(err)
	_, err = (&charmhub.Client{Endpoints: charmhub.At(store.URL)}).Metadata(ctx, "bake")
	fmt.Println("no login:", errors.Is(err, auth.ErrCredentialsUnavailable))
	// Output:
	// unknown: true
	// invalid request: "sideways" is no channel: "sideways" is none of the risks stable, candidate, beta, edge
	// no login: true
}
