package snapstore

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/larder-store/larder/client/internal/storetest"
)

// call is one exchange: what a method sends, what the store answers, and what
// the caller gets (as JSON, for a short table).
type call struct {
	name   string
	do     func(ctx context.Context, c *Client) (any, error)
	method string
	uri    string
	body   string
	status int
	answer string
	want   string
}

func only(err error) (any, error) { return nil, err }

func checkCalls(t *testing.T, calls []call) {
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			s := newFakeStore(t)
			s.Answer("/", tt.status, tt.answer)
			got, err := tt.do(t.Context(), s.client())
			must(t, err)
			a := s.Last()
			if a.Method != tt.method || a.URI != tt.uri {
				t.Errorf("sent %s %s, want %s %s", a.Method, a.URI, tt.method, tt.uri)
			}
			if !storetest.SameJSON(t, a.Body, tt.body) {
				t.Errorf("sent the body %s, want %s", a.Body, tt.body)
			}
			if a.Header.Get("Authorization") != "Macaroon tok-12345" {
				t.Errorf("sent the credentials %q", a.Header.Get("Authorization"))
			}
			if tt.body != "" && a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("sent %s", a.Header.Get("Content-Type"))
			}
			if tt.want == "" {
				return
			}
			text, err := json.Marshal(got)
			must(t, err)
			if !storetest.SameJSON(t, text, tt.want) {
				t.Errorf("got %s, want %s", text, tt.want)
			}
		})
	}
}

