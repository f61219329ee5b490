package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/larder-store/larder/internal/inspect/charmbuild"
)

// charmRequest is what a controller sends to ask what a model should have.
type charmRequest struct {
	Context []installedCharm `json:"context"`
	Actions []charmAction    `json:"actions"`
	Fields  []string         `json:"fields,omitempty"`
}

type installedCharm struct {
	InstanceKey     string            `json:"instance-key"`
	ID              string            `json:"id"`
	Revision        int               `json:"revision"`
	Base            charmBase         `json:"base"`
	TrackingChannel string            `json:"tracking-channel"`
	RefreshDate     string            `json:"refresh-date"`
	Metrics         map[string]string `json:"metrics"`
}

type charmBase struct {
	Architecture string `json:"architecture"`
	Channel      string `json:"channel"`
	Name         string `json:"name"`
}

type charmAction struct {
	Action      string     `json:"action"`
	InstanceKey string     `json:"instance-key"`
	ID          string     `json:"id,omitempty"`
	Name        string     `json:"name,omitempty"`
	Channel     string     `json:"channel,omitempty"`
	Base        *charmBase `json:"base,omitempty"`
}

// charmAnswer has every member of larder's answer, in its order.
type charmAnswer struct {
	Results   []charmResult `json:"results"`
	ErrorList []any         `json:"error-list"`
}

type charmResult struct {
	Result           string `json:"result"`
	InstanceKey      string `json:"instance-key"`
	ID               string `json:"id"`
	Name             string `json:"name"`
	EffectiveChannel string `json:"effective-channel"`
	ReleasedAt       string `json:"released-at"`
	Charm            charm  `json:"charm"`
}

type charm struct {
	Actions   string          `json:"actions-yaml"`
	Bases     []charmBase     `json:"bases"`
	Config    string          `json:"config-yaml"`
	Download  charmDownload   `json:"download"`
	ID        string          `json:"id"`
	License   string          `json:"license"`
	Metadata  string          `json:"metadata-yaml"`
	Name      string          `json:"name"`
	Publisher publisher       `json:"publisher"`
	Revision  int             `json:"revision"`
	Summary   string          `json:"summary"`
	Type      string          `json:"type"`
	Version   string          `json:"version"`
	Resources []charmResource `json:"resources"`
}

type charmDownload struct {
	URL    string `json:"url"`
	Size   int64  `json:"size"`
	SHA256 string `json:"hash-sha-256"`
	SHA384 string `json:"hash-sha-384"`
	SHA512 string `json:"hash-sha-512"`
	SHA3   string `json:"hash-sha3-384"`
}

type charmResource struct {
	Name        string        `json:"name"`
	Type        string        `json:"type"`
	Revision    int           `json:"revision"`
	Filename    string        `json:"filename"`
	Description string        `json:"description"`
	CreatedAt   string        `json:"created-at"`
	Download    charmDownload `json:"download"`
}

// charmFields are what juju asks for.
var charmFields = []string{
	"actions-yaml", "bases", "config-yaml", "download", "id", "license", "metadata-yaml", "name", "publisher", "resources", "revision",
	"summary", "type", "version",
}

var charmOn = charmBase{Architecture: "amd64", Channel: "24.04", Name: "ubuntu"}

// charmInfoFields are what juju asks about one charm.
const charmInfoFields = "result.categories.featured,result.categories.name,result.description,result.license," +
	"result.publisher.display-name,result.store-url,result.summary,default-release.revision.download.size," +
	"default-release.revision.config-yaml,default-release.revision.metadata-yaml,default-release.revision.bases.architecture," +
	"default-release.revision.bases.name,default-release.revision.bases.channel,default-release.revision.revision," +
	"default-release.revision.version,default-release.channel.name,default-release.channel.base.architecture," +
	"default-release.channel.base.name,default-release.channel.base.channel,default-release.channel.released-at," +
	"default-release.channel.risk,default-release.channel.track,channel-map.revision.download.size," +
	"channel-map.revision.created-at,channel-map.revision.bases.architecture,channel-map.revision.bases.name," +
	"channel-map.revision.bases.channel,channel-map.revision.revision,channel-map.revision.version,channel-map.channel.name," +
	"channel-map.channel.base.architecture,channel-map.channel.base.name,channel-map.channel.base.channel," +
	"channel-map.channel.released-at,channel-map.channel.risk,channel-map.channel.track"

// benchCharms sets a refresh of a model's charms, which are in memory, beside
// decoding and encoding the same JSON and nothing else, and the page of one beside
// a handler that has it.
func benchCharms(ctx context.Context, b *lab) (rows []row, err error) {
	l, err := b.store(ctx)
	if err != nil {
		return nil, err
	}
	names, err := l.pushCharms(ctx, b.sizes.charms)
	if err != nil {
		return nil, err
	}
	srv, err := l.serve(ctx, b.cores.serving)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	for _, n := range []int{1, len(names)} {
		r, err := b.charmsBesideBare(ctx, srv, names[:n])
		if err != nil {
			return rows, err
		}
		r.what = fmt.Sprintf("refresh, %d charms in memory", n)
		rows = append(rows, r)
	}
	path := "/v2/charms/info/" + names[0] + "?fields=" + charmInfoFields
	answer, err := srv.fetch(ctx, "GET", path, nil)
	if err != nil {
		return rows, err
	}
	r, err := b.readBesideBare(ctx, srv, answer, httpRequest("GET", path, nil), goal{})
	r.what = "info of a charm"
	return append(rows, r), err
}

