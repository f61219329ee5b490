package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/snapstore"
)

// foundSnap is a snap as a search lists it.
type foundSnap struct {
	Name      string `json:"name"`
	ID        string `json:"snap-id"`
	Title     string `json:"title"`
	Summary   string `json:"summary"`
	Version   string `json:"version"`
	Publisher string `json:"publisher"`
}

func snapFindCommand(o *options) *cobra.Command {
	var q snapstore.FindQuery
	var arch string
	cmd := o.at(&cobra.Command{
		Use:     "find [WORDS...]",
		Short:   "Search a store as a device does",
		Example: fmt.Sprintf("  %[1]s snap find media player\n  %[1]s snap find --private", o.t.program),
	}, func(ctx context.Context, r *remote, args []string) error {
		q.Text = strings.Join(args, " ")
		device := r.Device()
		device.Architecture = arch
		results, err := device.Find(ctx, q)
		if err != nil {
			return err
		}
		var found []foundSnap
		for _, s := range results {
			f := foundSnap{
				Name: s.Name, ID: s.SnapID, Title: s.Snap.Title, Summary: s.Snap.Summary,
				Version: cmp.Or(s.Revision.Version, s.Snap.Version),
			}
			if p := s.Snap.Publisher; p != nil {
				f.Publisher = cmp.Or(p.Username, p.DisplayName)
			}
			found = append(found, f)
		}
		return o.t.print(map[string]any{"snaps": found}, func(w io.Writer) {
			table(w, "Name\tVersion\tPublisher\tSummary", func(row func(string, ...any)) {
				for _, f := range found {
					row("%s\t%s\t%s\t%s", f.Name, cmp.Or(f.Version, "-"), cmp.Or(f.Publisher, "-"), f.Summary)
				}
			})
		})
	})
	f := cmd.Flags()
	f.BoolVar(&q.Private, "private", false, "your private snaps only")
	f.StringVar(&q.Name, "name", "", "`beginning` of the names to find, in place of words")
	f.StringVar(&q.Channel, "channel", "", "only what is released to this `risk`")
	f.StringVar(&arch, "arch", "", "`architecture` to ask for; default: this machine's")
	return cmd
}

// shownSnap is a snap as snap info prints it.
type shownSnap struct {
	Name        string         `json:"name"`
	ID          string         `json:"snap-id"`
	Title       string         `json:"title"`
	Summary     string         `json:"summary"`
	Description string         `json:"description"`
	Publisher   string         `json:"publisher"`
	License     string         `json:"license"`
	Private     bool           `json:"private"`
	Channels    []shownChannel `json:"channels"`
}

type shownChannel struct {
	Channel      string    `json:"channel"`
	Architecture string    `json:"architecture"`
	Revision     int       `json:"revision"`
	Version      string    `json:"version"`
	Confinement  string    `json:"confinement"`
	Size         int64     `json:"size"` // bytes
	Released     time.Time `json:"released"`
}

func snapInfoCommand(o *options) *cobra.Command {
	return o.onSnap(&cobra.Command{
		Use:     "info NAME",
		Short:   "Show a snap as devices see it",
		Example: fmt.Sprintf("  %[1]s snap info hello", o.t.program),
		Args:    exactly(1, "the NAME of a snap"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		d, err := r.Device().Info(ctx, name)
		if err != nil {
			return err
		}
		s := shownSnap{
			Name: d.Name, ID: d.SnapID, Title: d.Snap.Title, Summary: d.Snap.Summary, Description: d.Snap.Description,
			License: d.Snap.License, Private: d.Snap.Private,
		}
		if p := d.Snap.Publisher; p != nil {
			s.Publisher = cmp.Or(p.Username, p.DisplayName)
		}
		for _, c := range d.ChannelMap {
			shown := shownChannel{
				Channel: c.Channel.Track + "/" + c.Channel.Risk, Architecture: c.Channel.Architecture,
				Revision: c.Revision, Version: c.Version, Confinement: c.Confinement,
			}
			if name := c.Channel.Name; strings.Count(name, "/") == 2 {
				shown.Channel = name // a branch
			}
			if c.Download != nil {
				shown.Size = c.Download.Size
			}
			if c.Channel.ReleasedAt != nil {
				shown.Released = c.Channel.ReleasedAt.UTC()
			}
			s.Channels = append(s.Channels, shown)
		}
		return o.t.print(s, func(w io.Writer) {
			for _, l := range []struct{ title, text string }{
				{"name", s.Name}, {"title", s.Title}, {"summary", s.Summary}, {"publisher", s.Publisher}, {"license", s.License}, {"snap-id", s.ID},
			} {
				if l.text != "" {
					fmt.Fprintf(w, "%s: %s\n", l.title, l.text)
				}
			}
			if s.Description != "" {
				fmt.Fprintf(w, "description: |\n  %s\n", strings.ReplaceAll(strings.TrimSpace(s.Description), "\n", "\n  "))
			}
			table(w, "Channel\tArch\tVersion\tRevision\tSize\tReleased", func(row func(string, ...any)) {
				for _, c := range s.Channels {
					row("%s\t%s\t%s\t%d\t%d\t%s", c.Channel, c.Architecture, cmp.Or(c.Version, "-"), c.Revision, c.Size, c.Released.Format(time.DateOnly))
				}
			})
		})
	})
}
