package charmhub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/larder-store/larder/client/internal/storetest"
)

// TestCalls sends what the gateway expects and reads what it answers.
func TestCalls(t *testing.T) {
	const (
		account = `{"id":"accId","username":"ann","display-name":"Ann","email":"ann@store.example","validation":"unproven"}`
		bake    = `{"authority":null,"contact":null,"default-track":"latest","description":null,"id":"bakeId","links":{},
			"media":[{"type":"icon","url":"https://store.example/i.png"}],"name":"bake","private":false,"publisher":` + account + `,
			"status":"published","store":"ubuntu","summary":null,"title":null,"track-guardrails":[{"pattern":"[0-9.]+","created-at":"2025-01-02T03:04:05.678901"}],
			"tracks":[{"name":"latest","created-at":"2025-01-02T03:04:05.678901","version-pattern":null,"automatic-phasing-percentage":null},
			{"name":"8.0","created-at":"2025-01-02T03:04:05.678901","version-pattern":null,"automatic-phasing-percentage":10}],"type":"charm","website":null}`
		resource = `{"name":"image","revision":4,"type":"oci-image","size":0,"created-at":"2025-01-02T03:04:05Z","updated-at":null,"updated-by":null,
			"sha256":"a","sha384":"b","sha512":"c","sha3-384":"d","bases":[{"name":"all","channel":"all","architectures":["amd64"]}]}`
	)
	tests := []struct {
		name string
		call func(context.Context, *Client) (any, error)
		// what is sent
		request, body string
		// what is answered, and what becomes of it as JSON
		status     int
		answer     string
		want       string
		thenAnswer string // to GET of the same path
	}{
		{"register", func(ctx context.Context, c *Client) (any, error) {
			return c.RegisterName(ctx, NameRequest{Name: "bake"})
		}, "POST /v1/charm", `{"name":"bake","type":"charm","private":false}`, 200, `{"id":"bakeId"}`, `"bakeId"`, ""},
		{"register a bundle", func(ctx context.Context, c *Client) (any, error) {
			return c.RegisterName(ctx, NameRequest{Name: "cake", Type: "bundle", Private: true, Team: "team"})
		}, "POST /v1/charm", `{"name":"cake","type":"bundle","private":true,"team":"team"}`, 200, `{"id":"cakeId"}`, `"cakeId"`, ""},
		{"unregister", func(ctx context.Context, c *Client) (any, error) {
			return c.UnregisterName(ctx, "bake")
		}, "DELETE /v1/charm/bake", "", 200, `{"package-id":"bakeId"}`, `"bakeId"`, ""},
		{"names", func(ctx context.Context, c *Client) (any, error) {
			names, err := c.ListNames(ctx, false)
			return []string{names[0].Name, names[0].Status, names[0].Publisher.DisplayName}, err
		}, "GET /v1/charm", "", 200, `{"results":[` + bake + `]}`, `["bake","published","Ann"]`, ""},
		{"metadata", func(ctx context.Context, c *Client) (any, error) {
			m, err := c.Metadata(ctx, "bake")
			return []any{m.ID, m.DefaultTrack, m.TrackGuardrails[0].Pattern, len(m.Tracks), m.Tracks[0].CreatedAt}, err
		}, "GET /v1/charm/bake", "", 200, `{"metadata":` + bake + `}`, `["bakeId","latest","[0-9.]+",2,"2025-01-02T03:04:05.678901Z"]`, ""},
		{"update metadata", func(ctx context.Context, c *Client) (any, error) {
			m, err := c.UpdateMetadata(ctx, "bake", map[string]any{"private": true})
			return m.Name, err
		}, "PATCH /v1/charm/bake", `{"private":true}`, 200, `{"metadata":` + bake + `}`, `"bake"`, ""},
		{"revisions", func(ctx context.Context, c *Client) (any, error) {
			r, err := c.ListRevisions(ctx, "bake", nil)
			return []any{r[0].Version, r[0].Bases, r[0].Errors[0].Code}, err
		}, "GET /v1/charm/bake/revisions", "", 200,
			`{"revisions":[{"revision":3,"version":"3","created-at":"2025-01-02T03:04:05Z","status":"rejected","size":9,"sha3-384":"ab",
				"errors":[{"code":"x","message":"y"}],"bases":[null,{"name":"ubuntu","channel":"24.04","architecture":"amd64"}]}]}`,
			`["3",[null,{"name":"ubuntu","channel":"24.04","architecture":"amd64"}],"x"]`, ""},
		{"release", func(ctx context.Context, c *Client) (any, error) {
			r := ReleaseTo("8.0/edge", 3)
			r.Resources = []ResourceRelease{{Name: "image", Revision: ptr(0)}, {Name: "data"}}
			return c.Release(ctx, "bake", r)
		}, "POST /v1/charm/bake/releases", `[{"channel":"8.0/edge","revision":3,"resources":[{"name":"image","revision":0},{"name":"data","revision":null}]}]`, 200,
			`{"released":[{"channel":"8.0/edge","revision":3,"resources":[{"name":"image","revision":0}]}]}`,
			`[{"channel":"8.0/edge","revision":3,"resources":[{"name":"image","revision":0}]}]`, ""},
		{"close several", func(ctx context.Context, c *Client) (any, error) {
			return c.Close(ctx, "bake", "edge", "8.0/beta/fix")
		}, "POST /v1/charm/bake/releases", `[{"channel":"edge","revision":null},{"channel":"8.0/beta/fix","revision":null}]`, 200,
			`{"released":[{"channel":"latest/edge","revision":null,"resources":[]},{"channel":"8.0/beta/fix","revision":null,"resources":[]}]}`,
			`[{"channel":"latest/edge","revision":null},{"channel":"8.0/beta/fix","revision":null}]`, ""},
		{"create tracks", func(ctx context.Context, c *Client) (any, error) {
			tracks, err := c.CreateTracks(ctx, "bake", TrackRequest{Name: "8.0", AutomaticPhasingPercentage: ptr("10")})
			return []any{len(tracks), tracks[0].Name, tracks[0].AutomaticPhasingPercentage}, err
		}, "POST /v1/charm/bake/tracks", `[{"name":"8.0","automatic-phasing-percentage":"10"}]`, 201, `{"num-tracks-created":1}`,
			`[1,"8.0",10]`, `{"metadata":` + bake + `}`},
		{"resources", func(ctx context.Context, c *Client) (any, error) {
			return c.ListResources(ctx, "bake")
		}, "GET /v1/charm/bake/resources", "", 200, `{"resources":[{"name":"image","type":"oci-image","optional":false,"revision":3}]}`,
			`[{"name":"image","type":"oci-image","optional":false,"revision":3}]`, ""},
		{"resource revisions", func(ctx context.Context, c *Client) (any, error) {
			r, err := c.ListResourceRevisions(ctx, "bake", "image")
			return []any{r[0].Revision, r[0].Size, r[0].SHA3_384, r[0].Bases[0].Architectures}, err
		}, "GET /v1/charm/bake/resources/image/revisions", "", 200, `{"revisions":[` + resource + `]}`, `[4,0,"d",["amd64"]]`, ""},
		{"set architectures", func(ctx context.Context, c *Client) (any, error) {
			r, err := c.SetResourceArchitectures(ctx, "bake", "image", map[int][]string{4: {"amd64"}, 2: {"arm64", "armhf"}})
			return []any{len(r), r[0].Revision}, err
		}, "PATCH /v1/charm/bake/resources/image/revisions", `{"resource-revision-updates":[{"revision":2,"bases":[{"name":"all","channel":"all","architectures":["arm64","armhf"]}]},
			{"revision":4,"bases":[{"name":"all","channel":"all","architectures":["amd64"]}]}]}`, 200, `{"num-resource-revisions-updated":2}`,
			`[1,4]`, `{"revisions":[` + strings.Replace(resource, `"revision":4`, `"revision":9`, 1) + `,` + resource + `]}`},
		{"image credentials", func(ctx context.Context, c *Client) (any, error) {
			i, err := c.ImageCredentials(ctx, "bake", "image")
			return []string{i.ImageName, i.Username, i.Password}, err
		}, "GET /v1/charm/bake/resources/image/oci-image/upload-credentials", "", 200,
			`{"image-name":"registry.example:5000/charm/abc/image","username":"u","password":"p"}`, `["registry.example:5000/charm/abc/image","u","p"]`, ""},
		{"image credentials elsewhere", func(ctx context.Context, c *Client) (any, error) {
			c.RegistryURL = "https://other.example/"
			i, err := c.ImageCredentials(ctx, "bake", "image")
			return i.ImageName, err
		}, "GET /v1/charm/bake/resources/image/oci-image/upload-credentials", "", 200,
			`{"image-name":"registry.example:5000/charm/abc/image","username":"u","password":"p"}`, `"other.example/charm/abc/image"`, ""},
		{"image blob", func(ctx context.Context, c *Client) (any, error) {
			return c.ImageBlob(ctx, "bake", "image", "sha256:ab")
		}, "POST /v1/charm/bake/resources/image/oci-image/blob", `{"image-digest":"sha256:ab"}`, 200, `{"ImageName": "x@sha256:ab",  "Password": "p"}`,
			`"{\"ImageName\": \"x@sha256:ab\",  \"Password\": \"p\"}"`, ""},
		{"create library id", func(ctx context.Context, c *Client) (any, error) {
			return c.CreateLibraryID(ctx, "bake-it", "oven")
		}, "POST /v1/charm/libraries/bake-it", `{"library-name":"oven"}`, 200, `{"library-id":"abc"}`, `"abc"`, ""},
		{"create library revision", func(ctx context.Context, c *Client) (any, error) {
			return c.CreateLibraryRevision(ctx, Library{CharmName: "bake-it", LibraryID: "abc", API: 1, Patch: 2, Content: "LIBID = 1\n"})
		}, "POST /v1/charm/libraries/bake-it/abc",
			`{"api":1,"patch":2,"content":"LIBID = 1\n","hash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`, 200,
			`{"api":1,"patch":2,"hash":"e3","library-id":"abc","library-name":"oven","charm-name":"bake-it"}`,
			`{"api":1,"patch":2,"hash":"e3","library-id":"abc","library-name":"oven","charm-name":"bake-it"}`, ""},
		{"a name that would leave its place", func(ctx context.Context, c *Client) (any, error) {
			return c.ListResources(ctx, "../tokens?x")
		}, "GET /v1/charm/..%2Ftokens%3Fx/resources", "", 200, `{"resources":[]}`, `[]`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newFakeStore(t)
			method, path, _ := strings.Cut(tt.request, " ")
			s.Answer(method+" /", tt.status, tt.answer)
			if tt.thenAnswer != "" {
				s.Answer("GET /", 200, tt.thenAnswer)
			}
			got, err := tt.call(t.Context(), s.client())
			if err != nil {
				t.Fatal(err)
			}
			sent := s.All()[0]
			uri, _, _ := strings.Cut(sent.URI, "?include-collaborations=false")
			if sent.Method != method || uri != path || !storetest.SameJSON(t, sent.Body, tt.body) || sent.Header.Get("Authorization") != "Macaroon tok-12345" {
				t.Errorf("sent %s %s %s", sent.Method, sent.URI, sent.Body)
			}
			encoded, err := json.Marshal(got)
			must(t, err)
			if !storetest.SameJSON(t, encoded, tt.want) {
				t.Errorf("got %s, want %s", encoded, tt.want)
			}
		})
	}
}

