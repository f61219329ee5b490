// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/client/charmhub/image"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/interop/harness"
)

// ociDocument is what juju reads of an image, and hands on to Kubernetes.
type ociDocument struct {
	ImageName string
	Username  string
	Password  string
}

func (d ociDocument) login() harness.Login {
	return harness.Login{Username: d.Username, Password: d.Password}
}

// repository is the image's name without the digest.
func (d ociDocument) repository() string {
	name, _, _ := strings.Cut(d.ImageName, "@")
	return name
}

func (m *market) host() string {
	_, host, _ := strings.Cut(m.URL, "://")
	return host
}

// uploadCredentials are what charmcraft pushes an image with.
type uploadCredentials struct {
	Name     string `json:"image_name"`
	Username string `json:"username"`
	Password string `json:"password"`
}

func (u uploadCredentials) login() harness.Login {
	return harness.Login{Username: u.Username, Password: u.Password}
}

func (m *market) uploadCredentials(charm, resource string) (u uploadCredentials) {
	m.t.Helper()
	m.cc.Get(&u, "store", "get_oci_registry_credentials", charm, resource)
	return u
}

func (m *market) pulled(t *testing.T) {
	name := regexp.MustCompile(`^` + regexp.QuoteMeta(m.host()) + `/charm/[a-z0-9]+/oven-image@` + m.image.Digest + `$`)
	if !name.MatchString(m.document.ImageName) || m.document.Username == "" || m.document.Password == "" {
		t.Fatalf("the image is at %q", m.document.ImageName)
	}
	r := harness.NewRegistries(t, m.host())
	m.pullBySkopeo(t, r)
	m.pullByCrane(t, r)
	m.pullAsContainerd(t)
	m.pushByHand(t, r)
	m.pushBySDK(t, r)
}

// pullBySkopeo takes all of the image, for every architecture.
func (m *market) pullBySkopeo(t *testing.T, r *harness.Registries) {
	dir := filepath.Join(t.TempDir(), "copy")
	who := m.document.login()
	if out, err := r.Skopeo("copy", "--all", "--preserve-digests", "--src-creds", who.Username+":"+who.Password,
		"docker://"+m.document.ImageName, "oci:"+dir); err != nil {
		t.Fatal(out, err)
	}
	for digest, content := range m.image.Blobs {
		got, err := os.ReadFile(filepath.Join(dir, "blobs", "sha256", digest[len("sha256:"):]))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s came as %d bytes, %v", digest, len(got), err)
		}
	}
	for what, creds := range map[string]string{
		"nobody": "", "a wrong password": who.Username + ":" + who.Password[:len(who.Password)-4] + "AAAA", "a person": m.alice.Email + ":wrong",
	} {
		args := []string{"inspect", "--raw", "--no-creds", "docker://" + m.document.ImageName}
		if creds != "" {
			args = []string{"inspect", "--raw", "--creds", creds, "docker://" + m.document.ImageName}
		}
		if out, err := r.Skopeo(args...); err == nil {
			t.Errorf("skopeo shows the image to %s: %s", what, out)
		}
	}
}

// pullByCrane looks at the image as people do.
func (m *market) pullByCrane(t *testing.T, r *harness.Registries) {
	who := m.document.login()
	manifest, err := r.Crane(m.host(), who, "manifest", m.document.ImageName)
	if err != nil || manifest != string(m.image.Blobs[m.image.Digest]) {
		t.Errorf("crane manifest: %v\n%s", err, manifest)
	}
	digest, err := r.Crane(m.host(), who, "digest", "--platform", "linux/arm64", m.document.ImageName)
	if err != nil || strings.TrimSpace(digest) != m.image.Manifests["arm64"] {
		t.Errorf("crane digest: %v, %s", err, digest)
	}
	if out, err := r.Crane(m.host(), who, "validate", "--remote", m.document.ImageName); err != nil {
		t.Errorf("crane validate: %v\n%s", err, out)
	}
	if out, err := r.Crane(m.host(), who, "ls", m.document.repository()); err == nil {
		t.Errorf("crane lists, for whoever may pull what was released, what was only pushed: %s", out)
	}
	if out, err := r.Crane(m.host(), harness.Login{}, "manifest", m.document.ImageName); err == nil {
		t.Errorf("crane shows the image to nobody: %s", out)
	}
	if out, err := r.Crane(m.host(), who, "tag", m.document.ImageName, "mine"); err == nil {
		t.Errorf("who may pull may push: %s", out)
	}
}

