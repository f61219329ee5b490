package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/charmhub"
)

// charmTrack is what a track holds, with the keys of charmcraft.
type charmTrack struct {
	Track    string         `json:"track"`
	Mappings []charmMapping `json:"mappings"`
}

// charmMapping is what the channels of a track hold on one base, in the order in
// which they are shown.
type charmMapping struct {
	Base     *charmhub.Base `json:"base"` // null for bundles
	Releases []charmHolds   `json:"releases"`
}

type charmHolds struct {
	Status    string        `json:"status"`  // open, tracking or closed
	Channel   string        `json:"channel"` // with its track
	Version   *string       `json:"version"`
	Revision  *int          `json:"revision"`
	Resources []resourcePin `json:"resources"`
	ExpiresAt *string       `json:"expires_at"`

	name string // without the track
}

func charmStatusCommand(o *options) *cobra.Command {
	return o.onCharm(&cobra.Command{
		Use:   "status NAME",
		Short: "Show what the channels of a charm hold",
		Long: `Shows what the channels of a charm or bundle hold. An arrow stands for a closed channel
that follows the one above it, a dash for one that has nothing to give.`,
		Example: fmt.Sprintf("  %[1]s charm status pantry", o.t.program),
		Args:    exactly(1, "the NAME of a charm"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		releases, err := r.charms.ListReleases(ctx, name)
		if err != nil {
			return err
		}
		tracks := charmTracks(releases)
		if len(tracks) == 0 { // charmcraft's answer is no list then
			return o.t.print(struct{}{}, func(w io.Writer) { fmt.Fprintf(w, "Nothing of %s is released\n", name) })
		}
		return o.t.print(tracks, func(w io.Writer) { printCharmTracks(w, tracks) })
	})
}

// charmTracks orders what is released as it is shown: every risk of each track
// and base that has something, with its branches.
func charmTracks(releases charmhub.Releases) []charmTrack {
	tracks := []charmTrack{}
	for _, c := range releases.Package.Channels {
		if slices.ContainsFunc(tracks, func(t charmTrack) bool { return t.Track == c.Track }) {
			continue
		}
		t := charmTrack{Track: c.Track}
		for _, base := range basesOn(releases, c.Track) {
			t.Mappings = append(t.Mappings, charmMapping{Base: base, Releases: charmReleases(releases, c.Track, base)})
		}
		if len(t.Mappings) > 0 {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

func basesOn(releases charmhub.Releases, track string) (bases []*charmhub.Base) {
	for _, e := range releases.ChannelMap {
		c, err := charmhub.ParseChannel(e.Channel)
		if err == nil && c.Track == track && !slices.ContainsFunc(bases, func(b *charmhub.Base) bool { return sameBase(b, e.Base) }) {
			bases = append(bases, e.Base)
		}
	}
	slices.SortStableFunc(bases, func(a, b *charmhub.Base) int { return strings.Compare(charmBaseText(a), charmBaseText(b)) })
	return bases
}

func sameBase(a, b *charmhub.Base) bool { return a == b || a != nil && b != nil && *a == *b }

// charmReleases are the releases of one track on one base.
func charmReleases(releases charmhub.Releases, track string, base *charmhub.Base) (list []charmHolds) {
	above := "closed"
	for risk := charmhub.Stable; risk <= charmhub.Edge; risk++ {
		open := false
		var branches []charmHolds
		for _, e := range releases.ChannelMap {
			c, err := charmhub.ParseChannel(e.Channel)
			if err != nil || c.Track != track || c.Risk != risk || !sameBase(e.Base, base) {
				continue
			}
			holds := charmHolds{Status: "open", Channel: c.String(), Revision: &e.Revision, Resources: pinsOf(e.Resources), name: c.Risk.String()}
			if rev, ok := releases.Revision(e.Revision); ok {
				holds.Version = &rev.Version
			}
			if e.ExpirationDate != nil && !e.ExpirationDate.IsZero() {
				at := stamp(e.ExpirationDate.Time)
				holds.ExpiresAt = &at
			}
			if c.Branch != "" {
				holds.name += "/" + c.Branch
				branches = append(branches, holds)
				continue
			}
			open = true
			list = append(list, holds)
		}
		if open {
			above = "tracking"
		} else {
			list = append(list, charmHolds{Status: above, Channel: track + "/" + risk.String(), name: risk.String()})
		}
		list = append(list, branches...)
	}
	return list
}

func pinsOf(released []charmhub.ReleasedResource) (pins []resourcePin) {
	for _, r := range released {
		if r.Revision != nil {
			pins = append(pins, resourcePin{Name: r.Name, Revision: *r.Revision})
		}
	}
	return pins
}

// charmBaseText is a base as charmcraft prints it.
func charmBaseText(b *charmhub.Base) string {
	if b == nil {
		return "-"
	}
	return fmt.Sprintf("%s %s (%s)", b.Name, b.Channel, b.Architecture)
}

// printCharmTracks leaves out the columns that nothing would stand in.
func printCharmTracks(w io.Writer, tracks []charmTrack) {
	var resources, expires bool
	for _, t := range tracks {
		for _, m := range t.Mappings {
			for _, h := range m.Releases {
				resources = resources || len(h.Resources) > 0
				expires = expires || h.ExpiresAt != nil
			}
		}
	}
	header := []string{"Track", "Base", "Channel", "Version", "Revision"}
	if resources {
		header = append(header, "Resources")
	}
	if expires {
		header = append(header, "Expires at")
	}
	table(w, strings.Join(header, "\t"), func(row func(string, ...any)) {
		for _, t := range tracks {
			track := t.Track
			for _, m := range t.Mappings {
				base := charmBaseText(m.Base)
				for _, h := range m.Releases {
					line := append([]string{track, base}, h.columns()...)
					if expires && !resources {
						line = slices.Delete(line, 5, 6)
					}
					row("%s", strings.Join(line[:len(header)], "\t"))
					track, base = "", ""
				}
			}
		}
	})
}

// columns are the channel, version, revision, resources and expiry.
func (h *charmHolds) columns() []string {
	switch h.Status {
	case "closed":
		return []string{h.name, "-", "-", "-", "-"}
	case "tracking":
		return []string{h.name, "↑", "↑", "↑", "-"}
	}
	version, expires := "-", "-"
	if h.Version != nil {
		version = *h.Version
	}
	if h.ExpiresAt != nil {
		expires = *h.ExpiresAt
	}
	pins := make([]string, len(h.Resources))
	for i, p := range h.Resources {
		pins[i] = p.String()
	}
	return []string{h.name, version, fmt.Sprint(*h.Revision), orDash(strings.Join(pins, ", ")), expires}
}
