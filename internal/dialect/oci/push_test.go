package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func TestAnImageIsPushedAndPulled(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		repo := name(redis, "server")
		at := "/v2/" + repo
		alice := w.person("alice").token("repository:" + repo + ":pull,push,delete")
		layer := strings.Repeat("a layer of some length. ", 40_000)
		m := alice.push(repo, "latest", "arm64", layer)
		digest := digestOf(m)

		for _, reference := range []string{"latest", digest} {
			for _, method := range []string{"GET", "HEAD"} {
				a := w.wants(alice.do(method, at+"/manifests/"+reference, nil, "Accept", "*/*"), http.StatusOK, "")
				if method == "GET" && !bytes.Equal(a.body, m) || a.header.Get("Docker-Content-Digest") != digest ||
					a.header.Get("Content-Type") != store.MediaOCIManifest || a.header.Get("Content-Length") != fmt.Sprint(len(m)) {
					t.Errorf("%s %s: %v %s", method, reference, a.header, a.body)
				}
			}
		}
		blob := at + "/blobs/" + digestOf([]byte(layer))
		whole := w.wants(alice.do("GET", blob, nil), http.StatusOK, "")
		if string(whole.body) != layer || whole.header.Get("Docker-Content-Digest") != digestOf([]byte(layer)) {
			t.Errorf("the layer is another: %v", whole.header)
		}
		if a := w.wants(alice.do("HEAD", blob, nil), http.StatusOK, ""); a.header.Get("Content-Length") != fmt.Sprint(len(layer)) {
			t.Errorf("HEAD: %v", a.header)
		}
		for header, want := range map[string]string{
			"bytes=0-9": layer[:10], "bytes=100-": layer[100:], "bytes=-5": layer[len(layer)-5:], "bytes=5-4": layer, "lines=1-2": layer,
			"bytes=0-1,5-6": layer,
		} {
			status := http.StatusPartialContent
			if want == layer {
				status = http.StatusOK
			}
			if a := w.wants(alice.do("GET", blob, nil, "Range", header), status, ""); string(a.body) != want {
				t.Errorf("%s: %d bytes", header, len(a.body))
			}
		}
		for _, header := range []string{fmt.Sprintf("bytes=%d-", len(layer)), "bytes=99999999-", "bytes=-0"} {
			a := w.wants(alice.do("GET", blob, nil, "Range", header), http.StatusRequestedRangeNotSatisfiable, "UNSUPPORTED")
			if got := a.header.Get("Content-Range"); got != fmt.Sprintf("bytes */%d", len(layer)) {
				t.Errorf("%s: Content-Range %q", header, got)
			}
		}

		w.wants(alice.do("DELETE", at+"/manifests/latest", nil), http.StatusAccepted, "")
		w.wants(alice.do("GET", at+"/manifests/latest", nil), http.StatusNotFound, "MANIFEST_UNKNOWN")
		w.wants(alice.do("GET", at+"/manifests/"+digest, nil), http.StatusOK, "")
		w.wants(alice.do("DELETE", at+"/manifests/"+digest, nil), http.StatusAccepted, "")
		w.wants(alice.do("DELETE", at+"/manifests/"+digest, nil), http.StatusNotFound, "MANIFEST_UNKNOWN")
	})
}

