package charmhub

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/larder-store/larder/client/internal/storetest"
)

const bakeInfo = `{"type":"charm","id":"bakeId","name":"bake","result":{"title":"Bake","summary":"S","description":null,"license":"Apache-2.0",
	"store-url":"https://store.example/bake","links":{"issues":["https://bugs.example"]},"media":[{"type":"icon","url":"https://store.example/i.png"}],
	"categories":[{"name":"food","featured":true}],"publisher":{"display-name":"Ann","id":"accId","username":"ann","validation":"verified"},
	"unlisted":false,"deployable-on":["kubernetes"],"contains-charms":[],"used-by":null},
	"channel-map":[{"channel":{"name":"latest/edge","track":"latest","risk":"edge","base":{"name":"ubuntu","channel":"24.04","architecture":"amd64"},"released-at":"2025-01-02T03:04:05.678901+00:00"},
	"revision":{"revision":5,"version":"5","created-at":"2025-01-02T03:04:05Z","bases":[null],"download":{"size":7,"url":"https://store.example/d","hash-sha-256":"ab"}}}],
	"default-release":{"channel":{"name":"latest/stable","track":"latest","risk":"stable","base":null,"released-at":null},
	"revision":{"revision":4,"version":"4","metadata-yaml":"name: bake\n","subordinate":true,"relations":{"provides":{}}},
	"resources":[{"name":"image","type":"oci-image","revision":2,"created-at":"2025-01-02T03:04:05Z","download":{"url":"https://store.example/r","size":9,"hash-sha-256":"cd","hash-sha-384":"ef"}}]},
	"unknown":[1]}`

func TestInfo(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("GET /v2/charms/info/bake", 200, bakeInfo)
	s.Answer("GET /v2/charms/info/empty", 200, `{}`)
	s.Answer("GET /v2/charms/info/nothing", 404, `{"error-list":[{"code":"resource-not-found","message":"No charm."}]}`)
	c := s.consumer()
	got, err := c.Info(t.Context(), "bake", nil)
	must(t, err)
	encoded, err := json.Marshal([]any{
		got.Result.Publisher.Username, got.Result.Categories[0].Featured, got.ChannelMap[0].Channel.Base.Architecture, got.ChannelMap[0].Channel.ReleasedAt,
		got.ChannelMap[0].Revision.Bases, got.ChannelMap[0].Revision.Download.SHA256, got.DefaultRelease.Channel.Base, got.DefaultRelease.Channel.ReleasedAt,
		got.DefaultRelease.Revision.MetadataYAML, got.DefaultRelease.Revision.Subordinate, got.DefaultRelease.Resources[0].Download.SHA384, got.Result.UsedBy,
	})
	must(t, err)
	if want := `["ann",true,"amd64","2025-01-02T03:04:05.678901Z",[null],"ab",null,null,"name: bake\n",true,"ef",null]`; !storetest.SameJSON(t, encoded, want) {
		t.Errorf("got %s", encoded)
	}
	if h := s.Last().Header; h.Get("Authorization") != "" || h.Get("Accept") != "application/json" {
		t.Errorf("sent %v", h)
	}
	_, err = c.Info(t.Context(), "bake", &InfoQuery{Channel: "8.0/edge", Fields: []string{"result.summary", "channel-map"}})
	if err != nil || s.Last().URI != "/v2/charms/info/bake?channel=8.0%2Fedge&fields=result.summary%2Cchannel-map" {
		t.Errorf("asked for %s: %v", s.Last().URI, err)
	}
	if _, err := c.Info(t.Context(), "empty", nil); !errors.As(err, new(*InvalidResponseError)) {
		t.Errorf("no charm at all: %v", err)
	}
	if _, err := c.Info(t.Context(), "nothing", nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestFind(t *testing.T) {
	s := newFakeStore(t)
	s.Answers("GET /v2/charms/find", `{"results":[`+bakeInfo+`]}`, `{"results":[]}`,
		`{"error-list":[{"code":"invalid-unbound-empty-search","message":"Say what."}]}`, `{}`)
	c := s.consumer()
	got, err := c.Find(t.Context(), FindQuery{
		Text: "ba ke", Category: "food", Channel: "edge", Type: "charm", Publisher: "ann", Platforms: []string{"24.04", "22.04"},
		RelationRequires: []string{"a", "b"}, RelationProvides: []string{"c"}, Requires: []string{"d"}, Provides: []string{"e", "f"}, Fields: []string{"result.summary"},
	})
	if err != nil || len(got) != 1 || got[0].Name != "bake" {
		t.Errorf("got %+v, %v", got, err)
	}
	sent, err := url.Parse(s.Last().URI)
	must(t, err)
	want := "category=food&channel=edge&fields=result.summary&platforms=24.04%2C22.04&provides=e%2Cf&publisher=ann&q=ba+ke&relation-provides=c&relation-requires=a%2Cb&requires=d&type=charm"
	if sent.RawQuery != want {
		t.Errorf("sent %s", sent.RawQuery)
	}
	if got, err := c.Find(t.Context(), FindQuery{}); err != nil || len(got) != 0 || strings.Contains(s.Last().URI, "type=") {
		t.Errorf("nothing found: %v, %v with %s", got, err, s.Last().URI)
	}
	var refused *StoreError
	if _, err := c.Find(t.Context(), FindQuery{}); !errors.As(err, &refused) || !refused.HasCode("invalid-unbound-empty-search") {
		t.Errorf("errors beside 200: %v", err)
	}
	if _, err := c.Find(t.Context(), FindQuery{}); !errors.As(err, new(*InvalidResponseError)) {
		t.Errorf("no results: %v", err)
	}
}

func TestResourceRevisionsOfConsumers(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("GET /v2/charms/resources/bake/data/revisions", 200, `{"revisions":[{"name":"data","type":"file","revision":2,"filename":"d.tgz","description":"D",
		"created-at":"2025-01-02T03:04:05Z","download":{"url":"https://store.example/r","size":9,"hash-sha-256":"cd","hash-sha-384":"ef","hash-sha-512":"gh","hash-sha3-384":"ij"}}]}`)
	s.Answer("GET /v2/charms/resources/bake/other/revisions", 200, `{}`)
	got, err := s.consumer().ResourceRevisions(t.Context(), "bake", "data")
	if err != nil || len(got) != 1 || got[0].FileName() != "resource_data_r2_d.tgz" || got[0].Download.SHA3_384 != "ij" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := s.consumer().ResourceRevisions(t.Context(), "bake", "other"); !errors.As(err, new(*InvalidResponseError)) {
		t.Errorf("no list: %v", err)
	}
}