func TestGatewayCalls(t *testing.T) {
	checkCalls(t, []call{
		{"whoami", func(ctx context.Context, c *Client) (any, error) { return c.Whoami(ctx) },
			"GET", "/api/v2/tokens/whoami", "", 200,
			`{"account":{"email":"a@b.example","id":"i","name":"Ann","username":"ann"},"permissions":null,"channels":["edge"],"packages":["helloId",{"type":"charm","name":"bake"}],"expires":"2026-01-02T03:04:05.678901","store_ids":null}`,
			`{"account":{"id":"i","username":"ann","email":"a@b.example","name":"Ann"},"permissions":null,"channels":["edge"],"packages":[{"id":"helloId"},{"type":"charm","name":"bake"}],"expires":"2026-01-02T03:04:05.678901Z"}`},
		{"names", func(ctx context.Context, c *Client) (any, error) {
			n, err := c.ListNames(ctx, true)
			return len(n), err
		}, "GET", "/v1/snap?include-collaborations=true", "", 200, `{"results":[{"id":"a"},{"id":"b"}]}`, `2`},
		{"register", func(ctx context.Context, c *Client) (any, error) {
			return c.RegisterName(ctx, NameRequest{Name: "hello", Type: "snap", Private: true, Team: "bakers"})
		}, "POST", "/v1/snap", `{"name":"hello","type":"snap","private":true,"team":"bakers"}`, 201, `{"id":"helloId"}`, `"helloId"`},
		{"register, nothing but a name", func(ctx context.Context, c *Client) (any, error) {
			return c.RegisterName(ctx, NameRequest{Name: "hello"})
		}, "POST", "/v1/snap", `{"name":"hello","private":false}`, 200, `{"id":"helloId"}`, `"helloId"`},
		{"unregister", func(ctx context.Context, c *Client) (any, error) { return c.UnregisterName(ctx, "hello") },
			"DELETE", "/v1/snap/hello", "", 200, `{"package-id":"helloId"}`, `"helloId"`},
		{"a name cannot leave its place", func(ctx context.Context, c *Client) (any, error) { return c.UnregisterName(ctx, "../brand/x?y") },
			"DELETE", "/v1/snap/..%2Fbrand%2Fx%3Fy", "", 200, `{"package-id":"helloId"}`, `"helloId"`},
		{"metadata", func(ctx context.Context, c *Client) (any, error) {
			m, err := c.Metadata(ctx, "bake")
			return []any{m.ID, m.Type, *m.DefaultTrack, m.Website, m.Media[0].Type, m.TrackGuardrails[0].Pattern, m.Tracks[0].VersionPattern, *m.Tracks[1].AutomaticPhasingPercentage, m.Tracks[1].CreatedAt}, err
		}, "GET", "/v1/snap/bake", "", 200, "gateway_metadata.json", `["bakeId","charm","latest",null,"icon","[0-9]+",null,12.5,"2025-01-03T03:04:05Z"]`},
		{"change metadata", func(ctx context.Context, c *Client) (any, error) {
			m, err := c.UpdateMetadata(ctx, "bake", map[string]any{"summary": "Bakes."})
			return m.Summary, err
		}, "PATCH", "/v1/snap/bake", `{"summary":"Bakes."}`, 200, "gateway_metadata.json", `"Bakes."`},
		{"revisions", func(ctx context.Context, c *Client) (any, error) {
			return c.ListRevisions(ctx, "hello", &RevisionsFilter{Fields: []string{"apps", "status"}, IncludeCraftYAML: true, Revision: 7})
		}, "GET", "/v1/snap/hello/revisions?fields=apps%2Cstatus&include-craft-yaml=true&revision=7", "", 200,
			`{"revisions":[{"revision":7,"version":"1","created-at":"2025-01-01T00:00:00Z","status":"released","size":5,"sha3-384":"aa"}]}`,
			`[{"revision":7,"version":"1","created-at":"2025-01-01T00:00:00Z","status":"released","size":5,"sha3-384":"aa"}]`},
		{"notify", func(ctx context.Context, c *Client) (any, error) { return c.NotifyRevision(ctx, "hello", "up-1") },
			"POST", "/v1/snap/hello/revisions", `{"upload-id":"up-1"}`, 200, `{"status-url":"/v1/snap/hello/revisions/review?upload-id=up-1"}`, `"/v1/snap/hello/revisions/review?upload-id=up-1"`},
		{"release and close", func(ctx context.Context, c *Client) (any, error) {
			return c.Release(ctx, "hello", ReleaseTo("edge", 7), CloseChannel("beta"), ReleaseRequest{Channel: "1/stable", Revision: ptr(3), Resources: []ResourceRelease{{"image", ptr(4)}, {"extra", nil}}})
		}, "POST", "/v1/snap/hello/releases",
			`[{"channel":"edge","revision":7},{"channel":"beta","revision":null},{"channel":"1/stable","revision":3,"resources":[{"name":"image","revision":4},{"name":"extra","revision":null}]}]`,
			200, `{"released":[{"channel":"latest/edge","revision":7}]}`, `[{"channel":"latest/edge","revision":7}]`},
		{"release where nothing is answered", func(ctx context.Context, c *Client) (any, error) {
			return c.Release(ctx, "hello", ReleaseTo("edge", 7))
		},
			"POST", "/v1/snap/hello/releases", `[{"channel":"edge","revision":7}]`, 204, ``, `null`},
		{"tracks", func(ctx context.Context, c *Client) (any, error) {
			return c.CreateTracks(ctx, "hello", TrackRequest{Name: "1.0"}, TrackRequest{Name: "2", VersionPattern: ptr("2.*"), AutomaticPhasingPercentage: ptr("10")})
		}, "POST", "/v1/snap/hello/tracks", `[{"name":"1.0"},{"name":"2","version-pattern":"2.*","automatic-phasing-percentage":"10"}]`, 201, `{"num-tracks-created":2}`, `2`},
		{"push a resource", func(ctx context.Context, c *Client) (any, error) {
			return c.PushResource(ctx, "bake", "image", "up-1", ResourceOptions{Type: ResourceFile, Bases: []ResourceBase{{Architectures: []string{"arm64"}}}})
		}, "POST", "/v1/snap/bake/resources/image/revisions", `{"upload-id":"up-1","type":"file","bases":[{"name":"all","channel":"all","architectures":["arm64"]}]}`,
			200, `{"status-url":"/s"}`, `"/s"`},
		{"push a resource, nothing known", func(ctx context.Context, c *Client) (any, error) {
			return c.PushResource(ctx, "bake", "image", "up-1", ResourceOptions{})
		}, "POST", "/v1/snap/bake/resources/image/revisions", `{"upload-id":"up-1"}`, 200, `{"status-url":"/s"}`, `"/s"`},
		{"resource revisions", func(ctx context.Context, c *Client) (any, error) {
			c.Endpoints.Namespace = "charm"
			r, err := c.ListResourceRevisions(ctx, "bake", "image")
			return []any{r[0].Revision, r[0].Bases[0].Architectures, r[0].UpdatedAt, r[0].Size}, err
		}, "GET", "/v1/charm/bake/resources/image/revisions", "", 200,
			`{"revisions":[{"name":"image","revision":4,"type":"oci-image","size":0,"created-at":"2025-01-01T00:00:00Z","updated-at":null,"sha256":"a","sha384":"b","sha512":"c","sha3-384":"d","bases":[{"name":"all","channel":"all","architectures":["all"]}]}]}`,
			`[4,["all"],null,0]`},
		{"update resource revisions", func(ctx context.Context, c *Client) (any, error) {
			return c.UpdateResourceRevisions(ctx, "bake", "image", ResourceUpdate{Revision: 4, Bases: []ResourceBase{{}}})
		}, "PATCH", "/v1/snap/bake/resources/image/revisions",
			`{"resource-revision-updates":[{"revision":4,"bases":[{"name":"all","channel":"all","architectures":["all"]}]}]}`, 200, `{"num-resource-revisions-updated":1}`, `1`},
		{"collaborators", func(ctx context.Context, c *Client) (any, error) {
			l, err := c.ListCollaborators(ctx, "hello")
			return []any{l.Publisher.ID, l.Collaborators[0].Account.Username, l.Collaborators[0].Permissions, l.Collaborators[0].UpdatedAt}, err
		}, "GET", "/v1/snap/hello/collaborators", "", 200, "gateway_collaborators.json", `["acc-ann","bob",["package-collaborator"],null]`},
		{"invites", func(ctx context.Context, c *Client) (any, error) {
			l, err := c.ListInvites(ctx, "hello")
			return []any{l[0].Email, l[0].AcceptedBy, l[0].RevokedBy.ID, l[0].ExpiresAt}, err
		}, "GET", "/v1/snap/hello/collaborators/invites", "", 200, "gateway_invites.json", `["bob@store.example",null,"acc-ann","2025-03-05T04:05:06Z"]`},
		{"invite", func(ctx context.Context, c *Client) (any, error) { return c.Invite(ctx, "hello", "bob@store.example") },
			"POST", "/v1/snap/hello/collaborators/invites", `{"invites":[{"email":"bob@store.example"}]}`, 201, `{"tokens":[{"email":"bob@store.example","token":"t"}]}`, `[{"email":"bob@store.example","token":"t"}]`},
		{"revoke invites", func(ctx context.Context, c *Client) (any, error) {
			return only(c.RevokeInvites(ctx, "hello", "bob@store.example"))
		},
			"POST", "/v1/snap/hello/collaborators/invites/revoke", `{"invites":[{"email":"bob@store.example"}]}`, 204, ``, ``},
		{"accept", func(ctx context.Context, c *Client) (any, error) { return only(c.AcceptInvite(ctx, "hello", "t")) },
			"POST", "/v1/snap/hello/collaborators/invites/accept", `{"token":"t"}`, 200, `{}`, ``},
		{"reject", func(ctx context.Context, c *Client) (any, error) { return only(c.RejectInvite(ctx, "hello", "t")) },
			"POST", "/v1/snap/hello/collaborators/invites/reject", `{"token":"t"}`, 204, ``, ``},
		{"tokens", func(ctx context.Context, c *Client) (any, error) { return c.ListTokens(ctx, true) },
			"GET", "/v1/tokens?include-inactive=true", "", 200,
			`{"macaroons":[{"description":"d","session-id":"s","valid-since":"2025-01-01T00:00:00Z","valid-until":"2026-01-01T00:00:00Z","revoked-at":null,"revoked-by":null}]}`,
			`[{"description":"d","session-id":"s","valid-since":"2025-01-01T00:00:00Z","valid-until":"2026-01-01T00:00:00Z","revoked-by":null}]`},
		{"revoke a token", func(ctx context.Context, c *Client) (any, error) { return only(c.RevokeToken(ctx, "s")) },
			"POST", "/v1/tokens/revoke", `{"session-id":"s"}`, 200, `{"macaroons":[]}`, ``},
		{"feature", func(ctx context.Context, c *Client) (any, error) { return only(c.Feature(ctx, "a", "b")) },
			"PUT", "/v1/snap/featured", `["a","b"]`, 201, ``, ``},
		{"unfeature", func(ctx context.Context, c *Client) (any, error) { return only(c.Unfeature(ctx, "a")) },
			"DELETE", "/v1/snap/featured", `{"packages":["a"]}`, 201, ``, ``},
		{"brand", func(ctx context.Context, c *Client) (any, error) {
			b, err := c.Brand(ctx, "acc-brand")
			return []any{b.Name, b.CreatedBy.ID, b.ModifiedAt}, err
		}, "GET", "/v1/brand/acc-brand", "", 200, `{"account-id":"acc-brand","created-at":"2025-01-01T00:00:00.1","created-by":{"id":"acc-ann"},"modified-at":null,"modified-by":null,"name":"Brand"}`, `["Brand","acc-ann",null]`},
	})
}