func TestBlobsArriveInEveryWay(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		repo := name(redis, "server")
		at := "/v2/" + repo + "/blobs/"
		alice := w.person("alice")
		has := func(b string) {
			t.Helper()
			if a := w.wants(alice.do("GET", at+digestOf([]byte(b)), nil), http.StatusOK, ""); string(a.body) != b {
				t.Errorf("got %q, want %q", a.body, b)
			}
		}
		escaped := func(b string) string { return url.QueryEscape(digestOf([]byte(b))) }

		w.wants(alice.do("POST", at+"uploads/?digest="+escaped("at once"), []byte("at once")), http.StatusCreated, "")
		has("at once")

		begun := w.wants(alice.do("POST", at+"uploads", nil), http.StatusAccepted, "")
		w.wants(alice.do("PUT", begun.header.Get("Location")+"?digest="+escaped("with the put"), []byte("with the put")), http.StatusCreated, "")
		has("with the put")

		begun = w.wants(alice.do("POST", at+"uploads/", nil), http.StatusAccepted, "")
		w.wants(alice.do("PUT", begun.header.Get("Location")+"?digest="+escaped(""), nil), http.StatusCreated, "")
		has("")

		// In pieces, at two processes, of unknown length and known, with the last one
		// in the PUT.
		begun = w.wants(alice.do("POST", at+"uploads/", nil), http.StatusAccepted, "")
		location := begun.header.Get("Location")
		if begun.header.Get("Range") != "0-0" || begun.header.Get("Docker-Upload-UUID") == "" || begun.header.Get("OCI-Chunk-Min-Length") == "" {
			t.Errorf("begun: %v", begun.header)
		}
		other := alice.on(w.start())
		a := w.wants(alice.do("PATCH", location, []byte("one "), "Content-Range", "0-3"), http.StatusAccepted, "")
		if a.header.Get("Range") != "0-3" || a.header.Get("Location") != location {
			t.Errorf("after a piece: %v", a.header)
		}
		w.wants(other.send("PATCH", location, io.MultiReader(strings.NewReader("two "))), http.StatusAccepted, "")
		a = w.wants(other.do("GET", location, nil), http.StatusNoContent, "")
		if a.header.Get("Range") != "0-7" {
			t.Errorf("state: %v", a.header)
		}
		w.wants(other.do("PUT", location+"?digest="+escaped("one two three"), []byte("three"), "Content-Range", "8-12"), http.StatusCreated, "")
		has("one two three")
		w.wants(alice.do("GET", location, nil), http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")

		begun = w.wants(alice.do("POST", at+"uploads/", nil), http.StatusAccepted, "")
		w.wants(alice.do("DELETE", begun.header.Get("Location"), nil), http.StatusNoContent, "")
		w.wants(alice.do("PATCH", begun.header.Get("Location"), []byte("late")), http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
	})
}

func TestBadUploadsAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		repo := name(redis, "server")
		at := "/v2/" + repo + "/blobs/"
		alice := w.person("alice")
		begin := func() string {
			t.Helper()
			return w.wants(alice.do("POST", at+"uploads/", nil), http.StatusAccepted, "").header.Get("Location")
		}
		digest := digestOf([]byte("content"))

		location := begin()
		w.wants(alice.do("PATCH", location, []byte("con"), "Content-Range", "0-2"), http.StatusAccepted, "")
		for _, header := range []string{"0-3", "4-7", "99999-100002"} {
			a := w.wants(alice.do("PATCH", location, []byte("tent"), "Content-Range", header), http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID")
			if a.header.Get("Range") != "0-2" || a.header.Get("Location") != location {
				t.Errorf("%s: it goes on at %q of %q", header, a.header.Get("Range"), a.header.Get("Location"))
			}
		}
		for _, header := range []string{"3-", "tent", "-3", "6-3", "3-5", "3-99", "999999999999999999999-9999999999999999999999"} {
			if a := alice.do("PATCH", location, []byte("tent"), "Content-Range", header); a.status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", header, a.status, a.body)
			}
		}
		for _, bad := range []string{"", "sha256:abc", "sha512:" + strings.Repeat("a", 128), "md5:x", strings.ToUpper(digest)} {
			w.wants(alice.do("PUT", location+"?digest="+url.QueryEscape(bad), []byte("tent")), http.StatusBadRequest, "DIGEST_INVALID")
		}
		w.wants(alice.do("PUT", location+"?digest="+digest, []byte("TENT")), http.StatusBadRequest, "DIGEST_INVALID")
		w.wants(alice.do("GET", location, nil), http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
		w.wants(alice.do("HEAD", at+digest, nil), http.StatusNotFound, "")
		w.wants(alice.do("POST", at+"uploads/?digest="+digest, []byte("other")), http.StatusBadRequest, "DIGEST_INVALID")
		w.wants(alice.do("PUT", begin()+"?digest="+digest, []byte("other")), http.StatusBadRequest, "DIGEST_INVALID")
		w.wants(alice.do("HEAD", at+digest, nil), http.StatusNotFound, "")

		// Others, other repositories, and what is no upload.
		location = begin()
		w.wants(w.person("bob").do("PATCH", location, []byte("x")), http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
		w.wants(w.person("mallory").do("PATCH", location, []byte("x")), http.StatusForbidden, "DENIED")
		elsewhere := strings.Replace(location, repo, name(redis, "other"), 1)
		w.wants(alice.do("PATCH", elsewhere, []byte("x")), http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
		for _, id := range []string{"x", "..%2F..%2Fsecret", "%00", strings.Repeat("a", 5000)} {
			a := alice.do("PATCH", at+"uploads/"+id, []byte("x"))
			if a.status/100 != 4 {
				t.Errorf("%.40s: %d %s", id, a.status, a.body)
			}
		}

		// A client that goes away leaves the upload as it was.
		w.wants(alice.do("PATCH", location, []byte("con")), http.StatusAccepted, "")
		broken := io.MultiReader(strings.NewReader("tent and more"), failing{})
		r, err := http.NewRequestWithContext(t.Context(), "PATCH", w.server.URL+location, broken)
		w.must(err)
		r.Header.Set("Authorization", alice.auth)
		if response, err := http.DefaultTransport.RoundTrip(r); err == nil {
			response.Body.Close()
		}
		a := w.wants(alice.do("GET", location, nil), http.StatusNoContent, "")
		if a.header.Get("Range") != "0-2" {
			t.Errorf("after a torn piece: %v", a.header)
		}
		w.wants(alice.do("PUT", location+"?digest="+digest, []byte("tent")), http.StatusCreated, "")
	})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("gone") }

func TestUploadsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.settings["larder.uploads.max-size"] = "1"
	repo := name(redis, "server")
	at := "/v2/" + repo + "/blobs/uploads/"
	alice := w.person("alice")
	large := bytes.Repeat([]byte("x"), 1_000_001)
	w.wants(alice.do("POST", at+"?digest="+digestOf(large), large), http.StatusRequestEntityTooLarge, "SIZE_INVALID")
	location := w.wants(alice.do("POST", at, nil), http.StatusAccepted, "").header.Get("Location")
	w.wants(alice.send("PATCH", location, io.MultiReader(bytes.NewReader(large))), http.StatusRequestEntityTooLarge, "SIZE_INVALID")
	w.wants(alice.do("PATCH", location, large[:999_999]), http.StatusAccepted, "")
	w.wants(alice.do("PATCH", location, large[:2]), http.StatusRequestEntityTooLarge, "SIZE_INVALID")

	// What waits for a manifest counts, of one account and in one repository.
	w.settings["larder.uploads.unclaimed-per-address"] = "2"
	w.wants(alice.do("POST", at+"?digest="+digestOf(large[1:]), large[1:]), http.StatusCreated, "")
	other := append([]byte("y"), large[:999_998]...)
	w.wants(alice.do("POST", at+"?digest="+digestOf(other), other), http.StatusCreated, "")
	third := append([]byte("z"), large[:1000]...)
	w.wants(alice.do("POST", at+"?digest="+digestOf(third), third), http.StatusTooManyRequests, "TOOMANYREQUESTS")
	w.wants(alice.do("DELETE", location, nil), http.StatusNoContent, "")
	w.settings["larder.uploads.unclaimed-per-address"] = "100"

	for range store.MaxImageUploads {
		w.wants(alice.do("POST", at, nil), http.StatusAccepted, "")
	}
	a := w.wants(alice.do("POST", at, nil), http.StatusTooManyRequests, "TOOMANYREQUESTS")
	if a.header.Get("Retry-After") == "" {
		t.Error("nothing says when to try again")
	}
	w.wants(w.person("bob").do("POST", at, nil), http.StatusAccepted, "")
	w.pass(store.ImageIdle + time.Second)
	w.wants(alice.do("POST", at, nil), http.StatusAccepted, "")
}