func (b *lab) charmsBesideBare(ctx context.Context, srv *server, names []string) (row, error) {
	request, err := srv.refreshCharms(ctx, names)
	if err != nil {
		return row{}, err
	}
	answer, err := srv.fetch(ctx, "POST", charmRefresh, request)
	if err != nil {
		return row{}, err
	}
	var decoded charmAnswer
	if err := sameEncoded(answer.body, &decoded); err != nil {
		return row{}, err
	}
	if err := allResults(len(decoded.Results), len(names), answer.body); err != nil {
		return row{}, err
	}
	bare, err := b.startBare(ctx, bareSpec{ContentType: answer.contentType, Body: answer.body, Charms: true})
	if err != nil {
		return row{}, err
	}
	defer bare.stop()
	return b.besideBare(ctx, srv, bare, httpRequest("POST", charmRefresh, request), "bare Go, decode and encode", goal{atLeast: 0.6})
}

const charmRefresh = "/v2/charms/refresh"

// refreshCharms is the body of a request about charms that a model has, whose ids
// it finds out as a deployment does.
func (s *server) refreshCharms(ctx context.Context, names []string) ([]byte, error) {
	install := charmRequest{Context: []installedCharm{}, Fields: []string{"id"}}
	for _, name := range names {
		install.Actions = append(install.Actions, charmAction{
			Action: "install", InstanceKey: name, Name: name, Channel: "latest/stable", Base: &charmOn,
		})
	}
	body, err := json.Marshal(install)
	if err != nil {
		return nil, err
	}
	answer, err := s.fetch(ctx, "POST", charmRefresh, body)
	if err != nil {
		return nil, err
	}
	var ids charmAnswer
	if err := json.Unmarshal(answer.body, &ids); err != nil {
		return nil, err
	}
	refresh := charmRequest{Fields: charmFields}
	for _, r := range ids.Results {
		key := "bGFyZGVyIGJlbmNobWFyayBvZiBjaGFybXMga2V5-" + r.Name // as long as juju's
		refresh.Context = append(refresh.Context, installedCharm{
			InstanceKey: key, ID: r.ID, Revision: 1, Base: charmOn, TrackingChannel: "latest/stable",
			RefreshDate: "2026-01-02T03:04:05Z", Metrics: map[string]string{"units": "3", "relations": "database,proxy"},
		})
		refresh.Actions = append(refresh.Actions, charmAction{Action: "refresh", InstanceKey: key, ID: r.ID})
	}
	return json.Marshal(refresh)
}

// pushCharms makes n charms with a resource each and brings them into the store.
// It returns their names.
func (l *larder) pushCharms(ctx context.Context, n int) ([]string, error) {
	args := []string{"push-charm", "--register", "--channel", "latest/stable"}
	data := filepath.Join(l.dir, "data.tgz")
	if err := os.WriteFile(data, []byte("data"), 0o600); err != nil {
		return nil, err
	}
	defer os.Remove(data)
	var names []string
	for i := range n {
		name := fmt.Sprintf("sample-c%d", i)
		path, err := makeCharm(l.dir, name, fileResource)
		if err != nil {
			return nil, err
		}
		defer os.Remove(path)
		names, args = append(names, name), append(args, path, "--resource", name+"/data="+data)
	}
	return names, l.run(ctx, args...)
}

// What charms have as their one resource, as it stands in metadata.yaml.
const (
	fileResource  = "data:\n    type: file\n    filename: data.tgz\n    description: What it needs\n"
	imageResource = "app-image:\n    type: oci-image\n    description: What it runs in\n"
)

// makeCharm packs a charm with texts as long as those of most.
func makeCharm(dir, name, resource string) (string, error) {
	path := filepath.Join(dir, name+".charm")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	config, actions := "options:\n", ""
	for i := range 20 {
		config += fmt.Sprintf("  option-%d:\n    type: string\n    default: a value\n    description: What it is for, in a line\n", i)
	}
	for i := range 5 {
		actions += fmt.Sprintf("action-%d:\n  description: What it does, in a line\n", i)
	}
	_, err = charmbuild.Charm(f, charmbuild.Spec{
		Metadata: "name: " + name + "\nsummary: A charm to measure with\ndescription: |\n" + strings.Repeat("  A line of the description.\n", 20) +
			"resources:\n  " + resource,
		Config: config, Actions: actions,
		Bases: []charmbuild.Base{{Name: charmOn.Name, Channel: charmOn.Channel, Architectures: []string{charmOn.Architecture}}},
	})
	return path, errors.Join(err, f.Close())
}
