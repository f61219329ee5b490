package charmhub

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/larder-store/larder/client/internal/storetest"
)

var jammy = base("ubuntu", "22.04", "amd64")

func base(name, channel, architecture string) Base {
	return Base{Name: name, Channel: channel, Architecture: architecture}
}

func TestRefreshRequest(t *testing.T) {
	s := newFakeStore(t)
	// The results come in another order than they were asked for.
	s.Answer("POST /v2/charms/refresh", 200, `{"error-list":[],"results":[
		{"instance-key":"c","id":"cakeId","name":"cake","result":"refresh","effective-channel":"latest/stable","released-at":"2025-01-02T03:04:05Z","charm":{"type":"bundle","revision":9}},
		{"instance-key":"a","id":"bakeId","name":"bake","result":"install","effective-channel":"8.0/edge","released-at":null,"charm":{"type":"charm","id":"bakeId","name":"bake",
		 "revision":7,"version":"7","publisher":{"display-name":"Ann"},"bases":[{"name":"ubuntu","channel":"22.04","architecture":"amd64"}],"created-at":"2025-01-02T03:04:05Z",
		 "download":{"url":"https://store.example/d","size":3,"hash-sha-256":"aa","hash-sha-384":"bb"},"metadata-yaml":"name: bake\n","config-yaml":"{}","actions-yaml":"",
		 "resources":[{"name":"data","type":"file","revision":0,"filename":"d","description":"","download":{"url":"https://store.example/r","size":0,"hash-sha-256":"cc","hash-sha-384":"dd"}}]}},
		{"instance-key":"b","id":"","name":"none","result":"error","error":{"code":"name-not-found","message":"No charm none."}}]}`)
	results, err := s.consumer().Refresh(t.Context(), RefreshRequest{
		Deployed: []Deployed{{InstanceKey: "c", ID: "cakeId", Revision: 3, Base: jammy, TrackingChannel: "latest/stable", Metrics: map[string]string{"units": "2"}}},
		Actions: []RefreshAction{
			{Action: ActionInstall, InstanceKey: "a", Name: "bake", Channel: "8.0/edge", Base: ptr(base(Unknown, Unknown, "amd64"))},
			{Action: ActionDownload, InstanceKey: "b", Name: "none", Revision: ptr(4), ResourceRevisions: []ResourceRevisionRequest{{Name: "data"}}},
			{Action: ActionRefresh, InstanceKey: "c", ID: "cakeId"},
		},
		Fields:            []string{"download", "revision"},
		ControllerMetrics: map[string]string{"uuid": "u"}, ModelMetrics: map[string]string{"cloud": "x"},
	})
	must(t, err)
	want := `{"context":[{"instance-key":"c","id":"cakeId","revision":3,"base":{"name":"ubuntu","channel":"22.04","architecture":"amd64"},"tracking-channel":"latest/stable","metrics":{"units":"2"}}],
		"actions":[{"action":"install","instance-key":"a","name":"bake","channel":"8.0/edge","base":{"name":"NA","channel":"NA","architecture":"amd64"}},
		{"action":"download","instance-key":"b","name":"none","revision":4,"base":null,"resource-revisions":[{"name":"data","revision":0}]},
		{"action":"refresh","instance-key":"c","id":"cakeId"}],
		"fields":["download","revision"],"metrics":{"controller":{"uuid":"u"},"model":{"cloud":"x"}}}`
	if !storetest.SameJSON(t, s.Last().Body, want) {
		t.Errorf("sent %s", s.Last().Body)
	}
	if len(results) != 3 || results[0].Entity.Revision != 7 || results[0].Entity.Resources[0].Download.Size != 0 || results[2].Entity.Type != "bundle" {
		t.Errorf("got %+v", results)
	}
	if results[0].Error != nil || !errors.Is(results[1].Error, ErrNotFound) || results[1].Error.Error() != "name-not-found: No charm none." {
		t.Errorf("errors %v, %v", results[0].Error, results[1].Error)
	}
}