// What is refused is kept nowhere: bytes that no quota counts would fill the disk
// until garbage is collected.
func TestWhatIsRefusedLeavesNoBytes(t *testing.T) {
	w := newWorld(t)
	repo := name(redis, "server")
	at := "/v2/" + repo + "/blobs/uploads/"
	alice := w.person("alice")
	stored := func() (n int) {
		for _, err := range w.blobs.List(t.Context()) {
			w.must(err)
			n++
		}
		return n
	}
	w.settings["larder.uploads.max-size"] = "1"
	w.settings["larder.uploads.unclaimed-per-address"] = "1"
	first := bytes.Repeat([]byte("a"), 900_000)
	w.wants(alice.do("POST", at+"?digest="+digestOf(first), first), http.StatusCreated, "")
	had := stored()
	location := w.wants(alice.do("POST", at, nil), http.StatusAccepted, "").header.Get("Location")
	more := bytes.Repeat([]byte("b"), 200_000)
	unsized := func() io.Reader { return io.MultiReader(bytes.NewReader(more)) }
	w.wants(alice.do("POST", at+"?digest="+digestOf(more), more), http.StatusTooManyRequests, "TOOMANYREQUESTS")
	w.wants(alice.send("POST", at+"?digest="+digestOf(more), unsized()), http.StatusTooManyRequests, "TOOMANYREQUESTS")
	w.wants(alice.do("PATCH", location, more), http.StatusTooManyRequests, "TOOMANYREQUESTS")
	w.wants(alice.do("PUT", location+"?digest="+digestOf(more), more), http.StatusTooManyRequests, "TOOMANYREQUESTS")
	w.settings["larder.uploads.unclaimed-per-address"] = "5"
	w.wants(alice.do("PATCH", location, first), http.StatusAccepted, "") // the same bytes
	w.wants(alice.do("PATCH", location, more), http.StatusRequestEntityTooLarge, "SIZE_INVALID")
	w.wants(alice.send("PATCH", location, unsized()), http.StatusRequestEntityTooLarge, "SIZE_INVALID")
	for n := range 3 {
		m := image([]byte("a config that is not here"), nil, descriptor{"annotations": descriptor{"n": fmt.Sprint(n)}})
		w.wants(alice.put(repo, "x", m), http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN")
	}
	if now := stored(); now != had {
		t.Errorf("%d blobs are stored, and %d were before", now, had)
	}
}

func TestWhatWasSentAndGivenUpCounts(t *testing.T) {
	w := newWorld(t)
	at := "/v2/" + name(redis, "server") + "/blobs/uploads/"
	alice := w.person("alice")
	w.settings["larder.uploads.unclaimed-per-address"] = "2"
	give := func(n int, up func(location string)) int {
		location := w.wants(alice.do("POST", at, nil), http.StatusAccepted, "").header.Get("Location")
		sent := alice.do("PATCH", location, bytes.Repeat([]byte{byte('a' + n)}, 900_000))
		up(location)
		return sent.status
	}
	var got []int
	for n := range 3 {
		got = append(got, give(n, func(location string) {
			if n == 1 { // with a digest that is not that of the bytes
				w.wants(alice.do("PUT", location+"?digest="+digestOf(nil), nil), http.StatusBadRequest, "DIGEST_INVALID")
				return
			}
			w.wants(alice.do("DELETE", location, nil), http.StatusNoContent, "")
		}))
	}
	if fmt.Sprint(got) != "[202 202 429]" {
		t.Errorf("sending again and again: %v", got)
	}
	w.pass(grace + time.Second)
	w.collect()
	if got := give(3, func(string) {}); got != http.StatusAccepted {
		t.Errorf("after it was collected: %d", got)
	}
}

func TestBlobsAreMountedFromWhereTheyMayBePulled(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		from, to, secret, foreign := name(redis, "server"), name(redis, "client"), name(hidden, "server"), name(evil, "server")
		alice := w.person("alice")
		digest := alice.upload(from, []byte("shared"))
		private := alice.upload(secret, []byte("private"))
		mount := func(c *client, to, from, digest string) answer {
			return c.do("POST", "/v2/"+to+"/blobs/uploads/?mount="+url.QueryEscape(digest)+"&from="+url.QueryEscape(from), nil)
		}
		a := w.wants(mount(alice, to, from, digest), http.StatusCreated, "")
		if a.header.Get("Location") != "/v2/"+to+"/blobs/"+digest || a.header.Get("Docker-Content-Digest") != digest {
			t.Errorf("mounted: %v", a.header)
		}
		w.wants(alice.do("GET", "/v2/"+to+"/blobs/"+digest, nil), http.StatusOK, "")

		mallory := w.person("mallory")
		token := w.person("mallory").token("repository:"+foreign+":pull,push", "repository:"+secret+":pull")
		narrow := alice.token("repository:" + to + ":pull,push")
		for what, a := range map[string]answer{
			"of another's public charm":     mount(mallory, foreign, from, digest),
			"of another's private charm":    mount(mallory, foreign, secret, private),
			"with a token":                  mount(token, foreign, secret, private),
			"beyond the token":              mount(narrow, to, secret, private),
			"of nothing":                    mount(alice, to, from, digestOf([]byte("nothing"))),
			"of no digest":                  mount(alice, to, from, "sha256:x"),
			"from nowhere":                  mount(alice, to, "", digest),
			"from what is no repository":    mount(alice, to, "../../etc", digest),
			"from a charm that is not here": mount(alice, to, name(strings.Repeat("q", 32), "a"), digest),
		} {
			if a.status != http.StatusAccepted || !strings.Contains(a.header.Get("Location"), "/blobs/uploads/") {
				t.Errorf("a mount %s: %d %s", what, a.status, a.body)
			}
		}
		w.wants(mallory.do("HEAD", "/v2/"+foreign+"/blobs/"+private, nil), http.StatusNotFound, "")
		w.wants(mount(mallory, from, foreign, digest), http.StatusForbidden, "DENIED")
	})
}

func TestManySendTheSameLayerAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		layer := bytes.Repeat([]byte("the same layer "), 100_000)
		var scopes []string
		for n := range 4 {
			scopes = append(scopes, "repository:"+name(redis, fmt.Sprint("r", n))+":pull,push")
		}
		other := w.start()
		clients := []*client{w.person("alice").token(scopes...), w.person("bob").token(scopes...), w.person("alice").on(other).token(scopes...)}
		var all sync.WaitGroup
		for n := range 12 {
			all.Go(func() {
				clients[n%3].upload(name(redis, fmt.Sprint("r", n%4)), layer)
			})
		}
		all.Wait()
		stored := 0
		for _, err := range w.blobs.List(t.Context()) {
			w.must(err)
			stored++
		}
		if stored != 1 {
			t.Errorf("%d blobs are stored", stored)
		}
		w.must(w.db.View(t.Context(), func(tx *db.Tx) error {
			repos, err := tx.ImageRepos(store.ImageRepo{}, 10)
			if len(repos) != 4 {
				t.Errorf("repositories: %v", repos)
			}
			if n, _, err := tx.ImageUploads("alice"); err != nil || n != 0 {
				t.Errorf("%d uploads are left, %v", n, err)
			}
			return err
		}))
	})
}

func TestAListNeedsItsManifestsAndNotTooManyLevels(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		repo := name(redis, "server")
		alice := w.person("alice")
		amd := alice.push(repo, "amd", "amd64", "layer one")
		arm := alice.push(repo, "arm", "arm", "layer two")
		list := index(map[string][]byte{"amd64": amd, "arm": arm, "unknown": amd})
		w.wants(alice.put(repo, "latest", list), http.StatusCreated, "")
		mediaType, architectures, err := w.catalog.ImageExists(t.Context(), redis, "server", digestOf(list))
		seen := map[string]bool{}
		for _, a := range architectures {
			seen[a] = true
		}
		if err != nil || mediaType != store.MediaOCIIndex || len(seen) != 2 || !seen["amd64"] || !seen["armhf"] {
			t.Errorf("the list is %s for %v, %v", mediaType, architectures, err)
		}
		_, architectures, err = w.catalog.ImageExists(t.Context(), redis, "server", digestOf(arm))
		if err != nil || len(architectures) != 1 || architectures[0] != "armhf" {
			t.Errorf("the image is for %v, %v", architectures, err)
		}
		if _, _, err = w.catalog.ImageExists(t.Context(), redis, "other", digestOf(arm)); store.CodeOf(err) != store.CodeManifestUnknown {
			t.Errorf("an image of another repository: %v", err)
		}
		w.wants(alice.do("DELETE", "/v2/"+repo+"/manifests/"+digestOf(arm), nil), http.StatusConflict, "DENIED")
		w.wants(alice.put(name(redis, "other"), "latest", list), http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN")

		deeper := list
		for level := 2; level < store.MaxManifestDepth; level++ {
			deeper = index(map[string][]byte{"amd64": deeper})
			w.wants(alice.put(repo, digestOf(deeper), deeper), http.StatusCreated, "")
		}
		deeper = index(map[string][]byte{"amd64": deeper})
		w.wants(alice.put(repo, digestOf(deeper), deeper), http.StatusBadRequest, "MANIFEST_INVALID")
	})
}

