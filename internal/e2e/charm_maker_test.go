package e2e

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// maker is a publisher of charms at one server, which may die at any moment. Its
// calls fail with errDead where that may be the reason, and with errStatus where
// the server refuses.
type maker struct {
	base  string // URL of the server
	token string
}

// reply is a whole answer.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (m maker) send(method, path, authorization, contentType string, body []byte) (reply, error) {
	r, err := http.NewRequest(method, m.base+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	resp, err := client.Do(r)
	if err != nil {
		return reply{}, errDead
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	switch {
	case err != nil || resp.StatusCode == http.StatusServiceUnavailable:
		return reply{}, errDead
	case resp.StatusCode/100 != 2:
		return reply{}, fmt.Errorf("%s %s: %w", method, path, errStatus{resp.StatusCode, string(text)})
	}
	return reply{resp.StatusCode, resp.Header, text}, nil
}

// ask sends JSON, unless body is nil, and reads it.
func (m maker) ask(method, path string, body, into any) error {
	var text []byte
	kind := ""
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
		kind = "application/json"
	}
	authorization := ""
	if m.token != "" {
		authorization = "Macaroon " + m.token
	}
	r, err := m.send(method, path, authorization, kind, text)
	if err == nil && into != nil {
		err = json.Unmarshal(r.body, into)
	}
	return err
}

// missing reports whether an error says that there is no such thing.
func missing(err error) bool {
	var status errStatus
	return errors.As(err, &status) && status.code == http.StatusNotFound
}

type object map[string]any

// upload sends bytes, which belong to nobody yet.
func (m maker) upload(content []byte) (id string, err error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("binary", "filename")
	if err != nil {
		return "", err
	}
	part.Write(content)
	form.Close()
	r, err := m.send(http.MethodPost, "/unscanned-upload/", "", form.FormDataContentType(), body.Bytes())
	if err != nil {
		return "", err
	}
	var made struct {
		ID string `json:"upload_id"`
	}
	err = json.Unmarshal(r.body, &made)
	return made.ID, err
}

// claim makes an upload a revision of a charm, or with more of its resource, and
// returns where to ask what becomes of it.
func (m maker) claim(path, uploadID string, more object) (status string, err error) {
	body := object{"upload-id": uploadID}
	for name, value := range more {
		body[name] = value
	}
	var got struct {
		URL string `json:"status-url"`
	}
	err = m.ask(http.MethodPost, path, body, &got)
	return got.URL, err
}

func revisionsOf(charm string) string { return "/v1/charm/" + charm + "/revisions" }

func resourceRevisionsOf(charm, resource string) string {
	return "/v1/charm/" + charm + "/resources/" + resource + "/revisions"
}

// approved returns the revision that a claim has become.
func (m maker) approved(status string) (revision int, err error) {
	var got struct {
		Revisions []struct {
			Status   string
			Revision int
			Errors   any
		}
	}
	if err := m.ask(http.MethodGet, status, nil, &got); err != nil {
		return 0, err
	}
	if len(got.Revisions) != 1 || got.Revisions[0].Status != "approved" || got.Revisions[0].Revision < 1 {
		return 0, fmt.Errorf("%s is %+v", status, got)
	}
	return got.Revisions[0].Revision, nil
}

// soonApproved waits for a claim.
func (m maker) soonApproved(t testing.TB, status string) (revision int) {
	t.Helper()
	poll(t, "the review of "+status, func() (err error) {
		revision, err = m.approved(status)
		return err
	})
	return revision
}