func TestDashboardCalls(t *testing.T) {
	checkCalls(t, []call{
		{"register", func(ctx context.Context, c *Client) (any, error) {
			return c.Dashboard().RegisterName(ctx, DashboardName{Name: "hello"})
		}, "POST", "/dev/api/register-name/", `{"snap_name":"hello","series":"16"}`, 201, `{"snap_id":"helloId","snap_name":"hello"}`, `{"snap_id":"helloId","snap_name":"hello"}`},
		{"register, dry run", func(ctx context.Context, c *Client) (any, error) {
			return c.Dashboard().RegisterName(ctx, DashboardName{Name: "hello", Private: true, Store: "brandStore", Comment: "mine", DryRun: true})
		}, "POST", "/dev/api/register-name/?dry_run=true", `{"snap_name":"hello","series":"16","is_private":true,"store":"brandStore","registrant_comment":"mine"}`, 200, `{"snap_id":null,"snap_name":"hello"}`, `{"snap_id":"","snap_name":"hello"}`},
		{"dispute", func(ctx context.Context, c *Client) (any, error) {
			return c.Dashboard().DisputeName(ctx, "hello", "mine")
		},
			"POST", "/dev/api/register-name-dispute/", `{"snap_name":"hello","comment":"mine"}`, 201, `{"snap_name":"hello","status_url":"https://store.example/d"}`, `"https://store.example/d"`},
		{"account", func(ctx context.Context, c *Client) (any, error) {
			a, err := c.Dashboard().Account(ctx)
			hello, _ := a.Snap("hello")
			wanted, _ := a.Snap("wanted")
			return []any{a.ID, a.DisplayName, a.Keys[0].Name, hello.SnapID, hello.LatestRevisions[0].Channels, wanted.SnapID, wanted.Status, a.Stores[1].Roles}, err
		}, "GET", "/dev/api/account", "", 200, "account.json", `["acc-ann","Ann Baker","work","helloId",["edge"],"","DisputePending",["admin","review"]]`},
		{"account in the old spelling", func(ctx context.Context, c *Client) (any, error) {
			a, err := c.Dashboard().Account(ctx)
			return []any{a.ID, a.DisplayName, len(a.Keys)}, err
		}, "GET", "/dev/api/account", "", 200, `{"account_id":"x","displayname":"X","account_keys":[{"name":"k","public-key-sha3-384":"p"}],"snaps":{"16":{}}}`, `["x","X",1]`},
		{"snap id", func(ctx context.Context, c *Client) (any, error) { return c.Dashboard().SnapID(ctx, "hello") },
			"GET", "/dev/api/account", "", 200, "account.json", `"helloId"`},
		{"username", func(ctx context.Context, c *Client) (any, error) { return only(c.Dashboard().SetUsername(ctx, "ann")) },
			"PATCH", "/dev/api/account", `{"short_namespace":"ann"}`, 204, ``, ``},
		{"agreement", func(ctx context.Context, c *Client) (any, error) { return c.Dashboard().Agreement(ctx) },
			"GET", "/dev/api/agreement/", "", 200, `{"latest_tos_accepted":true,"latest_tos_date":"2020-01-02 00:00:00","tos_url":"https://store.example/tos/","accepted_tos_date":"2024-01-02 03:04:05.678901"}`,
			`{"latest_tos_accepted":true,"latest_tos_date":"2020-01-02T00:00:00Z","tos_url":"https://store.example/tos/","accepted_tos_date":"2024-01-02T03:04:05.678901Z"}`},
		{"accept the agreement", func(ctx context.Context, c *Client) (any, error) { return c.Dashboard().AcceptAgreement(ctx) },
			"POST", "/dev/api/agreement/", `{"latest_tos_accepted":true}`, 200, `{"latest_tos_accepted":true,"accepted_tos_date":null}`, `{"latest_tos_accepted":true,"latest_tos_date":null,"accepted_tos_date":null,"tos_url":""}`},
		{"register a key", func(ctx context.Context, c *Client) (any, error) {
			return c.Dashboard().RegisterKey(ctx, []byte("type: account-key-request\n"))
		},
			"POST", "/dev/api/account/account-key", `{"account_key_request":"type: account-key-request\n"}`, 200,
			`{"account_key":{"account-id":"acc-ann","name":"work","public-key-sha3-384":"KEYID"}}`, `{"account-id":"acc-ann","name":"work","public-key-sha3-384":"KEYID"}`},
		{"check a push", func(ctx context.Context, c *Client) (any, error) { return only(c.Dashboard().CheckPush(ctx, "hello")) },
			"POST", "/dev/api/snap-push/", `{"name":"hello","dry_run":true}`, 202, `{"success":true}`, ``},
		{"push", func(ctx context.Context, c *Client) (any, error) {
			return c.Dashboard().Push(ctx, Push{Name: "hello", UploadID: "up-1", Size: 8192, BuiltAt: "2025-01-01T00:00:00Z", Channels: []string{"edge"}, Components: map[string]string{"docs": "up-2"}})
		}, "POST", "/dev/api/snap-push/",
			`{"name":"hello","updown_id":"up-1","series":"16","binary_filesize":8192,"source_uploaded":false,"built_at":"2025-01-01T00:00:00Z","channels":["edge"],"components":{"docs":"up-2"}}`,
			202, `{"success":true,"status_details_url":"https://store.example/status","status_url":"https://store.example/old"}`, `{"StatusURL":"https://store.example/status"}`},
		{"push to an old store", func(ctx context.Context, c *Client) (any, error) {
			return c.Dashboard().Push(ctx, Push{Name: "hello", UploadID: "1"})
		},
			"POST", "/dev/api/snap-push/", `{"name":"hello","updown_id":"1","series":"16","source_uploaded":false}`, 202, `{"success":true,"status_url":"https://store.example/old"}`, `{"StatusURL":"https://store.example/old"}`},
		{"release", func(ctx context.Context, c *Client) (any, error) {
			r, err := c.Dashboard().Release(ctx, DashboardRelease{Name: "hello", Revision: 7, Channels: []string{"edge", "1.0/stable"}})
			return []any{r.Success, r.OpenedChannels, r.Tree["latest"]["16"]["amd64"][0].Revision}, err
		}, "POST", "/dev/api/snap-release/", `{"name":"hello","revision":"7","channels":["edge","1.0/stable"]}`, 200,
			`{"success":true,"channel_map_tree":{"latest":{"16":{"amd64":[{"channel":"edge","info":"specific","revision":7,"version":"1.7"}]}}},"channel_map":[],"opened_channels":["edge"]}`, `[true,["edge"],7]`},
		{"release progressively", func(ctx context.Context, c *Client) (any, error) {
			r, err := c.Dashboard().Release(ctx, DashboardRelease{Name: "hello", Revision: 7, Channels: []string{"stable"}, Progressive: &ProgressiveRelease{Percentage: 50}})
			return r.Success, err
		}, "POST", "/dev/api/snap-release/", `{"name":"hello","revision":"7","channels":["stable"],"progressive":{"percentage":50,"paused":false}}`, 200, `{"success":true}`, `true`},
		{"close", func(ctx context.Context, c *Client) (any, error) {
			r, err := c.Dashboard().Close(ctx, "helloId", "edge")
			return []any{r.ClosedChannels, r.Tree["latest"]["16"]["amd64"][1].Info}, err
		}, "POST", "/dev/api/snaps/helloId/close", `{"channels":["edge"]}`, 200,
			`{"closed_channels":["edge"],"channel_maps":{},"channel_map_tree":{"latest":{"16":{"amd64":[{"channel":"stable","info":"specific","revision":7,"version":"1"},{"channel":"edge","info":"tracking"}]}}}}`, `[["edge"],"tracking"]`},
		{"state", func(ctx context.Context, c *Client) (any, error) {
			tree, err := c.Dashboard().State(ctx, "helloId", "amd64")
			return tree, err
		}, "GET", "/dev/api/snaps/helloId/state?architecture=amd64&series=16", "", 200,
			`{"channel_map_tree":{"latest":{"16":{"amd64":[{"channel":"stable","info":"none"}]}}}}`, `{"latest":{"16":{"amd64":[{"channel":"stable","info":"none"}]}}}`},
		{"channel map", func(ctx context.Context, c *Client) (any, error) {
			m, err := c.Dashboard().ChannelMap(ctx, "hello")
			rev, _ := m.Revision(8)
			_, missing := m.Revision(99)
			return []any{len(m.ChannelMap), m.ChannelMap[1].Progressive, m.ChannelMap[3].ExpirationDate, rev.Kind, *rev.BuildURL, rev.CreatedAt, missing, m.Snap.Tracks[1].Status, *m.Snap.Channels[1].Branch}, err
		}, "GET", "/api/v2/snaps/hello/channel-map", "", 200, "channel_map.json",
			`[4,{"paused":false,"percentage":25.5},"2025-07-06T07:08:09Z",2,"https://build.example/8","2025-05-05T00:00:00Z",false,"active","fix-1"]`},
		{"one page of releases", func(ctx context.Context, c *Client) (any, error) {
			p, err := c.Dashboard().ReleasesPage(ctx, "hello", 2, 50)
			return []any{p.Releases[1].Revision, p.Revisions[0].BuildURL, p.Revisions[0].CreatedAt, p.Revisions[0].Status}, err
		}, "GET", "/api/v2/snaps/hello/releases?page=2&size=50", "", 200, "releases_page_1.json", `[null,"https://build.example/9","2025-05-30T00:00:00Z","Published"]`},
		{"one revision", func(ctx context.Context, c *Client) (any, error) {
			r, err := c.Dashboard().Revision(ctx, "hello", 22)
			return []any{r.Revision, r.CreatedAt, r.Grade}, err
		}, "GET", "/api/v2/snaps/hello/revisions/22", "", 200, `{"revision":{"architectures":["amd64"],"attributes":{},"base":"core24","build_url":null,"confinement":"strict","created_at":"2025-06-01T08:56:34Z","epoch":{"read":[0],"write":[0]},"grade":"stable","revision":22,"size":1,"version":"0.8","status":"Published"}}`,
			`[22,"2025-06-01T08:56:34Z","stable"]`},
		{"snap info", func(ctx context.Context, c *Client) (any, error) {
			i, err := c.Dashboard().SnapInfo(ctx, "hello")
			return []any{i.SnapID, i.Links["source"], i.Categories.Items[0].Name, i.Media[1].Width, i.ChannelMaps[0].Map[0].Epoch.Text, i.ChannelMaps[0].Map[1].Info, i.AllowedCountries}, err
		}, "GET", "/dev/api/snaps/info/hello", "", 200, "snap_info.json", `["helloId",["https://code.example/hello"],"utilities",null,"0",null,["SE"]]`},
		{"metadata", func(ctx context.Context, c *Client) (any, error) {
			return only(c.Dashboard().UpdateMetadata(ctx, "helloId", map[string]any{"summary": "s"}, false))
		}, "POST", "/dev/api/snaps/helloId/metadata", `{"summary":"s"}`, 200, ``, ``},
		{"default track", func(ctx context.Context, c *Client) (any, error) {
			return only(c.Dashboard().SetDefaultTrack(ctx, "helloId", "1.0"))
		},
			"PUT", "/dev/api/snaps/helloId/metadata", `{"default_track":"1.0"}`, 200, `{}`, ``},
		{"pictures", func(ctx context.Context, c *Client) (any, error) { return c.Dashboard().Pictures(ctx, "helloId") },
			"GET", "/dev/api/snaps/helloId/binary-metadata", "", 200, `[{"type":"icon","hash":"ab","filename":"i.png","url":"https://x.example/i"}]`, `[{"type":"icon","hash":"ab","filename":"i.png","url":"https://x.example/i"}]`},
		{"metrics", func(ctx context.Context, c *Client) (any, error) {
			return c.Dashboard().Metrics(ctx, MetricFilter{"helloId", "weekly_installed_base_by_channel", "2025-01-01", "2025-01-02"})
		}, "POST", "/dev/api/snaps/metrics", `{"filters":[{"snap_id":"helloId","metric_name":"weekly_installed_base_by_channel","start":"2025-01-01","end":"2025-01-02"}]}`, 200,
			`{"metrics":[{"status":"OK","snap_id":"helloId","metric_name":"m","buckets":["2025-01-01","2025-01-02"],"series":[{"name":"stable","values":[1,null],"currently_released":true}]}]}`,
			`[{"status":"OK","snap_id":"helloId","metric_name":"m","buckets":["2025-01-01","2025-01-02"],"series":[{"name":"stable","values":[1,null],"currently_released":true}]}]`},
		{"sign a build", func(ctx context.Context, c *Client) (any, error) {
			return only(c.Dashboard().SignBuild(ctx, "helloId", []byte("a\n")))
		},
			"POST", "/dev/api/snaps/helloId/builds", `{"assertion":"a\n"}`, 200, `{}`, ``},
		{"validations", func(ctx context.Context, c *Client) (any, error) {
			v, err := c.Dashboard().Validations(ctx, "helloId", true)
			return []any{v[0].ApprovedRevision, v[0].Required, v[0].Revoked}, err
		}, "GET", "/dev/api/snaps/helloId/validations?include_revoked=1", "", 200,
			`[{"type":"validation","authority-id":"a","series":"16","snap-id":"s","approved-snap-id":"t","approved-snap-revision":"-","approved-snap-name":"n","timestamp":"2025-01-01T00:00:00Z","revoked":"false","required":true,"sign-key-sha3-384":"k","revision":"0"}]`, `["-",true,"false"]`},
		{"put a validation", func(ctx context.Context, c *Client) (any, error) {
			return only(c.Dashboard().PutValidation(ctx, "helloId", []byte("a\n")))
		},
			"PUT", "/dev/api/snaps/helloId/validations", `{"assertion":"a\n"}`, 200, `{}`, ``},
		{"validation sets", func(ctx context.Context, c *Client) (any, error) {
			l, err := c.Dashboard().ValidationSets(ctx, "base-set", SequenceAll)
			return []any{l[0].Headers.Text("sequence"), l[0].Headers.Text("none")}, err
		}, "GET", "/api/v2/validation-sets/base-set?sequence=all", "", 200, `{"assertions":[{"headers":{"type":"validation-set","sequence":"3","snaps":[{"name":"hello"}]}}]}`, `["3",""]`},
		{"no validation sets", func(ctx context.Context, c *Client) (any, error) { return c.Dashboard().ValidationSets(ctx, "", "") },
			"GET", "/api/v2/validation-sets", "", 200, `{"assertions":[]}`, `[]`},
		{"build a validation set", func(ctx context.Context, c *Client) (any, error) {
			return c.Dashboard().BuildValidationSet(ctx, ValidationSetDraft{AccountID: "a", Name: "s", Sequence: 1, Snaps: []ValidationSetSnap{
				{Name: "hello", Presence: "required", Revision: 7, Components: map[string]ValidationSetComponent{"docs": {"required", 2}}}, {Name: "other"}}})
		}, "POST", "/api/v2/validation-sets/build-assertion",
			`{"account-id":"a","name":"s","sequence":1,"snaps":[{"name":"hello","presence":"required","revision":7,"components":{"docs":{"presence":"required","revision":2}}},{"name":"other"}]}`,
			200, `{"type":"validation-set","sequence":"1"}`, `{"type":"validation-set","sequence":"1"}`},
		{"confdb schemas", func(ctx context.Context, c *Client) (any, error) { return c.Dashboard().ConfdbSchemas(ctx, "net") },
			"GET", "/api/v2/confdb-schemas/net", "", 200, `{"assertions":[{"headers":{"name":"net"},"body":"{}"}]}`, `[{"headers":{"name":"net"},"body":"{}"}]`},
		{"build a confdb schema", func(ctx context.Context, c *Client) (any, error) {
			return c.Dashboard().BuildConfdbSchema(ctx, ConfdbSchemaDraft{AccountID: "a", Name: "net", Views: map[string]any{}, Body: "{}"})
		}, "POST", "/api/v2/confdb-schemas/build-assertion", `{"account-id":"a","name":"net","views":{},"body":"{}"}`, 200, `{"name":"net"}`, `{"name":"net"}`},
		{"store", func(ctx context.Context, c *Client) (any, error) {
			d, err := c.Dashboard().Store(ctx, "brandStore")
			return []any{d.Store.NamePrefixes[0].Prefix, d.Users[1].Roles, len(d.Invites)}, err
		}, "GET", "/api/v2/stores/brandStore", "", 200, "store.json", `["brand",["view"],1]`},
		{"store's snaps", func(ctx context.Context, c *Client) (any, error) {
			l, err := c.Dashboard().StoreSnaps(ctx, "brandStore", "hel", false)
			return []any{l[0].LatestRelease.Revision, l[1].LatestRelease}, err
		}, "GET", "/api/v2/stores/brandStore/snaps?q=hel", "", 200, "store_snaps.json", `[7,null]`},
		{"change a store's snaps", func(ctx context.Context, c *Client) (any, error) {
			return only(c.Dashboard().ChangeStoreSnaps(ctx, "brandStore", []string{"a"}, []string{"b"}))
		}, "POST", "/api/v2/stores/brandStore/snaps", `{"add":[{"name":"a"}],"remove":[{"name":"b"}]}`, 200, `{}`, ``},
		{"store's users", func(ctx context.Context, c *Client) (any, error) {
			return only(c.Dashboard().SetStoreUsers(ctx, "brandStore", StoreUser{Email: "bob@store.example", Roles: []string{"view"}}))
		}, "POST", "/api/v2/stores/brandStore/users", `[{"email":"bob@store.example","roles":["view"]}]`, 200, ``, ``},
		{"invite to a store", func(ctx context.Context, c *Client) (any, error) {
			return only(c.Dashboard().InviteStoreUsers(ctx, "brandStore", StoreUser{Email: "bob@store.example", Roles: []string{"view"}}))
		}, "POST", "/api/v2/stores/brandStore/invites", `[{"email":"bob@store.example","roles":["view"]}]`, 201, ``, ``},
		{"revoke an invite to a store", func(ctx context.Context, c *Client) (any, error) {
			return only(c.Dashboard().UpdateStoreInvite(ctx, "brandStore", "bob@store.example", "revoke"))
		}, "PUT", "/api/v2/stores/brandStore/invites", `[{"email":"bob@store.example","action":"revoke"}]`, 200, ``, ``},
		{"store's settings", func(ctx context.Context, c *Client) (any, error) {
			return only(c.Dashboard().SetStoreSettings(ctx, "brandStore", true, "allow"))
		}, "PUT", "/api/v2/stores/brandStore/settings", `{"private":true,"manual-review-policy":"allow"}`, 200, ``, ``},
	})
}

