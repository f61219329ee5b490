package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/larder-store/larder/internal/store"
)

// registryConfig is that of Debian's package, but for what asks who one is and
// what it does beside answering: nobody has to log in, nothing is logged, and it
// looks after nothing in the background.
const registryConfig = `version: 0.1
log:
  level: error
  accesslog: {disabled: true}
storage:
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: %[1]q}
  delete: {enabled: true}
  maintenance: {uploadpurging: {enabled: false}}
http:
  addr: %[2]s
  secret: bench
  headers: {X-Content-Type-Options: [nosniff]}
health: {storagedriver: {enabled: false}}
`

// startRegistry starts Debian's registry with an empty directory.
func (b *lab) startRegistry(ctx context.Context, cores string) (_ *server, dir string, err error) {
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		return nil, "", errors.New("docker-registry is missing: install the Debian package docker-registry; make bench does")
	}
	if dir, err = os.MkdirTemp(b.dir, "registry-"); err != nil {
		return nil, "", err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, dir, err
	}
	config, log := filepath.Join(dir, "config.yml"), filepath.Join(dir, "log")
	text := fmt.Sprintf(registryConfig, filepath.Join(dir, "data"), address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, dir, err
	}
	p, err := start(cores, log, nil, nil, program, "serve", config)
	if err != nil {
		return nil, dir, err
	}
	s := &server{p, address}
	if err := s.answers(ctx); err != nil {
		text, _ := os.ReadFile(log)
		return nil, dir, errors.Join(fmt.Errorf("cannot start docker-registry: %w\n%s", err, text), p.stop())
	}
	return s, dir, nil
}

// pantry is a store with a charm whose resource is an image.
type pantry struct {
	*larder
	charm      string // its name
	repository string
	token      string // of the publisher
}

// newPantry makes a store that takes as many images as are measured.
func (b *lab) newPantry(ctx context.Context, name string) (*pantry, error) {
	l, err := b.uploadStore(ctx, name)
	if err != nil {
		return nil, err
	}
	p := &pantry{larder: l, charm: "sample-image"}
	if p.token, err = l.employ(ctx); err != nil {
		return nil, err
	}
	path, err := makeCharm(l.dir, p.charm, imageResource)
	if err != nil {
		return nil, err
	}
	defer os.Remove(path)
	text, err := l.runWith(ctx, "", "push-charm", "--register", "--format", "json", path)
	if err != nil {
		return nil, err
	}
	var out struct {
		Pushed []struct {
			ID string `json:"package-id"`
		} `json:"pushed"`
	}
	if err := json.Unmarshal(text, &out); err != nil || len(out.Pushed) != 1 {
		return nil, errors.Join(err, fmt.Errorf("cannot tell what was pushed: %.300s", text))
	}
	p.repository, err = store.ImageRepository(out.Pushed[0].ID, "app-image")
	return p, err
}

// login is what a client of a registry puts into a request for a token.
type login struct{ user, password string }

func (l login) header() string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(l.user+":"+l.password))
}

func (p *pantry) publisher() login { return login{publisherName, p.token} }

// tokenPath asks for a token that allows some actions. The registry is known
// there by the host that httpRequest names.
func (p *pantry) tokenPath(actions string) string {
	q := url.Values{"service": {requestHost}, "scope": {"repository:" + p.repository + ":" + actions}}
	return "/v2/token?" + q.Encode()
}

// bearer gets a token and returns the header that shows it.
func (p *pantry) bearer(ctx context.Context, srv *server, who login, actions string) (string, error) {
	a, err := srv.ask(ctx, http.MethodGet, p.tokenPath(actions), nil, who.header())
	if err != nil {
		return "", err
	}
	var answer struct {
		Token string `json:"token"`
		Scope string `json:"scope"`
	}
	if err := json.Unmarshal(a.body, &answer); err != nil {
		return "", err
	}
	if answer.Token == "" || answer.Scope == "" {
		return "", fmt.Errorf("no token for %s: %.300s", actions, a.body)
	}
	return "Authorization: Bearer " + answer.Token, nil
}

// pullLogin is what controllers are told to pull an image with.
func (p *pantry) pullLogin(ctx context.Context, srv *server, i image) (login, error) {
	body, err := json.Marshal(map[string]string{"image-digest": i.index.digest})
	if err != nil {
		return login{}, err
	}
	a, err := srv.ask(ctx, http.MethodPost, "/v1/charm/"+p.charm+"/resources/app-image/oci-image/blob", body,
		"Authorization: Macaroon "+p.token)
	if err != nil {
		return login{}, err
	}
	var answer struct{ Username, Password string }
	err = json.Unmarshal(a.body, &answer)
	return login{answer.Username, answer.Password}, err
}