// publish is upload, claim and the wait for what becomes of it.
func (m maker) publish(t testing.TB, path string, content []byte, more object) (revision int) {
	t.Helper()
	id, err := m.upload(content)
	var status string
	if err == nil {
		status, err = m.claim(path, id, more)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.soonApproved(t, status)
}

// listed are the revisions that a path of the publisher's lists, by their SHA3-384.
func (m maker) listed(path string) (map[string][]int, error) {
	var got struct {
		Revisions []struct {
			Revision int
			SHA3_384 string `json:"sha3-384"`
		}
	}
	err := m.ask(http.MethodGet, path, nil, &got)
	found := make(map[string][]int)
	for _, r := range got.Revisions {
		found[r.SHA3_384] = append(found[r.SHA3_384], r.Revision)
	}
	return found, err
}

// image is an image of one layer.
type image struct {
	config, layer, manifest []byte
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

// makeImage makes an image that no other number makes.
func makeImage(number uint64) image {
	layer := make([]byte, 40_000)
	random := rand.New(rand.NewPCG(number, 7))
	for i := range layer {
		layer[i] = byte(random.Uint32())
	}
	config := fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","author":"%d"}`, number)
	described := func(kind string, content []byte) object {
		return object{"mediaType": "application/vnd.oci.image." + kind, "digest": digestOf(content), "size": len(content)}
	}
	manifest, err := json.Marshal(object{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": described("config.v1+json", config), "layers": []object{described("layer.v1.tar", layer)},
	})
	if err != nil {
		panic(err) // it is only texts and numbers
	}
	return image{config, layer, manifest}
}

func digestOf(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

// repository is where the images of a resource are, with what opens it.
type repository struct {
	maker
	name               string
	username, password string
}

// repository asks where to push the images of a resource.
func (m maker) repository(charm, resource string) (repository, error) {
	var got struct {
		Name     string `json:"image-name"`
		Username string
		Password string
	}
	err := m.ask(http.MethodGet, "/v1/charm/"+charm+"/resources/"+resource+"/oci-image/upload-credentials", nil, &got)
	_, name, _ := strings.Cut(got.Name, "/")
	return repository{m, name, got.Username, got.Password}, err
}

func (r repository) call(method, path, kind string, body []byte) (reply, error) {
	authorization := ""
	if r.password != "" {
		authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(r.username+":"+r.password))
	}
	return r.send(method, path, authorization, kind, body)
}

func (r repository) path(parts ...string) string {
	return "/v2/" + r.name + "/" + strings.Join(parts, "/")
}

// get returns the bytes of a blob or a manifest.
func (r repository) get(kind, reference string) ([]byte, error) {
	got, err := r.call(http.MethodGet, r.path(kind, reference), "", nil)
	return got.body, err
}

// pushAtOnce sends a blob with one request.
func (r repository) pushAtOnce(content []byte) error {
	_, err := r.call(http.MethodPost, r.path("blobs", "uploads", "?digest="+digestOf(content)), "application/octet-stream", content)
	return err
}

// begin opens an upload and returns where it goes on.
func (r repository) begin() (location string, err error) {
	got, err := r.call(http.MethodPost, r.path("blobs", "uploads", ""), "", nil)
	return got.header.Get("Location"), err
}

// piece adds to an upload and returns how much the registry says that it has.
func (r repository) piece(location string, content []byte) (size int, err error) {
	got, err := r.call(http.MethodPatch, location, "application/octet-stream", content)
	if err != nil {
		return 0, err
	}
	return sizeIn(got)
}

// uploaded asks how much of an upload the registry has.
func (r repository) uploaded(location string) (size int, err error) {
	got, err := r.call(http.MethodGet, location, "", nil)
	if err != nil {
		return 0, err
	}
	return sizeIn(got)
}

// sizeIn reads Range, which is 0-0 also of an upload that has nothing: no piece
// here is a single byte.
func sizeIn(got reply) (size int, err error) {
	var last int
	if _, err := fmt.Sscanf(got.header.Get("Range"), "0-%d", &last); err != nil {
		return 0, fmt.Errorf("cannot read the range %q: %w", got.header.Get("Range"), err)
	}
	if last == 0 {
		return 0, nil
	}
	return last + 1, nil
}

// finish sends the rest of an upload.
func (r repository) finish(location, digest string, rest []byte) error {
	_, err := r.call(http.MethodPut, location+"?digest="+digest, "application/octet-stream", rest)
	return err
}

func (r repository) putManifest(reference string, manifest []byte) error {
	_, err := r.call(http.MethodPut, r.path("manifests", reference), manifestType, manifest)
	return err
}

// push pushes a whole image.
func (r repository) push(reference string, i image) error {
	for _, content := range [][]byte{i.config, i.layer} {
		if err := r.pushAtOnce(content); err != nil {
			return err
		}
	}
	return r.putManifest(reference, i.manifest)
}

// holds fails unless the repository serves these bytes under their digest; it
// reports whether it knows the digest.
func (r repository) holds(kind string, content []byte) (bool, error) {
	got, err := r.get(kind, digestOf(content))
	if missing(err) {
		return false, nil
	}
	if err == nil && !bytes.Equal(got, content) {
		err = fmt.Errorf("%s %s has other bytes, %d of %d", kind, digestOf(content), len(got), len(content))
	}
	return err == nil, err
}

// serves fails where a manifest is there and a part of its image is not.
func (r repository) serves(i image) (bool, error) {
	there, err := r.holds("manifests", i.manifest)
	if !there || err != nil {
		return there, err
	}
	for _, part := range [][]byte{i.config, i.layer} {
		if there, err = r.holds("blobs", part); err != nil || !there {
			return true, errors.Join(err, fmt.Errorf("a part of %s is not there", digestOf(i.manifest)))
		}
	}
	return true, nil
}

// attach makes an image that was pushed a revision of its resource.
func (m maker) attach(charm, resource string, i image) (status string, err error) {
	r, err := m.send(http.MethodPost, "/v1/charm/"+charm+"/resources/"+resource+"/oci-image/blob",
		"Macaroon "+m.token, "application/json", fmt.Appendf(nil, `{"image-digest":%q}`, digestOf(i.manifest)))
	if err != nil {
		return "", err
	}
	id, err := m.upload(r.body)
	if err != nil {
		return "", err
	}
	return m.claim(resourceRevisionsOf(charm, resource), id, object{"type": "oci-image"})
}

// deployed is what juju learns of a charm in a channel.
type deployed struct {
	Charm struct {
		ID        string
		Revision  int
		Download  wireFile
		Resources []struct {
			Name     string
			Revision int
			Download wireFile
		}
	}
	Error *struct{ Code, Message string }
}

type wireFile struct {
	URL    string
	Size   int64
	SHA256 string `json:"hash-sha-256"`
}

// deploy asks what juju gets of a charm, without credentials.
func (m maker) deploy(name, channel string) (deployed, error) {
	var got struct{ Results []deployed }
	m.token = ""
	err := m.ask(http.MethodPost, "/v2/charms/refresh", object{
		"context": []object{}, "actions": []object{{
			"action": "install", "instance-key": "k", "name": name, "channel": channel,
			"base": object{"name": "ubuntu", "channel": "24.04", "architecture": "amd64"},
		}},
	}, &got)
	switch {
	case err != nil:
		return deployed{}, err
	case len(got.Results) != 1:
		return deployed{}, fmt.Errorf("%d results for one action", len(got.Results))
	case got.Results[0].Error != nil:
		return deployed{}, fmt.Errorf("%s: %s", got.Results[0].Error.Code, got.Results[0].Error.Message)
	}
	return got.Results[0], nil
}

// resource is a resource's file as juju is told of it.
func (d deployed) resource(t testing.TB, name string) (int, wireFile) {
	t.Helper()
	for _, r := range d.Charm.Resources {
		if r.Name == name {
			return r.Revision, r.Download
		}
	}
	t.Fatalf("juju hears of no resource %s: %+v", name, d)
	return 0, wireFile{}
}

// fetch downloads what juju was told of, from this server, and fails unless the
// bytes are those.
func (m maker) fetch(f wireFile) ([]byte, error) {
	at := strings.Index(f.URL, "/api/v1/")
	if at < 0 {
		return nil, fmt.Errorf("%q is no link", f.URL)
	}
	got, err := m.send(http.MethodGet, f.URL[at:], "", "", nil)
	if err == nil && (fmt.Sprintf("%x", sha256.Sum256(got.body)) != f.SHA256 || int64(len(got.body)) != f.Size) {
		err = fmt.Errorf("%s has %d bytes with digest %x, want %+v", f.URL, len(got.body), sha256.Sum256(got.body), f)
	}
	return got.body, err
}

// makerOf gives a node the publisher alice, who may do everything to her packages.
func (n *node) makerOf(s *server) maker {
	n.t.Helper()
	n.with(password+"\n", "account", "create", "alice@example.com", "--username", "alice", "--role", "publisher", "--password-stdin")
	var made struct{ Token string }
	n.ask(&made, "token", "create", "alice", "--permission", "account-register-package", "--permission", "package-manage", "--permission", "package-view")
	return maker{s.url, made.Token}
}

// must is for set-up that returns something beside its error.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func sha3Hex(content []byte) string {
	sum := sha3.Sum384(content)
	return hex.EncodeToString(sum[:])
}
