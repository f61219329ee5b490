package charmhub

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/larder-store/larder/client/internal/storetest"
)

// charmReleases: on latest/edge, amd64 was given revision 5 after revision 4 had
// been released on both architectures.
const charmReleases = `{"channel-map":[
	{"base":{"name":"ubuntu","channel":"24.04","architecture":"amd64"},"channel":"latest/edge","expiration-date":null,"progressive":{"paused":null,"percentage":null},
	 "resources":[{"name":"image","type":"oci-image","revision":9}],"revision":5,"when":"2025-02-02T00:00:00Z"},
	{"base":{"name":"ubuntu","channel":"24.04","architecture":"arm64"},"channel":"latest/edge","expiration-date":null,"progressive":{"paused":null,"percentage":null},
	 "resources":[{"name":"image","type":"oci-image","revision":8},{"name":"data","type":"file","revision":null}],"revision":4,"when":"2025-02-01T00:00:00Z"},
	{"base":{"name":"ubuntu","channel":"22.04","architecture":"arm64"},"channel":"latest/edge","expiration-date":null,"progressive":{"paused":null,"percentage":null},
	 "resources":[],"revision":4,"when":"2025-01-01T00:00:00Z"},
	{"base":null,"channel":"8.0/edge/fix","expiration-date":"2026-01-01T00:00:00Z","progressive":{"paused":null,"percentage":null},"resources":[],"revision":3,"when":"2025-01-01T00:00:00Z"}],
	"package":{"channels":[{"branch":null,"fallback":null,"name":"latest/stable","risk":"stable","track":"latest"}]},
	"revisions":[{"revision":5,"version":"5.0","created-at":"2025-01-01T00:00:00Z","status":"released","errors":null,"bases":[],"size":1},
	{"revision":4,"version":"4.0","created-at":"2025-01-01T00:00:00Z","status":"released","errors":null,"bases":[],"size":1}]}`

func releaseStore(t *testing.T) (*fakeStore, *Client) {
	s := newFakeStore(t)
	s.Answer("GET /v1/charm/bake/releases", 200, charmReleases)
	s.Answer("GET /v1/charm/bake", 200, `{"metadata":{"id":"i","name":"bake","type":"charm","default-track":null,"tracks":[]}}`)
	s.Answer("GET /v1/charm/cake", 200, `{"metadata":{"id":"i","name":"cake","type":"charm","default-track":"8.0","tracks":[]}}`)
	s.Answer("GET /v1/charm/cake/releases", 200, charmReleases)
	s.Answer("POST /v1/charm/bake/releases", 200, `{"released":[]}`)
	return s, s.client()
}

func TestRevisionsOnChannel(t *testing.T) {
	_, c := releaseStore(t)
	for _, channel := range []string{"latest/edge", "edge"} {
		got, err := c.RevisionsOnChannel(t.Context(), "bake", channel)
		if err != nil || len(got) != 2 {
			t.Fatalf("%s: %+v, %v", channel, got, err)
		}
		// In the order of release; the resources are those of the last release.
		if got[0].Revision != 4 || got[0].Version != "4.0" || len(got[0].Bases) != 2 || *got[0].Resources[0].Revision != 8 || got[1].Revision != 5 {
			t.Errorf("%s: %+v", channel, got)
		}
	}
	if got, err := c.RevisionsOnChannel(t.Context(), "cake", "edge/fix"); err != nil || len(got) != 1 || got[0].Revision != 3 || got[0].Bases[0] != nil || got[0].Version != "" {
		t.Errorf("on the default track: %+v, %v", got, err)
	}
	if got, err := c.RevisionsOnChannel(t.Context(), "bake", "stable"); err != nil || len(got) != 0 {
		t.Errorf("a closed channel: %+v, %v", got, err)
	}
	if _, err := c.RevisionsOnChannel(t.Context(), "bake", "nothing"); !errors.As(err, new(*RequestError)) {
		t.Errorf("no channel: %v", err)
	}
}

// TestPromote releases in the order that leaves every base with what it had.
func TestPromote(t *testing.T) {
	s, c := releaseStore(t)
	candidates, err := c.PromotionCandidates(t.Context(), "bake", "edge", "stable")
	if err != nil || len(candidates) != 2 {
		t.Fatalf("%+v, %v", candidates, err)
	}
	_, err = c.Promote(t.Context(), "bake", "latest/edge", "latest/candidate")
	must(t, err)
	want := `[{"channel":"latest/candidate","revision":4,"resources":[{"name":"image","revision":8},{"name":"data","revision":null}]},
		{"channel":"latest/candidate","revision":5,"resources":[{"name":"image","revision":9}]}]`
	if got := s.Last().Body; !storetest.SameJSON(t, got, want) {
		t.Errorf("released %s", got)
	}
	if _, err := c.Promote(t.Context(), "bake", "beta", "stable"); !errors.Is(err, ErrNotFound) {
		t.Errorf("from a closed channel: %v", err)
	}
	if _, err := c.Promote(t.Context(), "bake", "stable", "latest/stable"); !errors.As(err, new(*RequestError)) {
		t.Errorf("to itself in other words: %v", err)
	}
}

// TestPromotionOfWhatWasReleasedAtOnce keeps on each base what is there: revision
// 5 is for both bases, and 4 took one of them back.
func TestPromotionOfWhatWasReleasedAtOnce(t *testing.T) {
	noble, jammy := base("ubuntu", "24.04", "amd64"), base("ubuntu", "22.04", "amd64")
	at := Time{Time: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)}
	releases := Releases{
		ChannelMap: []ChannelMapEntry{
			{Channel: "latest/candidate", Base: &jammy, Revision: 4, When: at}, {Channel: "latest/candidate", Base: &noble, Revision: 5, When: at},
		},
		Revisions: []Revision{{Revision: 4, Bases: []*Base{&jammy}}, {Revision: 5, Bases: []*Base{ptr(noble), ptr(jammy)}}},
	}
	order := func() (numbers []int) {
		for _, r := range revisionsOn(releases, Channel{Track: "latest", Risk: Candidate}) {
			numbers = append(numbers, r.Revision)
		}
		return numbers
	}
	if got := order(); !slices.Equal(got, []int{5, 4}) {
		t.Errorf("in the order %v", got)
	}
	// Where no order is right there is one all the same.
	releases.Revisions[0].Bases = releases.Revisions[1].Bases
	if got := order(); !slices.Equal(got, []int{4, 5}) {
		t.Errorf("in the order %v", got)
	}
	releases.Revisions = nil
	if got := order(); !slices.Equal(got, []int{4, 5}) {
		t.Errorf("without their bases in the order %v", got)
	}
}

func TestReleasesOfCharms(t *testing.T) {
	_, c := releaseStore(t)
	got, err := c.ListReleases(t.Context(), "bake")
	must(t, err)
	encoded, err := json.Marshal([]any{got.ChannelMap[3].Base, got.ChannelMap[3].ExpirationDate, got.Package.Channels[0].Name, got.Revisions[0].Version})
	must(t, err)
	if !storetest.SameJSON(t, encoded, `[null,"2026-01-01T00:00:00Z","latest/stable","5.0"]`) {
		t.Errorf("got %s", encoded)
	}
}
