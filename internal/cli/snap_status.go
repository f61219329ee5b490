package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

func snapStatusCommand(o *options) *cobra.Command {
	var archs []string
	cmd := o.onSnap(&cobra.Command{
		Use:   "status NAME",
		Short: "Show what the channels of a snap hold",
		Long: `Shows what the channels of a snap hold. An arrow stands for a closed channel that
follows the one above it, a dash for one that has nothing to give.`,
		Example: fmt.Sprintf("  %[1]s snap status hello\n  %[1]s snap status hello --arch arm64", o.t.program),
		Args:    exactly(1, "the NAME of a snap"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		h, err := r.channels(ctx, name)
		if err != nil {
			return err
		}
		if len(archs) > 0 {
			h.Channels = slices.DeleteFunc(h.Channels, func(c channelHolds) bool { return !slices.Contains(archs, c.Architecture) })
		}
		return o.t.print(h, func(w io.Writer) {
			if len(h.Channels) == 0 {
				fmt.Fprintf(w, "Nothing of %s is released\n", name)
				return
			}
			h.print(w)
		})
	})
	cmd.Flags().StringSliceVar(&archs, "arch", nil, "only this `architecture`; may be repeated")
	return cmd
}

// print writes the table that publishers know from snapcraft: every risk of each
// track and architecture that has something, then its branches.
func (h *holding) print(w io.Writer) {
	table(w, "Track\tArch\tChannel\tVersion\tRevision\tProgress\tExpires", func(row func(string, ...any)) {
		for i := 0; i < len(h.Channels); {
			first := h.Channels[i]
			end := i
			for end < len(h.Channels) && h.Channels[end].place.Track == first.place.Track && h.Channels[end].Architecture == first.Architecture {
				end++
			}
			track, arch := first.place.Track, first.Architecture
			if i > 0 && h.Channels[i-1].place.Track == track {
				track = ""
			}
			for _, l := range linesOf(h.Channels[i:end]) {
				row("%s\t%s\t%s", track, arch, l)
				track, arch = "", ""
			}
			i = end
		}
	})
}

// linesOf are the lines of one track and architecture.
func linesOf(held []channelHolds) []string {
	var lines []string
	above := "-"
	for _, risk := range store.Risks {
		var open bool
		var branches []string
		for _, c := range held {
			if c.place.Risk != risk {
				continue
			}
			name := risk.String()
			if c.place.Branch != "" {
				name += "/" + c.place.Branch
			}
			version, revision, progress, expires := cmp.Or(c.Version, "-"), fmt.Sprint(c.Revision), "-", "-"
			if c.Percentage != nil {
				progress = fmt.Sprintf("%v%%", *c.Percentage)
				if c.Paused {
					progress += " (paused)"
				}
			}
			if c.Expires != nil {
				expires = c.Expires.Format(time.RFC3339)
			}
			line := strings.Join([]string{name, version, revision, progress, expires}, "\t")
			if c.place.Branch != "" {
				branches = append(branches, line)
				continue
			}
			if !open && c.Percentage != nil { // all other devices get what the channel above holds
				lines = append(lines, strings.Join([]string{name, above, above, "-", "-"}, "\t"))
			}
			open = true
			lines = append(lines, line)
		}
		if !open {
			lines = append(lines, strings.Join([]string{risk.String(), above, above, "-", "-"}, "\t"))
		} else {
			above = "↑"
		}
		lines = append(lines, branches...)
	}
	return lines
}

// ownRevision is a revision as commands print it.
type ownRevision struct {
	Revision      int       `json:"revision"`
	Version       string    `json:"version"`
	Architectures []string  `json:"architectures"`
	Status        string    `json:"status"`
	Size          int64     `json:"size,omitempty"` // bytes
	Uploaded      time.Time `json:"uploaded"`
	Channels      []string  `json:"channels"` // that hold it now
}

func snapRevisionsCommand(o *options) *cobra.Command {
	var archs []string
	cmd := o.onSnap(&cobra.Command{
		Use:     "revisions NAME",
		Short:   "List the revisions of a snap, the newest first",
		Example: fmt.Sprintf("  %[1]s snap revisions hello\n  %[1]s snap revisions hello --arch amd64", o.t.program),
		Args:    exactly(1, "the NAME of a snap"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		revisions, err := r.revisions(ctx, name)
		if err != nil {
			return err
		}
		if len(archs) > 0 {
			revisions = slices.DeleteFunc(revisions, func(rev ownRevision) bool {
				return !slices.ContainsFunc(rev.Architectures, func(a string) bool { return slices.Contains(archs, a) })
			})
		}
		value := struct {
			Name      string        `json:"name"`
			Revisions []ownRevision `json:"revisions"`
		}{name, revisions}
		return o.t.print(value, func(w io.Writer) {
			table(w, "Rev\tUploaded\tArches\tVersion\tStatus\tChannels", func(row func(string, ...any)) {
				for _, rev := range revisions {
					row("%d\t%s\t%s\t%s\t%s\t%s", rev.Revision, rev.Uploaded.Format(time.RFC3339), strings.Join(rev.Architectures, ","),
						cmp.Or(rev.Version, "-"), cmp.Or(rev.Status, "-"), cmp.Or(strings.Join(rev.Channels, ", "), "-"))
				}
			})
		})
	})
	cmd.Flags().StringSliceVar(&archs, "arch", nil, "only this `architecture`; may be repeated")
	return cmd
}

// revisions asks the gateway, which knows those that were never released; the
// public dashboard has no other list than the history of releases.
func (r *remote) revisions(ctx context.Context, name string) ([]ownRevision, error) {
	var found []snapstore.Revision
	if r.needGateway() == nil {
		var err error
		if found, err = r.ListRevisions(ctx, name, nil); err != nil {
			return nil, err
		}
	} else {
		for page := 1; ; page++ {
			history, err := r.Dashboard().ReleasesPage(ctx, name, page, 500)
			if err != nil {
				return nil, err
			}
			found = append(found, history.Revisions...)
			if history.Links.Next == "" || len(history.Releases) == 0 {
				break
			}
		}
	}
	held, err := r.channels(ctx, name)
	if err != nil {
		return nil, err
	}
	var all []ownRevision
	seen := make(map[int]bool)
	for _, rev := range found {
		if seen[rev.Revision] {
			continue
		}
		seen[rev.Revision] = true
		own := ownRevision{
			Revision: rev.Revision, Version: rev.Version, Architectures: rev.Architectures, Status: rev.Status,
			Size: rev.Size, Uploaded: rev.CreatedAt.UTC(),
		}
		for _, c := range held.Channels {
			if c.Revision == rev.Revision && !slices.Contains(own.Channels, c.Channel) {
				own.Channels = append(own.Channels, c.Channel)
			}
		}
		all = append(all, own)
	}
	slices.SortFunc(all, func(a, b ownRevision) int { return cmp.Compare(b.Revision, a.Revision) })
	return all, nil
}