func TestBadManifestsAreRefused(t *testing.T) {
	w := newWorld(t)
	repo := name(redis, "server")
	alice := w.person("alice")
	config, layer := []byte(`{"architecture":"amd64"}`), []byte("a layer")
	alice.upload(repo, config)
	alice.upload(repo, layer)
	good := image(config, [][]byte{layer}, nil)
	var many [][]byte
	for n := range store.MaxManifestParts {
		many = append(many, []byte(fmt.Sprint(n)))
	}
	plain := string(good)
	for what, test := range map[string]struct {
		reference, contentType string
		body                   []byte
		status                 int
		code                   string
	}{
		"nothing":                     {"x", store.MediaOCIManifest, nil, 400, "MANIFEST_INVALID"},
		"blanks":                      {"x", store.MediaOCIManifest, []byte("  "), 400, "MANIFEST_INVALID"},
		"no JSON":                     {"x", store.MediaOCIManifest, []byte("hello"), 400, "MANIFEST_INVALID"},
		"a list of JSON":              {"x", store.MediaOCIManifest, []byte("[]"), 400, "MANIFEST_INVALID"},
		"null":                        {"x", store.MediaOCIManifest, []byte("null"), 400, "MANIFEST_INVALID"},
		"two documents":               {"x", store.MediaOCIManifest, append(good, '{', '}'), 400, "MANIFEST_INVALID"},
		"deep JSON":                   {"x", store.MediaOCIManifest, []byte(`{"a":` + strings.Repeat("[", 100_000)), 400, "MANIFEST_INVALID"},
		"no schema version":           {"x", store.MediaOCIManifest, []byte(strings.Replace(plain, `"schemaVersion":2`, `"schemaVersion":3`, 1)), 400, "MANIFEST_INVALID"},
		"the first schema":            {"x", "application/vnd.docker.distribution.manifest.v1+prettyjws", []byte(`{"schemaVersion":1,"fsLayers":[]}`), 400, "MANIFEST_INVALID"},
		"the first schema, disguised": {"x", store.MediaOCIManifest, []byte(`{"schemaVersion":1}`), 400, "MANIFEST_INVALID"},
		"another type than it says":   {"x", store.MediaDockerManifest, good, 400, "MANIFEST_INVALID"},
		"an unknown type":             {"x", "text/plain", []byte(`{"schemaVersion":2}`), 400, "MANIFEST_INVALID"},
		"no type":                     {"x", "", []byte(`{"schemaVersion":2}`), 400, "MANIFEST_INVALID"},
		"a broken type":               {"x", ";;", good, 400, "MANIFEST_INVALID"},
		"no config":                   {"x", store.MediaOCIManifest, []byte(`{"schemaVersion":2,"layers":[]}`), 400, "MANIFEST_INVALID"},
		"an image and a list":         {"x", store.MediaOCIManifest, image(config, nil, descriptor{"manifests": []any{}}), 400, "MANIFEST_INVALID"},
		"a list with layers":          {"x", store.MediaOCIIndex, []byte(`{"schemaVersion":2,"layers":[],"manifests":[]}`), 400, "MANIFEST_INVALID"},
		"a digest of another sort":    {"x", store.MediaOCIManifest, image(config, nil, descriptor{"layers": []any{descriptor{"digest": "sha512:abc"}}}), 400, "MANIFEST_INVALID"},
		"a digest that is a path":     {"x", store.MediaOCIManifest, image(config, nil, descriptor{"layers": []any{descriptor{"digest": "sha256:../../../../etc/passwd"}}}), 400, "MANIFEST_INVALID"},
		"a negative size":             {"x", store.MediaOCIManifest, image(config, nil, descriptor{"layers": []any{descriptor{"digest": digestOf(layer), "size": -1}}}), 400, "MANIFEST_INVALID"},
		"a subject that is none":      {"x", store.MediaOCIManifest, image(config, nil, descriptor{"subject": descriptor{"digest": "x"}}), 400, "MANIFEST_INVALID"},
		"too many layers":             {"x", store.MediaOCIManifest, image(config, many, nil), 400, "MANIFEST_INVALID"},
		"a layer that is not here":    {"x", store.MediaOCIManifest, image(config, [][]byte{[]byte("elsewhere")}, nil), 400, "MANIFEST_BLOB_UNKNOWN"},
		"too much":                    {"x", store.MediaOCIManifest, append(bytes.Repeat([]byte(" "), store.MaxManifest), good...), 413, "SIZE_INVALID"},
		"too many annotations": {"x", store.MediaOCIManifest, image(config, nil, descriptor{
			"annotations": descriptor{"a": strings.Repeat("x", store.MaxAnnotations)}}), 400, "MANIFEST_INVALID"},
		"a large artifact type":    {"x", store.MediaOCIManifest, image(config, nil, descriptor{"artifactType": strings.Repeat("x", 256)}), 400, "MANIFEST_INVALID"},
		"a large config type":      {"x", store.MediaOCIManifest, image(config, nil, descriptor{"config": described(strings.Repeat("x", 1<<20), config)}), 400, "MANIFEST_INVALID"},
		"a config type that turns": {"x", store.MediaOCIManifest, image(config, nil, descriptor{"config": described("a\x1bb", config)}), 400, "MANIFEST_INVALID"},
		"another digest":           {digestOf([]byte("other")), store.MediaOCIManifest, good, 400, "DIGEST_INVALID"},
		"a tag with a dot":         {".x", store.MediaOCIManifest, good, 400, "TAG_INVALID"},
		"a long tag":               {strings.Repeat("x", 129), store.MediaOCIManifest, good, 400, "TAG_INVALID"},
		"a path for a tag":         {"a%2Fb", store.MediaOCIManifest, good, 400, "TAG_INVALID"},
		"a broken digest":          {"sha256:12", store.MediaOCIManifest, good, 400, "TAG_INVALID"},
	} {
		a := alice.do("PUT", "/v2/"+repo+"/manifests/"+test.reference, test.body, "Content-Type", test.contentType)
		if a.status != test.status || a.code() != test.code {
			t.Errorf("%s: %d %.300s, want %d %s", what, a.status, a.body, test.status, test.code)
		}
	}
	a := w.wants(alice.do("GET", "/v2/"+repo+"/tags/list", nil), http.StatusOK, "")
	if !strings.Contains(string(a.body), `"tags":[]`) {
		t.Errorf("something was taken: %s", a.body)
	}
	// The same without a type in the document, and as docker writes it.
	untyped := image(config, [][]byte{layer}, descriptor{"mediaType": ""})
	w.wants(alice.do("PUT", "/v2/"+repo+"/manifests/docker", untyped, "Content-Type", store.MediaDockerManifest), http.StatusCreated, "")
	a = w.wants(alice.do("GET", "/v2/"+repo+"/manifests/docker", nil), http.StatusOK, "")
	if a.header.Get("Content-Type") != store.MediaDockerManifest {
		t.Errorf("served as %s", a.header.Get("Content-Type"))
	}
}

