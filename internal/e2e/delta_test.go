package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// deltaOffer is what snapd reads of a delta.
type deltaOffer struct {
	download
	Format string `json:"format"`
	Source int    `json:"source"`
	Target int    `json:"target"`
}

// refreshed asks as snapd does what a device with a revision of a snap should
// have, in its channel.
func refreshed(base, snapID string, have int, channel, formats string) (revision int, offers []deltaOffer, err error) {
	body, err := json.Marshal(map[string]any{
		"context": []any{map[string]any{
			"instance-key": "it", "snap-id": snapID, "revision": have, "tracking-channel": channel, "epoch": map[string]any{"read": []int{0}, "write": []int{0}},
		}},
		"actions": []any{map[string]any{"action": "refresh", "instance-key": "it", "snap-id": snapID}},
		"fields":  []string{"revision", "download"},
	})
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequest(http.MethodPost, base+"/v2/snaps/refresh", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Snap-Device-Series": "16", "Snap-Device-Architecture": "amd64", "Snap-Accept-Delta-Format": formats,
	} {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return 0, nil, errStatus{resp.StatusCode, string(text)}
	}
	var answer struct {
		Results []struct {
			Snap struct {
				Revision int `json:"revision"`
				Download struct {
					Deltas []deltaOffer `json:"deltas"`
				} `json:"download"`
			} `json:"snap"`
		} `json:"results"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, nil, err
	}
	if len(answer.Results) != 1 {
		return 0, nil, fmt.Errorf("%d results", len(answer.Results))
	}
	snap := answer.Results[0].Snap
	return snap.Revision, snap.Download.Deltas, nil
}

func TestADeviceIsOfferedADeltaThatMakesTheNewRevision(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			n := newStore(t, p.make(t))
			s := n.serve()
			dir := t.TempDir()
			first := makeSnap(t, dir, "hello", "1", noise(1_000_000))
			second := makeSnap(t, dir, "hello", "2", noise(1_000_000))
			n.must("push-snap", first, "--register", "--channel", "stable")
			n.must("push-snap", second, "--channel", "stable")
			found, err := info(s.url, "hello")
			if err != nil {
				t.Fatal(err)
			}
			var offers []deltaOffer
			poll(t, "a delta", func() error {
				var revision int
				revision, offers, err = refreshed(s.url, found.SnapID, 1, "latest/stable", "xdelta3")
				if err == nil && (revision != 2 || len(offers) != 1) {
					err = fmt.Errorf("revision %d with the deltas %+v", revision, offers)
				}
				return err
			})
			want, err := os.ReadFile(second)
			if err != nil {
				t.Fatal(err)
			}
			offer := offers[0]
			if offer.Format != "xdelta3" || offer.Source != 1 || offer.Target != 2 || offer.Size >= int64(len(want))/10 {
				t.Errorf("offered: %+v", offer)
			}
			if err := fetch(s.url, offer.download); err != nil {
				t.Error(err)
			}
			at, err := url.Parse(offer.URL)
			if err != nil {
				t.Fatal(err)
			}
			patch := filepath.Join(dir, "patch")
			err = get(s.url, at.Path, func(body io.Reader) error {
				b, err := io.ReadAll(body)
				write(t, dir, "patch", b)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := exec.Command("xdelta3", "-d", "-c", "-s", first, patch).Output()
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("applied, it makes %d bytes of %d, %v", len(got), len(want), err)
			}
			for _, no := range []struct {
				have    int
				formats string
			}{{1, ""}, {1, "snap-1-1-xdelta3"}, {2, "xdelta3"}, {3, "xdelta3"}} {
				if _, offers, err := refreshed(s.url, found.SnapID, no.have, "latest/stable", no.formats); err != nil || len(offers) > 0 {
					t.Errorf("a device with revision %d that takes %q is offered %+v, %v", no.have, no.formats, offers, err)
				}
			}
			metrics, err := http.Get(s.url + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			defer metrics.Body.Close()
			if text, err := io.ReadAll(metrics.Body); err != nil || !strings.Contains(string(text), "\nlarder_deltas_made_total 1\n") {
				t.Errorf("the metrics do not count it, %v", err)
			}
			n.fsckClean()
		})
	}
}

func TestWithoutXdelta3EverythingElseWorks(t *testing.T) {
	n := newStore(t, place{})
	n.env = []string{"PATH=" + t.TempDir()}
	s := n.serve()
	dir := t.TempDir()
	n.must("push-snap", makeSnap(t, dir, "hello", "1", noise(100_000)), "--register", "--channel", "stable")
	second := makeSnap(t, dir, "hello", "2", noise(100_000))
	n.must("push-snap", second, "--channel", "stable")
	wantServed(t, s.url, "hello", "stable", second)
	found, err := info(s.url, "hello")
	if err != nil {
		t.Fatal(err)
	}
	if revision, offers, err := refreshed(s.url, found.SnapID, 1, "latest/stable", "xdelta3"); err != nil || revision != 2 || len(offers) > 0 {
		t.Errorf("revision %d with the deltas %+v, %v", revision, offers, err)
	}
	if said := strings.Count(s.log.String(), "xdelta3 is not on the PATH"); said != 1 {
		t.Errorf("the log says so %d times\n%s", said, s.log)
	}
	var status struct {
		Deltas string `json:"deltas"`
	}
	n.ask(&status, "status")
	if status.Deltas != "off: xdelta3 is not on the PATH" {
		t.Errorf("status: %+v", status)
	}
}
