// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/interop/harness"
)

func infoHit(t *testing.T, s *shop) {
	info := s.info(t, tool)
	if info.SnapName() != tool || len(info.SnapID) != 32 {
		t.Errorf("got name %q, id %q", info.SnapName(), info.SnapID)
	}
	wantRevision(t, info, 2)
	if info.Version != "1.1" || info.Type() != snap.TypeApp || info.Confinement != snap.StrictConfinement {
		t.Errorf("got version %q, type %q, confinement %q", info.Version, info.Type(), info.Confinement)
	}
	if info.Title() != toolTitle || info.Summary() != "Tidies a workbench" {
		t.Errorf("got title %q, summary %q", info.Title(), info.Summary())
	}
	if !slices.Equal(info.Tracks, []string{"latest"}) {
		t.Errorf("got tracks %q", info.Tracks)
	}
	for channel, want := range map[string]int{"latest/stable": 2, "latest/edge": 3} {
		got := info.Channels[channel]
		if got == nil {
			t.Errorf("%s is not in the channel map", channel)
		} else if got.Revision != snap.R(want) || got.ReleasedAt.IsZero() || got.Size == 0 {
			t.Errorf("%s: got %+v, want revision %d with size and date", channel, got, want)
		}
	}
	if len(info.Channels) != 2 {
		t.Errorf("got %d channels, want those that are open", len(info.Channels))
	}
	// The publisher is a real account that the store can show.
	publisher, err := s.anonymous(t).Assertion(asserts.AccountType, []string{info.Publisher.ID}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := publisher.(*asserts.Account); got.Username() != info.Publisher.Username || got.DisplayName() != info.Publisher.DisplayName {
		t.Errorf("info names %+v as the publisher, its account is %q, %q", info.Publisher, got.Username(), got.DisplayName())
	}
}

func infoMiss(t *testing.T, s *shop) {
	_, err := s.anonymous(t).SnapInfo(context.Background(), store.SnapSpec{Name: missingSnap}, nil)
	if !errors.Is(err, store.ErrSnapNotFound) {
		t.Errorf("got %v", err)
	}
}

func exists(t *testing.T, s *shop) {
	ref, channel, err := s.anonymous(t).SnapExists(context.Background(), store.SnapSpec{Name: tool}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ref.SnapName() != tool || ref.ID() != s.info(t, tool).SnapID {
		t.Errorf("got %v", ref)
	}
	if channel.Full() != "latest/stable" {
		t.Errorf("got default channel %s", channel)
	}
	if _, _, err := s.anonymous(t).SnapExists(context.Background(), store.SnapSpec{Name: missingSnap}, nil); !errors.Is(err, store.ErrSnapNotFound) {
		t.Errorf("missing: got %v", err)
	}
}

// find returns the names found, sorted.
func (s *shop) find(t *testing.T, search store.Search) []string {
	t.Helper()
	found, err := s.anonymous(t).Find(context.Background(), &search, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, info := range found {
		names = append(names, info.SnapName())
		if info.SnapID == "" || info.Revision.Unset() || info.Version == "" || info.Publisher.ID == "" {
			t.Errorf("found %s without id, revision, version or publisher: %+v", info.SnapName(), info.SideInfo)
		}
	}
	slices.Sort(names)
	return names
}

func findQuery(t *testing.T, s *shop) {
	// A word of the summary, not of the name.
	if got := s.find(t, store.Search{Query: "workbench"}); !slices.Equal(got, []string{tool}) {
		t.Errorf("got %q", got)
	}
}

func findPrefix(t *testing.T, s *shop) {
	if got := s.find(t, store.Search{Query: "tid", Prefix: true}); !slices.Equal(got, []string{tool}) {
		t.Errorf("got %q", got)
	}
	if got := s.find(t, store.Search{Query: "tool", Prefix: true}); len(got) != 0 {
		t.Errorf("got %q for what is no prefix", got)
	}
}

func findCategory(t *testing.T, s *shop) {
	if got := s.find(t, store.Search{Category: category}); !slices.Equal(got, []string{tool}) {
		t.Errorf("got %q", got)
	}
}

func findCommonID(t *testing.T, s *shop) {
	if got := s.find(t, store.Search{CommonID: toolCommon}); !slices.Equal(got, []string{tool}) {
		t.Errorf("got %q", got)
	}
}

func findWide(t *testing.T, s *shop) {
	if got := s.find(t, store.Search{Query: experimental}); len(got) != 0 {
		t.Errorf("got %q on stable", got)
	}
	if got := s.find(t, store.Search{Query: experimental, Scope: "wide"}); !slices.Equal(got, []string{experimental}) {
		t.Errorf("got %q in all channels", got)
	}
}

func findMiss(t *testing.T, s *shop) {
	for _, search := range []store.Search{
		{Query: "zyzzyva"},
		{Query: "zyzzyva", Prefix: true},
		{Query: foreign}, // another architecture
		{Query: secret},  // another store
	} {
		if got := s.find(t, search); len(got) != 0 {
			t.Errorf("%+v: got %q", search, got)
		}
	}
}

func sections(t *testing.T, s *shop) {
	got, err := s.anonymous(t).Sections(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(got, category) {
		t.Errorf("got %q, want %s among them", got, category)
	}
}

// commands records what snapd would write to its catalog of commands.
type commands map[string][]string

func (c commands) AddSnap(name, version, summary string, apps []string) error {
	c[name] = append([]string{version, summary}, apps...)
	return nil
}

func names(t *testing.T, s *shop) {
	var list bytes.Buffer
	catalog := commands{}
	if err := s.anonymous(t).WriteCatalogs(context.Background(), &list, catalog); err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(list.String())
	for _, want := range []string{tool, heavy, connSnap} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among the names %q", want, names)
		}
	}
	if slices.Contains(names, secret) {
		t.Errorf("%s of a brand store is among the names", secret)
	}
	got := catalog[tool]
	if len(got) != 4 {
		t.Fatalf("got %q of %s", got, tool)
	}
	slices.Sort(got[2:])
	if want := []string{"1.1", "Tidies a workbench", tool, tool + ".sweep"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func connectivity(t *testing.T, s *shop) {
	status, err := s.anonymous(t).ConnectivityCheck()
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(s.URL, "http://")
	if len(status) != 1 || !status[host] {
		t.Errorf("got %v, want only %s, and good", status, host)
	}
}

// A device behind a proxy fetches icons only under the proxy's URL, without
// any header of its own but the ETag it has.
func icon(t *testing.T, s *shop) {
	const name = "good-looking"
	picture := harness.Icon()
	s.push(t, harness.Snap{Name: name, Icon: picture}, "stable")
	var url string
	for _, medium := range s.info(t, name).Media {
		if medium.Type == "icon" {
			url = medium.URL
		}
	}
	if !strings.HasPrefix(url, s.URL+"/") {
		t.Fatalf("got icon %q", url)
	}
	get := func(have string) *http.Response {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if have != "" {
			req.Header.Set("If-None-Match", have)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	resp := get("")
	body, err := io.ReadAll(io.LimitReader(resp.Body, 300_000))
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(body, picture) || resp.ContentLength != int64(len(picture)) {
		t.Errorf("got %s, %d bytes, length %d, %v", resp.Status, len(body), resp.ContentLength, err)
	}
	tag := resp.Header.Get("ETag")
	if tag == "" || len(tag) >= 256 {
		t.Errorf("got ETag %q", tag)
	}
	if resp := get(tag); resp.StatusCode != http.StatusNotModified {
		t.Errorf("with the ETag: got %s", resp.Status)
	}
}