func TestNoBrowserRunsWhatWasPushed(t *testing.T) {
	w := newWorld(t)
	repo := name(redis, "server")
	alice := w.person("alice")
	digest := alice.upload(repo, []byte("<!doctype html><script>alert(1)</script>"))
	a := w.wants(alice.do("GET", "/v2/"+repo+"/blobs/"+digest, nil), http.StatusOK, "")
	if a.header.Get("Content-Type") != "application/octet-stream" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("served with %v", a.header)
	}
}

// A name that no database keeps, or that garbles a terminal, is that of no
// repository.
func TestRepositoriesHavePrintableNames(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		alice := w.person("alice")
		for _, resource := range []string{"x--00", "x--ff", "x--0a", "x--1b5b324a"} {
			repo := "charm/" + store.ImageKey(redis) + "/" + resource
			w.wants(alice.do("POST", "/v2/"+repo+"/blobs/uploads/", nil), http.StatusNotFound, "NAME_UNKNOWN")
			w.wants(alice.do("GET", "/v2/"+repo+"/tags/list", nil), http.StatusNotFound, "NAME_UNKNOWN")
			if _, access := w.given(alice.do("GET", "/v2/token?scope=repository:"+repo+":*", nil)); access != "" {
				t.Errorf("a token for %s", access)
			}
		}
	})
}

