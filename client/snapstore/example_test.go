package snapstore_test

import (
	"context"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/snapstore"
)

// exampleStore stands for a real store, so that the examples run.
func exampleStore() *httptest.Server {
	const file = "hsqs: a snap"
	digest := sha3.Sum384([]byte(file))
	answers := map[string]string{
		"GET /api/v2/tokens/whoami":   `{"account":{"id":"i","username":"ann","name":"Ann","email":"ann@store.example"},"permissions":["package_push"],"channels":null,"packages":null}`,
		"POST /unscanned-upload/":     `{"successful":true,"upload_id":"up-1"}`,
		"POST /dev/api/snap-push/":    `{"success":true,"status_details_url":"http://HOST/status"}`,
		"GET /status":                 `{"code":"ready_to_release","processed":true,"can_release":true,"revision":7}`,
		"POST /dev/api/snap-release/": `{"success":true,"opened_channels":["edge"]}`,
		"GET /api/v2/snaps/hello/releases": `{"_links":{},"releases":[
			{"when":"2025-06-02T00:00:00Z","channel":"latest/edge","architecture":"amd64","revision":7},
			{"when":"2025-06-01T00:00:00Z","channel":"latest/beta","architecture":"amd64","revision":null}],"revisions":[],"snap":{}}`,
		"GET /api/v1/snaps/download/x": file,
		"POST /v2/snaps/refresh": fmt.Sprintf(`{"results":[{"result":"download","instance-key":"download-1","name":"hello","effective-channel":"stable",
			"snap":{"revision":7,"download":{"url":"http://HOST/api/v1/snaps/download/x","size":%d,"sha3-384":"%s"}}}]}`, len(file), hex.EncodeToString(digest[:])),
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answer, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = `{"error-list":[{"code":"resource-not-found","message":"There is no such snap."}]}`
		}
		_, _ = io.WriteString(w, strings.ReplaceAll(answer, "HOST", r.Host))
	}))
}

// From a file to a release: upload, push, wait for the review, release.
func Example() {
	store := exampleStore()
	defer store.Close()
	directory, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)
	file := filepath.Join(directory, "hello_1.7_amd64.snap")
	if err := os.WriteFile(file, []byte("hsqs: a snap"), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := &snapstore.Client{Endpoints: snapstore.At(store.URL)}
	if _, err := c.Login(ctx, auth.TokenLogin{Credentials: auth.NewBearer("api-token")}, auth.Grant{}); err != nil {
		fmt.Println(err)
		return
	}
	who, err := c.Whoami(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("publishing as", who.Account.Username)

	id, err := c.UploadFile(ctx, file, &snapstore.UploadOptions{Progress: func(p snapstore.Progress) {
		fmt.Printf("%d of %d bytes\n", p.Done, p.Total)
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	pushed, err := c.Dashboard().Push(ctx, snapstore.Push{Name: "hello", UploadID: id})
	if err != nil {
		fmt.Println(err)
		return
	}
	review, err := c.WaitForReview(ctx, pushed.StatusURL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	released, err := c.Dashboard().Release(ctx, snapstore.DashboardRelease{
		Name: "hello", Revision: review.Revision, Channels: []string{"edge"},
	})
	fmt.Println("revision", review.Revision, "released, opened", released.OpenedChannels, err)
	// Output:
	// publishing as ann
	// 12 of 12 bytes
	// revision 7 released, opened [edge] <nil>
}

// What the store refuses can be told apart.
func ExampleStoreError() {
	store := exampleStore()
	defer store.Close()
	c := &snapstore.Client{Endpoints: snapstore.At(store.URL), Authorizer: auth.NewToken("token-of-ann")}
	_, err := c.Dashboard().SnapInfo(context.Background(), "nothing")

	var refused *snapstore.StoreError
	fmt.Println("unknown:", errors.Is(err, snapstore.ErrNotFound))
	if errors.As(err, &refused) {
		fmt.Println("code:", refused.HasCode("resource-not-found"))
		fmt.Println("message:", refused.Errors[0].Message)
	}
	// Output:
	// unknown: true
	// code: true
	// message: There is no such snap.
}

// The history of releases comes page by page, as far as it is read.
func ExampleDashboard_Releases() {
	store := exampleStore()
	defer store.Close()
	c := &snapstore.Client{Endpoints: snapstore.At(store.URL), Authorizer: auth.NewToken("token-of-ann")}
	for release, err := range c.Dashboard().Releases(context.Background(), "hello") {
		switch {
		case err != nil:
			fmt.Println(err)
		case release.Revision == nil:
			fmt.Println(release.Channel, release.Architecture, "closed")
		default:
			fmt.Println(release.Channel, release.Architecture, *release.Revision)
		}
	}
	// Output:
	// latest/edge amd64 7
	// latest/beta amd64 closed
}

// A device's view: what a channel holds, and the verified file.
func ExampleDevice_Download() {
	store := exampleStore()
	defer store.Close()
	directory, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)

	d := &snapstore.Device{URL: store.URL, Architecture: "amd64"}
	found, err := d.Resolve(context.Background(), "hello", "stable", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	file := filepath.Join(directory, "hello_7.snap")
	if err := d.Download(context.Background(), *found.Snap.Download, file, nil); err != nil {
		fmt.Println(err)
		return
	}
	info, err := os.Stat(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("revision", found.Snap.Revision, info.Name(), info.Size(), "bytes")
	// Output: revision 7 hello_7.snap 12 bytes
}