// TestListReleasesOfBothNamespaces reads the same model from charms and snaps.
func TestListReleasesOfBothNamespaces(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("GET /v1/charm/bake/releases", 200, "gateway_charm_releases.json")
	s.Answer("GET /v1/snap/hello/releases", 200, "gateway_snap_releases.json")
	c := s.client()
	snap, err := c.ListReleases(t.Context(), "hello")
	must(t, err)
	rev, _ := snap.Revision(7)
	if e := snap.ChannelMap[0]; e.Architecture != "amd64" || e.Base != nil || rev.Kind != SnapRevision || rev.Apps[0] != "hello" || *rev.Base != "core24" || rev.Type != "app" {
		t.Errorf("got %+v, %+v", e, rev)
	}
	charms := &Client{Endpoints: At(s.URL), Authorizer: c.Authorizer}
	charms.Endpoints.Namespace = "charm"
	charm, err := charms.ListReleases(t.Context(), "bake")
	must(t, err)
	rev, _ = charm.Revision(3)
	if e := charm.ChannelMap[0]; e.Base.Channel != "24.04" || *e.Resources[0].Revision != 4 || e.Resources[1].Revision != nil || rev.Kind != CharmRevision || rev.Bases[1] != nil || rev.Errors != nil {
		t.Errorf("got %+v, %+v", e, rev)
	}
	if _, ok := charm.Revision(4); ok {
		t.Error("found a revision that is not there")
	}
}