// pullAsContainerd asks for a token in the form that containerd sends first, and
// pulls a manifest and all of its blobs with it.
func (m *market) pullAsContainerd(t *testing.T) {
	_, path, _ := strings.Cut(m.document.repository(), "/")
	manifest := m.URL + "/v2/" + path + "/manifests/" + m.image.Digest
	token := m.challenged(t, manifest, m.document.login(), http.StatusOK)
	get := func(at, token string, status int) []byte {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Accept", harness.IndexType+", "+harness.ManifestType+", */*")
		return send(t, request, status)
	}
	for digest := range m.image.Blobs {
		kind := "/blobs/"
		if digest == m.image.Digest || slices.Contains(slices.Collect(maps.Values(m.image.Manifests)), digest) {
			kind = "/manifests/"
		}
		body := get(m.URL+"/v2/"+path+kind+digest, token, http.StatusOK)
		if sum := sha256.Sum256(body); "sha256:"+hex.EncodeToString(sum[:]) != digest {
			t.Errorf("%s came as something else", digest)
		}
	}
	get(manifest, token+"x", http.StatusUnauthorized)
	m.challenged(t, manifest, harness.Login{Username: m.document.Username, Password: "wrong"}, http.StatusUnauthorized)
}

// challenged asks for something without credentials, does as the answer says, and
// returns the token that comes of it.
func (m *market) challenged(t *testing.T, at string, who harness.Login, status int) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	challenge := answer.Header.Get("WWW-Authenticate")
	words := regexp.MustCompile(`(realm|service|scope)="([^"]*)"`).FindAllStringSubmatch(challenge, -1)
	if answer.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(challenge, "Bearer ") || len(words) != 3 {
		t.Fatalf("%s: %s, %q", at, answer.Status, challenge)
	}
	told := map[string]string{}
	for _, w := range words {
		told[w[1]] = w[2]
	}
	form := url.Values{
		"grant_type": {"password"}, "username": {who.Username}, "password": {who.Password}, "service": {told["service"]},
		"client_id": {"containerd-client"}, "scope": {told["scope"]},
	}
	request, err = http.NewRequestWithContext(t.Context(), http.MethodPost, told["realm"], strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	var token struct {
		Token string `json:"access_token"`
	}
	if body := send(t, request, status); status == http.StatusOK {
		if err := json.Unmarshal(body, &token); err != nil || token.Token == "" {
			t.Fatalf("the token is %s: %v", body, err)
		}
	}
	return token.Token
}

// send makes a request that must end with a status.
func send(t *testing.T, request *http.Request, status int) []byte {
	t.Helper()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil || answer.StatusCode != status {
		t.Fatalf("%s %s: %s, not %d: %v\n%s", request.Method, request.URL, answer.Status, status, err, body)
	}
	return body
}

// pushByHand pushes images as charmcraft does not: with crane, and to where one
// must not.
func (m *market) pushByHand(t *testing.T, r *harness.Registries) {
	u := m.uploadCredentials("oven-k8s", "oven-image")
	other := harness.NewImage(t, "cake", "amd64", "s390x")
	if out, err := r.Crane(m.host(), u.login(), "push", other.Dir, u.Name+":cake"); err != nil || !strings.Contains(out, other.Digest) {
		t.Errorf("crane push: %v\n%s", err, out)
	}
	if tags, err := r.Crane(m.host(), u.login(), "ls", u.Name); err != nil || !strings.Contains("\n"+tags, "\ncake\n") {
		t.Errorf("crane ls: %v\n%s", err, tags)
	}
	if manifest, err := r.Crane(m.host(), u.login(), "manifest", u.Name+":cake"); err != nil || manifest != string(other.Blobs[other.Digest]) {
		t.Errorf("crane manifest: %v\n%s", err, manifest)
	}
	if out, err := r.Skopeo("copy", "--all", "--preserve-digests", "--dest-creds", u.Username+":"+u.Password,
		"oci:"+other.Dir, "docker://"+u.Name+":again"); err != nil {
		t.Errorf("skopeo copy: %v\n%s", err, out)
	}
	// What is not pushed has no document.
	if e := m.cc.Call("store", "get_oci_image_blob", "oven-k8s", "oven-image", "sha256:"+strings.Repeat("0", 64)); e.Code == 0 {
		t.Errorf("an image that is not there: %s", e.Answer)
	}
	var blob string
	m.cc.Get(&blob, "store", "get_oci_image_blob", "oven-k8s", "oven-image", other.Digest)
	if !strings.Contains(blob, "@"+other.Digest) {
		t.Errorf("the cake's document: %s", blob)
	}

	elsewhere := strings.Replace(u.Name, "/oven-image", "/elsewhere", 1)
	for what, c := range map[string]struct {
		to  string
		who harness.Login
	}{
		"nobody": {u.Name, harness.Login{}}, "who may pull": {u.Name, m.document.login()},
		"a wrong password": {u.Name, harness.Login{Username: u.Username, Password: u.Password + "x"}},
		"another resource": {elsewhere, u.login()},
		"another charm":    {m.host() + "/charm/abcdefghijklmnopqrstuvwxyz0123456789a/oven-image", u.login()},
	} {
		if out, err := r.Crane(m.host(), c.who, "push", other.Dir, c.to+":bad"); err == nil {
			t.Errorf("%s may push to %s: %s", what, c.to, out)
		}
	}
}

// hidden releases the stove, which is private: juju shows no credentials, and so
// does not see it.
func (m *market) hidden(t *testing.T) {
	if _, err := m.sdk.UploadResource(t.Context(), "stove-k8s", "menu", textFile(t, "menu.txt", "stew"), charmhub.ResourceOptions{Type: "file"}, nil); err != nil {
		t.Fatal(err)
	}
	one, two := 1, 2
	release := charmhub.ReleaseTo("stable", 1)
	release.Resources = []snapstore.ResourceRelease{{Name: "menu", Revision: &one}, {Name: "stove-image", Revision: &two}}
	if _, err := m.sdk.Release(t.Context(), "stove-k8s", release); err != nil {
		t.Fatal(err)
	}
	if err := m.juju.Ask(harness.JujuCall{Call: "info", Name: "stove-k8s"}, nil); err == nil {
		t.Error("juju reads of a private charm")
	}
	if r := m.refresh(deploying("stove-k8s", "stable", jammy))[0]; r.Error == nil || r.Error.Code != "name-not-found" {
		t.Errorf("juju deploys a private charm: %s", asJSON(r))
	}
	var results []jujuInfo
	m.juju.Get(harness.JujuCall{Call: "find", Name: "stove"}, &results)
	same(t, "juju finds a private charm", len(results), 0)
	if err := m.juju.Ask(harness.JujuCall{Call: "resource-revisions", Name: "stove-k8s", Resource: "menu"}, nil); err == nil {
		t.Error("juju reads of a private charm's files")
	}
}

// pushBySDK gives another charm an image, with larder's SDK, which what pulls the
// oven's has no business with.
func (m *market) pushBySDK(t *testing.T, r *harness.Registries) {
	login := auth.UbuntuOneGatewayLogin{UbuntuOneLogin: auth.UbuntuOneLogin{Email: m.alice.Email, Password: m.alice.Password}}
	if _, err := m.sdk.Login(t.Context(), login, auth.Grant{}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.sdk.RegisterName(t.Context(), charmhub.NameRequest{Name: "stove-k8s", Type: "charm", Private: true}); err != nil {
		t.Fatal(err)
	}
	spec := ovenCharm()
	spec.Metadata = strings.ReplaceAll(spec.Metadata, "oven", "stove")
	if u, err := m.sdk.Upload(t.Context(), "stove-k8s", charmFile(t, "stove-k8s", spec), nil); err != nil || u.Revision != 1 {
		t.Fatal(u, err)
	}
	u, told, err := image.UploadResource(t.Context(), m.sdk, "stove-k8s", "stove-image", "oci:"+m.image.Dir, nil)
	if err != nil || u.Revision != 1 || told.Digest != m.image.Digest || strings.Join(told.Architectures, " ") != "amd64 arm64 armhf" {
		t.Fatalf("the SDK uploads %+v, %+v: %v", u, told, err)
	}
	revisions, err := m.sdk.ListResourceRevisions(t.Context(), "stove-k8s", "stove-image")
	if err != nil || len(revisions) != 1 {
		t.Fatalf("the stove's images: %+v, %v", revisions, err)
	}
	// charmcraft does the same with an archive.
	other := harness.NewImage(t, "stew", "amd64", "arm64", "s390x")
	var n number
	m.cc.Read(&n, "upload-resource", "stove-k8s", "stove-image", "--image", other.Archive(t))
	if revisions, err = m.sdk.ListResourceRevisions(t.Context(), "stove-k8s", "stove-image"); err != nil || n.Revision != 2 || len(revisions) != 2 {
		t.Errorf("the stove's images after revision %d: %+v, %v", n.Revision, revisions, err)
	}
	m.hidden(t)
	var all []jujuResource
	m.juju.Get(harness.JujuCall{Call: "resource-revisions", Name: "oven-k8s", Resource: "oven-image"}, &all)
	same(t, "the oven's images", len(all), 1)

	stove := m.uploadCredentials("stove-k8s", "stove-image")
	ref := stove.Name + "@" + m.image.Digest
	if out, err := r.Crane(m.host(), stove.login(), "manifest", ref); err != nil || out != string(m.image.Blobs[m.image.Digest]) {
		t.Errorf("crane manifest: %v\n%s", err, out)
	}
	if out, err := r.Crane(m.host(), m.document.login(), "manifest", ref); err == nil {
		t.Errorf("what pulls the oven's image pulls the stove's: %s", out)
	}
	creds := m.document.Username + ":" + m.document.Password
	if out, err := r.Skopeo("inspect", "--raw", "--creds", creds, "docker://"+ref); err == nil {
		t.Errorf("what pulls the oven's image pulls the stove's: %s", out)
	}
}