// TestRefreshOfMetricsOnly is a request without actions.
func TestRefreshOfMetricsOnly(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("POST /v2/charms/refresh", 200, `{"results":[]}`)
	got, err := s.consumer().Refresh(t.Context(), RefreshRequest{ModelMetrics: map[string]string{"uuid": "u"}})
	if err != nil || len(got) != 0 || !storetest.SameJSON(t, s.Last().Body, `{"context":[],"actions":[],"metrics":{"model":{"uuid":"u"}}}`) {
		t.Errorf("got %v, %v with %s", got, err, s.Last().Body)
	}
}

// TestRefreshAnswers that do not fit the question are refused.
func TestRefreshAnswers(t *testing.T) {
	action := RefreshAction{Action: ActionDownload, InstanceKey: "a", Name: "bake", Channel: "edge", Base: &jammy}
	for name, tt := range map[string]struct {
		answer string
		target any
	}{
		"none":              {`{"results":[]}`, new(*InvalidResponseError)},
		"no list":           {`{}`, new(*InvalidResponseError)},
		"another key":       {`{"results":[{"instance-key":"b","charm":{}}]}`, new(*InvalidResponseError)},
		"twice":             {`{"results":[{"instance-key":"a"},{"instance-key":"a"}]}`, new(*InvalidResponseError)},
		"a size too large":  {`{"results":[{"instance-key":"a","charm":{"download":{"size":1e30}}}]}`, new(*InvalidResponseError)},
		"a size in words":   {`{"results":[{"instance-key":"a","charm":{"download":{"size":"big"}}}]}`, new(*InvalidResponseError)},
		"a strange time":    {`{"results":[{"instance-key":"a","released-at":"yesterday"}]}`, new(*InvalidResponseError)},
		"endless":           {`{"results":[` + strings.Repeat(" ", 65<<20) + `]}`, new(*InvalidResponseError)},
		"errors of the all": {`{"error-list":[{"code":"api-error","message":"Bad."}],"results":[]}`, new(*StoreError)},
	} {
		s := newFakeStore(t)
		s.Answer("POST /v2/charms/refresh", 200, tt.answer)
		if got, err := s.consumer().Refresh(t.Context(), RefreshRequest{Actions: []RefreshAction{action}}); err == nil || !errors.As(err, tt.target) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestRefreshActionsThatAreNotSent(t *testing.T) {
	s := newFakeStore(t)
	right := RefreshAction{Action: ActionInstall, InstanceKey: "a", Name: "bake", Channel: "edge", Base: &jammy}
	for name, actions := range map[string][]RefreshAction{
		"two with one key":   {right, right},
		"no action":          {{Name: "bake", Channel: "edge", Base: &jammy}},
		"nothing named":      {{Action: ActionInstall, Channel: "edge", Base: &jammy}},
		"named twice":        {{Action: ActionInstall, Name: "bake", ID: "i", Channel: "edge", Base: &jammy}},
		"no base":            {{Action: ActionInstall, Name: "bake", Channel: "edge"}},
		"channel, revision":  {{Action: ActionInstall, Name: "bake", Channel: "edge", Revision: ptr(1)}},
		"refresh of nothing": {{Action: ActionRefresh}},
	} {
		if _, err := s.consumer().Refresh(t.Context(), RefreshRequest{Actions: actions}); !errors.As(err, new(*RequestError)) || len(s.All()) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// resolveStore answers each question with the next of the results.
func resolveStore(t *testing.T, results ...string) (s *fakeStore, sent func() []string) {
	s = newFakeStore(t)
	var questions []string
	s.Mux.HandleFunc("POST /v2/charms/refresh", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Actions []struct {
				InstanceKey string `json:"instance-key"`
				Action      string
				Channel     string
				Base        *Base
				Revision    *int
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Actions) != 1 || len(results) == 0 {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		a := in.Actions[0]
		question := a.Action + " " + a.Channel
		if a.Base != nil {
			question += " " + a.Base.Name + " " + a.Base.Channel + " " + a.Base.Architecture
		}
		if a.Revision != nil {
			question += fmt.Sprintf("revision %d", *a.Revision)
		}
		questions = append(questions, question)
		storetest.Write(w, 200, `{"results":[{"instance-key":"`+a.InstanceKey+`",`+results[0]+`}]}`)
		results = results[1:]
	})
	return s, func() []string { return questions }
}

const (
	found        = `"id":"bakeId","name":"bake","result":"download","effective-channel":"latest/edge","charm":{"type":"charm","revision":7}`
	defaultBases = `"result":"error","error":{"code":"invalid-charm-base","message":"Choose a base.","extra":{"default-bases":[
		{"name":"ubuntu","channel":"24.04","architecture":"all"},{"name":"ubuntu","channel":"20.04","architecture":"s390x"},
		{"name":"all","channel":"all","architecture":"amd64"},
		{"name":"ubuntu","channel":"24.04","architecture":"amd64"},{"name":"ubuntu","channel":"22.04","architecture":"amd64"}]}}`
	otherReleases = `"result":"error","error":{"code":"revision-not-found","message":"Nothing there.","extra":{"releases":[
		{"base":{"name":"ubuntu","channel":"24.04","architecture":"amd64"},"channel":"latest/edge"},
		{"base":{"name":"ubuntu","channel":"20.04","architecture":"s390x"},"channel":"edge"},
		{"base":{"name":"ubuntu","channel":"24.04","architecture":"all"},"channel":"edge"},
		{"base":{"name":"ubuntu","channel":"22.04","architecture":"amd64"},"channel":"stable"}]}}`
	unknownName = `"result":"error","error":{"code":"name-not-found","message":"No such charm."}`
)

// TestResolve reads as the rules of juju: one more question at most, with a base
// out of the answer.
func TestResolve(t *testing.T) {
	amd64 := Base{Architecture: "amd64"}
	tests := []struct {
		name    string
		request ResolveRequest
		results []string
		sent    []string
		base    Base
		more    []Base
		fails   string // in the error
		unknown bool
	}{
		{name: "known base", request: ResolveRequest{Name: "bake", Channel: "edge", Base: jammy}, results: []string{found},
			sent: []string{"download edge ubuntu 22.04 amd64"}, base: jammy},
		{name: "the store chooses", request: ResolveRequest{Name: "bake", Base: amd64, Install: true}, results: []string{defaultBases, found},
			sent: []string{"install stable NA NA amd64", "install stable ubuntu 24.04 amd64"},
			base: base("ubuntu", "24.04", "amd64"), more: []Base{jammy}},
		{name: "a bundle needs no base", request: ResolveRequest{Name: "cake", Base: amd64}, results: []string{found},
			sent: []string{"download stable NA NA amd64"}, base: base(Unknown, Unknown, "amd64")},
		{name: "another base of the channel", request: ResolveRequest{Name: "bake", Channel: "edge", Base: jammy}, results: []string{otherReleases, found},
			sent: []string{"download edge ubuntu 22.04 amd64", "download edge ubuntu 24.04 amd64"}, base: base("ubuntu", "24.04", "amd64")},
		{name: "a track alone", request: ResolveRequest{Name: "bake", Channel: "8.0", Base: jammy}, results: []string{found},
			sent: []string{"download 8.0/stable ubuntu 22.04 amd64"}, base: jammy},
		{name: "by revision", request: ResolveRequest{ID: "bakeId", Channel: "ignored/edge", Revision: ptr(3), Base: jammy}, results: []string{found},
			sent: []string{"download revision 3"}, base: jammy},
		{name: "no base of this architecture", request: ResolveRequest{Name: "bake", Base: Base{Architecture: "riscv64"}}, results: []string{defaultBases},
			sent: []string{"download stable NA NA riscv64"}, fails: "Choose a base."},
		{name: "nothing on the channel", request: ResolveRequest{Name: "bake", Channel: "beta", Base: jammy}, results: []string{otherReleases},
			sent: []string{"download beta ubuntu 22.04 amd64"}, fails: "stable on ubuntu 22.04 for amd64", unknown: true},
		{name: "nothing, and no base known", request: ResolveRequest{Name: "bake", Channel: "edge", Base: amd64}, results: []string{otherReleases},
			sent: []string{"download edge NA NA amd64"}, fails: "there is latest/edge", unknown: true},
		{name: "refused twice", request: ResolveRequest{Name: "bake", Base: amd64}, results: []string{defaultBases, otherReleases},
			sent: []string{"download stable NA NA amd64", "download stable ubuntu 24.04 amd64"}, fails: "Nothing there.", unknown: true},
		{name: "unknown name", request: ResolveRequest{Name: "none", Base: jammy}, results: []string{unknownName},
			sent: []string{"download stable ubuntu 22.04 amd64"}, fails: "No such charm.", unknown: true},
		{name: "unknown revision", request: ResolveRequest{Name: "bake", Revision: ptr(99)}, results: []string{otherReleases},
			sent: []string{"download revision 99"}, fails: "Nothing there.", unknown: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := resolveStore(t, tt.results...)
			got, err := s.consumer().Resolve(t.Context(), tt.request)
			if strings.Join(sent(), ", ") != strings.Join(tt.sent, ", ") {
				t.Errorf("asked %q, want %q", sent(), tt.sent)
			}
			if tt.fails != "" {
				var refused *ResolveError
				if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.fails) || errors.Is(err, ErrNotFound) != tt.unknown {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil || got.Entity.Revision != 7 || got.Base != tt.base || fmt.Sprint(got.SupportedBases) != fmt.Sprint(tt.more) && len(got.SupportedBases)+len(tt.more) > 0 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	s, sent := resolveStore(t)
	if _, err := s.consumer().Resolve(t.Context(), ResolveRequest{Name: "bake", Channel: "a/b/c/d"}); !errors.As(err, new(*RequestError)) || len(sent()) != 0 {
		t.Errorf("no channel: %v", err)
	}
}

func TestResolveResource(t *testing.T) {
	const with = `"id":"bakeId","name":"bake","result":"download","charm":{"revision":7,"resources":[
		{"name":"other","revision":2,"type":"file","download":{"url":"https://store.example/o","size":1}},
		{"name":"data","revision":2,"type":"file","download":{"url":"https://store.example/r","size":1}}]}`
	s, _ := resolveStore(t, with, with)
	request := ResolveRequest{ID: "bakeId", Revision: ptr(7)}
	got, err := s.consumer().ResolveResource(t.Context(), request, "data", 2)
	if err != nil || got.Download.URL != "https://store.example/r" || !strings.Contains(string(s.Last().Body), `"resource-revisions":[{"name":"data","revision":2}]`) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := s.consumer().ResolveResource(t.Context(), request, "data", 3); !errors.Is(err, ErrNotFound) {
		t.Errorf("another revision: %v", err)
	}
	if _, err := s.consumer().ResolveResource(t.Context(), ResolveRequest{ID: "bakeId"}, "data", 2); !errors.As(err, new(*RequestError)) {
		t.Errorf("no revision of the charm: %v", err)
	}
}

func TestArchitecture(t *testing.T) {
	for goarch, want := range map[string]string{"amd64": "amd64", "arm": "armhf", "ppc64le": "ppc64el", "arm64": "arm64", "riscv64": "riscv64", "s390x": "s390x"} {
		if got := Architecture(goarch); got != want {
			t.Errorf("%s is %s", goarch, got)
		}
	}
}
