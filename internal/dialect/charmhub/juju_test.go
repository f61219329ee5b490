package charmhub

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// The types are as strict as those that juju decodes answers into: what does not
// fit fails the whole answer.
type (
	jujuBase struct {
		Architecture string `json:"architecture"`
		Name         string `json:"name"`
		Channel      string `json:"channel"`
	}
	jujuDownload struct {
		SHA256 string `json:"hash-sha-256"`
		SHA384 string `json:"hash-sha-384"`
		Size   int    `json:"size"`
		URL    string `json:"url"`
	}
	jujuResource struct {
		Download    jujuDownload `json:"download"`
		Description string       `json:"description"`
		Name        string       `json:"name"`
		Filename    string       `json:"filename"`
		Revision    int          `json:"revision"`
		Type        string       `json:"type"`
	}
	jujuError struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Extra   struct {
			Releases []struct {
				Base    jujuBase `json:"base"`
				Channel string   `json:"channel"`
			} `json:"releases"`
			DefaultBases []jujuBase `json:"default-bases"`
		} `json:"extra"`
	}
	jujuEntity struct {
		Type         string            `json:"type"`
		ID           string            `json:"id"`
		Name         string            `json:"name"`
		CreatedAt    time.Time         `json:"created-at"`
		Publisher    map[string]string `json:"publisher"`
		Bases        []jujuBase        `json:"bases"`
		Revision     int               `json:"revision"`
		Version      string            `json:"version"`
		License      string            `json:"license"`
		Summary      string            `json:"summary"`
		Download     jujuDownload      `json:"download"`
		Resources    []jujuResource    `json:"resources"`
		MetadataYAML string            `json:"metadata-yaml"`
		ConfigYAML   string            `json:"config-yaml"`
		ActionsYAML  string            `json:"actions-yaml"`
	}
	jujuResult struct {
		Result           string     `json:"result"`
		InstanceKey      string     `json:"instance-key"`
		ID               string     `json:"id"`
		Name             string     `json:"name"`
		EffectiveChannel string     `json:"effective-channel"`
		ReleasedAt       time.Time  `json:"released-at"`
		Charm            jujuEntity `json:"charm"`
		Error            *jujuError `json:"error"`
	}
	jujuAnswer struct {
		Results   []jujuResult `json:"results"`
		ErrorList []jujuError  `json:"error-list"`
	}
	jujuStanding struct {
		Channel struct {
			Name       string     `json:"name"`
			Track      string     `json:"track"`
			Risk       string     `json:"risk"`
			Base       *jujuBase  `json:"base"`
			ReleasedAt *time.Time `json:"released-at"`
		} `json:"channel"`
		Revision struct {
			Revision     int          `json:"revision"`
			Version      string       `json:"version"`
			CreatedAt    *time.Time   `json:"created-at"`
			Bases        []*jujuBase  `json:"bases"`
			Download     jujuDownload `json:"download"`
			ConfigYAML   *string      `json:"config-yaml"`
			MetadataYAML *string      `json:"metadata-yaml"`
			BundleYAML   *string      `json:"bundle-yaml"`
		} `json:"revision"`
		Resources []jujuResource `json:"resources"`
	}
	jujuPage struct {
		Type   string `json:"type"`
		ID     string `json:"id"`
		Name   string `json:"name"`
		Result struct {
			Categories []struct {
				Featured bool   `json:"featured"`
				Name     string `json:"name"`
			} `json:"categories"`
			ContainsCharms []struct {
				Name      string `json:"name"`
				PackageID string `json:"package-id"`
				StoreURL  string `json:"store-url"`
			} `json:"contains-charms"`
			Description string            `json:"description"`
			License     string            `json:"license"`
			Publisher   map[string]string `json:"publisher"`
			Summary     string            `json:"summary"`
			StoreURL    string            `json:"store-url"`
		} `json:"result"`
		ChannelMap     []jujuStanding `json:"channel-map"`
		DefaultRelease *jujuStanding  `json:"default-release"`
	}
)