// TestCallsThatAreNotSent name what is wrong with them.
func TestCallsThatAreNotSent(t *testing.T) {
	s := newFakeStore(t)
	c := s.client()
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"close no channel":   func() error { _, err := c.Close(ctx, "bake", "8.0"); return err },
		"close nothing":      func() error { _, err := c.Close(ctx, "bake"); return err },
		"release nothing":    func() error { _, err := c.ReleaseCandidates(ctx, "bake", "edge", nil); return err },
		"release to nowhere": func() error { _, err := c.ReleaseCandidates(ctx, "bake", "x", nil); return err },
		"no architecture": func() error {
			_, err := c.SetResourceArchitectures(ctx, "b", "i", map[int][]string{1: nil})
			return err
		},
		"no revision":  func() error { _, err := c.SetResourceArchitectures(ctx, "b", "i", nil); return err },
		"track name":   func() error { _, err := c.CreateTracks(ctx, "b", TrackRequest{Name: "a b"}); return err },
		"library name": func() error { _, err := c.CreateLibraryID(ctx, "b", "Oven"); return err },
		"library without id": func() error {
			_, err := c.CreateLibraryRevision(ctx, Library{CharmName: "b", Content: "x"})
			return err
		},
		"no libraries":         func() error { _, err := c.ListLibraries(ctx); return err },
		"library of neither":   func() error { _, err := c.ListLibraries(ctx, LibraryRequest{LibraryName: "x"}); return err },
		"promotion to itself":  func() error { _, err := c.Promote(ctx, "b", "a/edge", "a/edge"); return err },
		"promotion to riskier": func() error { _, err := c.Promote(ctx, "b", "a/stable", "a/edge"); return err },
	} {
		var invalid *RequestError
		if err := call(); !errors.As(err, &invalid) || len(s.All()) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRefusals keep the store's list, and strange answers are told apart.
func TestRefusals(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("POST /v1/charm", 409, `{"error-list":[{"code":"already-owned","message":"You own it."},{"code":"other","message":"Too."}]}`)
	s.Answer("GET /v1/charm/bake/resources", 200, `{"other":1}`)
	s.Answer("GET /v1/charm/cake/resources", 200, `<html>`)
	s.Answer("POST /v1/charm/libraries/bake", 200, `{}`)
	s.Answer("POST /v1/charm/bake/resources/image/oci-image/blob", 200, " \n")
	s.Answer("POST /v1/charm/cake/resources/image/oci-image/blob", 200, strings.Repeat("x", maxImageBlob+1))
	s.Answer("GET /v1/charm/bake/resources/image/oci-image/upload-credentials", 200, `{"username":"u"}`)
	s.Answer("POST /v1/charm/libraries/bulk", 200, `{"libraries":null}`)
	c := s.client()
	_, err := c.RegisterName(t.Context(), NameRequest{Name: "bake"})
	var refused *StoreError
	if !errors.As(err, &refused) || !refused.HasCode("already-owned") || len(refused.Errors) != 2 || !errors.Is(err, ErrConflict) {
		t.Errorf("taken name: %v", err)
	}
	for name, call := range map[string]func() error{
		"no member":      func() error { _, err := c.ListResources(t.Context(), "bake"); return err },
		"a page":         func() error { _, err := c.ListResources(t.Context(), "cake"); return err },
		"no id":          func() error { _, err := c.CreateLibraryID(t.Context(), "bake", "oven"); return err },
		"empty blob":     func() error { _, err := c.ImageBlob(t.Context(), "bake", "image", "x"); return err },
		"endless blob":   func() error { _, err := c.ImageBlob(t.Context(), "cake", "image", "x"); return err },
		"no image name":  func() error { _, err := c.ImageCredentials(t.Context(), "bake", "image"); return err },
		"null libraries": func() error { _, err := c.ListLibraries(t.Context(), LibraryRequest{LibraryID: "x"}); return err },
	} {
		var invalid *InvalidResponseError
		if err := call(); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestImageCredentialsPrintWithoutPassword(t *testing.T) {
	i := ImageCredentials{ImageName: "r.example/charm/a/b", Username: "u", Password: "s3cret"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "credentials", i)
	encoded, err := json.Marshal(i)
	must(t, err)
	for _, text := range []string{fmt.Sprint(i), fmt.Sprintf("%#v %+v", i, i), log.String(), string(encoded)} {
		if strings.Contains(text, "s3cret") || !strings.Contains(text, "r.example") {
			t.Errorf("printed as %s", text)
		}
	}
}