func TestReferrersAreListedAndFiltered(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		repo := name(redis, "server")
		alice := w.person("alice")
		subject := alice.push(repo, "latest", "amd64", "a layer")
		empty := []byte("{}")
		alice.upload(repo, empty)
		about := descriptor{"subject": described(store.MediaOCIManifest, subject)}
		for n := range 3 {
			m := image(empty, nil, descriptor{"subject": about["subject"], "artifactType": fmt.Sprint("type/", n%2), "annotations": descriptor{"n": fmt.Sprint(n)}})
			a := w.wants(alice.put(repo, digestOf(m), m), http.StatusCreated, "")
			if a.header.Get("OCI-Subject") != digestOf(subject) {
				t.Errorf("OCI-Subject is %q", a.header.Get("OCI-Subject"))
			}
		}
		at := "/v2/" + repo + "/referrers/"
		list := func(path string) (found []referrer, a answer) {
			t.Helper()
			a = w.wants(alice.do("GET", path, nil), http.StatusOK, "")
			var v struct{ Manifests []referrer }
			w.must(json.Unmarshal(a.body, &v))
			if a.header.Get("Content-Type") != store.MediaOCIIndex {
				t.Errorf("type %q", a.header.Get("Content-Type"))
			}
			return v.Manifests, a
		}
		if all, _ := list(at + digestOf(subject)); len(all) != 3 || all[0].Annotations["n"] == "" {
			t.Errorf("all: %v", all)
		}
		of, a := list(at + digestOf(subject) + "?artifactType=" + url.QueryEscape("type/1"))
		if len(of) != 1 || of[0].ArtifactType != "type/1" || a.header.Get("OCI-Filters-Applied") != "artifactType" {
			t.Errorf("of one type: %v, %v", of, a.header)
		}
		if none, _ := list(at + digestOf([]byte("nothing"))); len(none) != 0 {
			t.Errorf("about nothing: %v", none)
		}
		seen := 0
		for next := at + digestOf(subject) + "?n=2"; next != ""; {
			page, a := list(next)
			seen += len(page)
			next = nextPage(a)
		}
		if seen != 3 {
			t.Errorf("saw %d in pages", seen)
		}
		w.wants(alice.do("GET", at+"sha256:x", nil), http.StatusBadRequest, "DIGEST_INVALID")
	})
}

func nextPage(a answer) string {
	link := a.header.Get("Link")
	if !strings.HasSuffix(link, `>; rel="next"`) {
		return ""
	}
	return strings.TrimPrefix(strings.TrimSuffix(link, `>; rel="next"`), "<")
}

func TestTagsAndRepositoriesAreListedInPages(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		repo := name(redis, "server")
		alice := w.person("alice")
		m := alice.push(repo, "b", "amd64", "a layer")
		for _, tag := range []string{"a", "C", "_d", "e.1"} {
			w.wants(alice.put(repo, tag, m), http.StatusCreated, "")
		}
		alice.push(name(hidden, "server"), "x", "amd64", "a layer")
		w.person("mallory").push(name(evil, "server"), "x", "amd64", "a layer")
		pages := func(c *client, path, member string) (all []string) {
			t.Helper()
			for path != "" {
				a := w.wants(c.do("GET", path, nil), http.StatusOK, "")
				var v map[string]json.RawMessage
				w.must(json.Unmarshal(a.body, &v))
				var page []string
				w.must(json.Unmarshal(v[member], &page))
				all = append(all, page...)
				path = nextPage(a)
			}
			return all
		}
		tags := "/v2/" + repo + "/tags/list"
		for _, n := range []string{"", "?n=1", "?n=2", "?n=5", "?n=100000"} {
			if got := fmt.Sprint(pages(alice, tags+n, "tags")); got != "[C _d a b e.1]" {
				t.Errorf("tags%s: %s", n, got)
			}
		}
		if got := fmt.Sprint(pages(alice, tags+"?last=b", "tags")); got != "[e.1]" {
			t.Errorf("tags after b: %s", got)
		}
		if got := pages(alice, tags+"?n=0", "tags"); len(got) != 0 {
			t.Errorf("no tags: %v", got)
		}
		for _, n := range []string{"-1", "x", "99999999999999999999"} {
			w.wants(alice.do("GET", tags+"?n="+n, nil), http.StatusBadRequest, "PAGINATION_NUMBER_INVALID")
		}
		w.wants(alice.do("GET", "/v2/"+name(redis, "never")+"/tags/list", nil), http.StatusNotFound, "NAME_UNKNOWN")

		for who, want := range map[string][]string{
			"alice": {name(hidden, "server"), repo}, "bob": {repo}, "mallory": {name(evil, "server")},
			"vera": {name(evil, "server"), name(hidden, "server"), repo},
		} {
			for _, n := range []string{"", "?n=1"} {
				if got := pages(w.person(who), "/v2/_catalog"+n, "repositories"); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s sees %v, want %v", who, got, want)
				}
			}
		}
		w.wants(alice.token("registry:catalog:*").do("GET", "/v2/_catalog", nil), http.StatusOK, "")
		a := w.wants(alice.token().do("GET", "/v2/_catalog", nil), http.StatusUnauthorized, "UNAUTHORIZED")
		if !strings.Contains(a.header.Get("WWW-Authenticate"), `scope="registry:catalog:*"`) {
			t.Errorf("challenge %q", a.header.Get("WWW-Authenticate"))
		}
	})
}