// jujuInfoFields are what juju asks info for, in its order.
const jujuInfoFields = "result.categories.featured,result.categories.name,result.contains-charms.name,result.contains-charms.package-id," +
	"result.contains-charms.store-url,result.description,result.license,result.publisher.display-name,result.store-url,result.summary," +
	"default-release.revision.download.size,default-release.revision.config-yaml,default-release.revision.metadata-yaml," +
	"default-release.revision.bundle-yaml,default-release.revision.bases.architecture,default-release.revision.bases.name," +
	"default-release.revision.bases.channel,default-release.revision.revision,default-release.revision.version," +
	"default-release.channel.name,default-release.channel.base.architecture,default-release.channel.base.name," +
	"default-release.channel.base.channel,default-release.channel.released-at,default-release.channel.risk,default-release.channel.track," +
	"channel-map.revision.download.size,channel-map.revision.created-at,channel-map.revision.bases.architecture," +
	"channel-map.revision.bases.name,channel-map.revision.bases.channel,channel-map.revision.revision,channel-map.revision.version," +
	"channel-map.channel.name,channel-map.channel.base.architecture,channel-map.channel.base.name,channel-map.channel.base.channel," +
	"channel-map.channel.released-at,channel-map.channel.risk,channel-map.channel.track"

// jujuRefreshFields are what juju asks refresh for.
var jujuRefreshFields = []string{
	"actions-yaml", "bases", "config-yaml", "download", "id", "license", "metadata-yaml", "name", "publisher", "resources", "revision",
	"summary", "type", "version",
}

// shop is a world with charms as juju asks for them.
type shop struct {
	*world
	// webapp: revision 1 on latest/stable for two bases, with data 1; 2 on
	// latest/candidate, for noble only, with data 2; 3 on 2.0/edge. Revision 4 and
	// data 3 were never released.
	webapp, bundle, anywhere, secret, hidden, empty *store.Package
	revisions                                       []*store.Revision // of webapp
}