func TestAssertionsAreSentAsTheyAre(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("POST /api/v2/validation-sets", 201, `{"assertions":[{"headers":{"name":"s"}}]}`)
	s.Answer("POST /api/v2/confdb-schemas", 201, `{"assertions":[]}`)
	d := s.client().Dashboard()
	got, err := d.PostValidationSet(t.Context(), []byte("type: validation-set\n\nsig"))
	must(t, err)
	if a := s.Last(); got.Headers.Text("name") != "s" || string(a.Body) != "type: validation-set\n\nsig" || a.Header.Get("Content-Type") != "application/x.ubuntu.assertion" {
		t.Errorf("sent %+v, got %+v", a, got)
	}
	var invalid *InvalidResponseError
	if _, err := d.PostConfdbSchema(t.Context(), []byte("x")); !errors.As(err, &invalid) {
		t.Errorf("no assertion in the answer: %v", err)
	}
}

// TestAnAnswerWithoutItsMemberIsNone: an empty list is one, an absent list is a
// server that is no store.
func TestAnAnswerWithoutItsMemberIsNone(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("/", 200, `{}`)
	c, ctx := s.client(), t.Context()
	c.Endpoints.Namespace = "charm"
	for name, do := range map[string]func() error{
		"names":         func() error { _, err := c.ListNames(ctx, false); return err },
		"register":      func() error { _, err := c.RegisterName(ctx, NameRequest{}); return err },
		"unregister":    func() error { _, err := c.UnregisterName(ctx, "a"); return err },
		"metadata":      func() error { _, err := c.Metadata(ctx, "a"); return err },
		"revisions":     func() error { _, err := c.ListRevisions(ctx, "a", nil); return err },
		"notify":        func() error { _, err := c.NotifyRevision(ctx, "a", "b"); return err },
		"releases":      func() error { _, err := c.ListReleases(ctx, "a"); return err },
		"tracks":        func() error { _, err := c.CreateTracks(ctx, "a", TrackRequest{Name: "1"}); return err },
		"resources":     func() error { _, err := c.ListResourceRevisions(ctx, "a", "b"); return err },
		"push resource": func() error { _, err := c.PushResource(ctx, "a", "b", "c", ResourceOptions{}); return err },
		"invites":       func() error { _, err := c.ListInvites(ctx, "a"); return err },
		"tokens":        func() error { _, err := c.ListTokens(ctx, false); return err },
		"push":          func() error { _, err := c.Dashboard().Push(ctx, Push{}); return err },
		"metrics":       func() error { _, err := c.Dashboard().Metrics(ctx); return err },
		"sets":          func() error { _, err := c.Dashboard().ValidationSets(ctx, "", ""); return err },
		"find":          func() error { _, err := c.Device().Find(ctx, FindQuery{}); return err },
	} {
		var invalid *InvalidResponseError
		if err := do(); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequestsThatCannotSucceedAreNotSent(t *testing.T) {
	s := newFakeStore(t)
	c, ctx := s.client(), t.Context()
	for name, do := range map[string]func() error{
		"no release": func() error { _, err := c.Release(ctx, "a"); return err },
		"no tracks":  func() error { _, err := c.CreateTracks(ctx, "a"); return err },
		"track name": func() error { _, err := c.CreateTracks(ctx, "a", TrackRequest{Name: "a..b"}); return err },
		"long track name": func() error {
			_, err := c.CreateTracks(ctx, "a", TrackRequest{Name: "a1234567890123456789012345678"})
			return err
		},
		"no update":         func() error { _, err := c.UpdateResourceRevisions(ctx, "a", "b"); return err },
		"update of nothing": func() error { _, err := c.UpdateResourceRevisions(ctx, "a", "b", ResourceUpdate{}); return err },
		"no channel": func() error {
			_, err := c.Dashboard().Release(ctx, DashboardRelease{Name: "a", Revision: 1})
			return err
		},
		"percentage": func() error {
			_, err := c.Dashboard().Release(ctx, DashboardRelease{Name: "a", Revision: 1, Channels: []string{"edge"}, Progressive: &ProgressiveRelease{Percentage: 101}})
			return err
		},
		"nothing to close": func() error { _, err := c.Dashboard().Close(ctx, "a"); return err },
		"no review":        func() error { _, err := c.ReviewStatus(ctx, "review?x"); return err },
		"review elsewhere": func() error { _, err := c.ReviewStatus(ctx, "//evil.example/x"); return err },
		"picture": func() error {
			_, err := c.Dashboard().SetPictures(ctx, "a", []Picture{{Type: "icon"}}, true)
			return err
		},
		"no action": func() error { _, err := c.Device().Refresh(ctx, nil, nil); return err },
		"no digest": func() error { return c.Device().Download(ctx, Download{URL: s.URL}, t.TempDir()+"/x", nil) },
	} {
		var invalid *RequestError
		if err := do(); name != "review elsewhere" && !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		} else if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if s.Total() != 0 {
		t.Errorf("the store was asked %v", s.All())
	}
	if _, err := c.ListResourceRevisions(ctx, "a", "b"); !errors.Is(err, ErrNotOffered) {
		t.Errorf("resources of a snap: %v", err)
	}
}

func TestReleasesGoThroughAllPages(t *testing.T) {
	s := newFakeStore(t)
	s.Mux.HandleFunc("GET /api/v2/snaps/hello/releases", func(w http.ResponseWriter, r *http.Request) {
		storetest.Write(w, 200, "releases_page_"+r.URL.Query().Get("page")+".json")
	})
	s.Answer("GET /api/v2/snaps/gone/releases", 404, `{"error-list":[{"code":"resource-not-found","message":"No."}]}`)
	d := s.client().Dashboard()
	var channels []string
	for r, err := range d.Releases(t.Context(), "hello") {
		must(t, err)
		channels = append(channels, r.Channel)
	}
	if len(channels) != 3 || s.Total() != 2 {
		t.Errorf("got %v in %d requests", channels, s.Total())
	}
	for range d.Releases(t.Context(), "hello") {
		break
	}
	if s.Total() != 3 {
		t.Errorf("went on after the end: %d requests", s.Total())
	}
	errs := 0
	for _, err := range d.Releases(t.Context(), "gone") {
		errs++
		var refused *StoreError
		if !errors.Is(err, ErrNotFound) || !errors.As(err, &refused) || !refused.HasCode("resource-not-found") {
			t.Errorf("error %v", err)
		}
	}
	if errs != 1 {
		t.Errorf("%d errors", errs)
	}
}

func TestPromoteReleasesEachRevisionOfTheChannel(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("GET /api/v2/snaps/hello/channel-map", 200, "channel_map.json")
	s.Answer("POST /dev/api/snap-release/", 200, `{"success":true}`)
	d := s.client().Dashboard()
	revisions, err := d.Promote(t.Context(), "hello", "stable", "1.0/stable")
	must(t, err)
	if len(revisions) != 2 || revisions[0] != 7 || revisions[1] != 8 || s.Count("POST") != 2 {
		t.Errorf("promoted %v: not what is released to all", revisions)
	}
	if _, err := d.Promote(t.Context(), "hello", "latest/beta", "stable"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a closed channel: %v", err)
	}
}