func newShop(t *testing.T) *shop {
	w := newWorld(t)
	s := &shop{world: w}
	s.webapp = w.register("webapp", store.TypeCharm)
	declared := []store.DeclaredResource{
		{Name: "data", Type: store.ResourceFile, Filename: "data.tgz", Description: "what it serves"},
		{Name: "server", Type: store.ResourceImage},
	}
	for i, platforms := range [][]store.Platform{
		{base("22.04", "amd64"), base("22.04", "arm64")}, {base("24.04", "amd64")}, {base("24.04", "amd64")}, {base("24.04", "amd64")},
	} {
		version := fmt.Sprint(i + 1)
		s.revisions = append(s.revisions, w.revision(s.webapp, "webapp "+version, store.Revision{
			Version: version, Platforms: platforms, Manifest: "name: webapp\nsummary: \"Serves \\u2713\"\n# é \t trailing  \n",
			Texts: map[string]string{
				store.TextConfig: "options:\r\n  port: {type: int, default: 80}\r\n", store.TextActions: "restart: {}",
				store.TextReadme: "# Web\n",
			},
			Meta: store.Meta{
				Summary: "Serves the web", Description: "Serves what is in data.", License: "Apache-2.0",
				Links: map[string][]string{"website": {"https://example.com"}, "issues": {"https://example.com/issues"}},
				Charm: &store.CharmMeta{
					Provides: map[string]store.Relation{"website": {Interface: "http"}},
					Requires: map[string]store.Relation{"db": {Interface: "postgresql_client", Limit: 1}}, Resources: declared,
					DeployableOn: []string{"vm"}, Attributes: map[string]string{"language": "python"},
				},
			},
		}))
	}
	for i := range 3 {
		w.resource(s.webapp, fmt.Sprintf("data %d", i+1), store.ResourceRevision{Name: "data"})
	}
	w.release(s.webapp, s.revisions[0], "latest/stable", "data=1")
	w.release(s.webapp, s.revisions[1], "latest/candidate", "data=2")
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.PackageUpdated, "package/"+s.webapp.ID, nil)
		_, err := tx.AddTrack(s.webapp.ID, store.Track{Name: "2.0", CreatedAt: w.Now})
		return err
	})
	w.release(s.webapp, s.revisions[2], "2.0/edge")

	s.anywhere = w.register("anywhere", store.TypeCharm)
	w.release(s.anywhere, w.revision(s.anywhere, "anywhere", store.Revision{Platforms: []store.Platform{base("24.04", "all")}}), "latest/stable")

	s.bundle = w.register("stack", store.TypeBundle)
	text := "applications:\n  web: {charm: webapp}\n"
	w.release(s.bundle, w.revision(s.bundle, "stack", store.Revision{
		Platforms: []store.Platform{{Architecture: "all", BaseName: "all", BaseChannel: "all"}}, Manifest: text,
		Texts: map[string]string{store.TextBundle: text},
		Meta:  store.Meta{Summary: "All of it", Charm: &store.CharmMeta{Charms: []string{"webapp", "secret", "gone"}}},
	}), "latest/stable")

	s.secret, s.hidden, s.empty = w.register("secret", store.TypeCharm), w.register("hidden", store.TypeCharm), w.register("empty", store.TypeCharm)
	w.release(s.secret, w.revision(s.secret, "secret", store.Revision{}), "latest/stable")
	w.release(s.hidden, w.revision(s.hidden, "hidden", store.Revision{}), "latest/stable")
	w.Update(func(tx *db.Tx) error {
		s.secret.Private, s.hidden.Unlisted = true, true
		for _, p := range []*store.Package{s.secret, s.hidden} {
			tx.Record(store.PackageUpdated, "package/"+p.ID, nil)
			if err := tx.UpdatePackage(p); err != nil {
				return err
			}
		}
		return nil
	})
	return s
}

// ask sends actions, each a JSON object, with a context, and decodes the answer as
// juju does.
func (s *shop) ask(context string, actions ...string) []jujuResult {
	s.T.Helper()
	return s.askAs("", context, actions...)
}

func (s *shop) askAs(token, context string, actions ...string) []jujuResult {
	s.T.Helper()
	fields, err := json.Marshal(jujuRefreshFields)
	s.Must(err)
	var got jujuAnswer
	s.Do(token, "POST", "/v2/charms/refresh", fmt.Sprintf(`{"context":[%s],"actions":[%s],"fields":%s}`,
		context, strings.Join(actions, ","), fields)).Into(200, &got)
	if len(got.Results) != len(actions) {
		s.T.Fatalf("%d results for %d actions", len(got.Results), len(actions))
	}
	return got.Results
}

// one asks for one thing.
func (s *shop) one(context, action string) jujuResult {
	s.T.Helper()
	return s.ask(context, action)[0]
}

// install is an action as juju deploys by channel, on a base such as
// amd64/ubuntu/22.04.
func install(name, channel, on string) string {
	return fmt.Sprintf(`{"action":"install","instance-key":"key-%s","name":%q,"channel":%q,"base":%s}`, name, name, channel, baseJSON(on))
}

func baseJSON(on string) string {
	parts := strings.Split(on, "/")
	return fmt.Sprintf(`{"architecture":%q,"name":%q,"channel":%q}`, parts[0], parts[1], parts[2])
}

// have is an application in the context.
func have(key, id string, revision int, channel, on string) string {
	return fmt.Sprintf(`{"instance-key":%q,"id":%q,"revision":%d,"base":%s,"tracking-channel":%q,"refresh-date":"2026-01-02T03:04:05Z",
		"metrics":{"units":"3","relations":"a,b"}}`, key, id, revision, baseJSON(on), channel)
}

func (r jujuResult) code() string {
	if r.Error == nil {
		return ""
	}
	return r.Error.Code
}
