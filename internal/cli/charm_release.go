package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/internal/store"
)

// parseNumber reads a revision that may be 0.
func parseNumber(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0
}

// releasesTo are the requests that point channels at a revision.
func releasesTo(channels []string, revision int, pins []resourcePin) []charmhub.ReleaseRequest {
	requests := make([]charmhub.ReleaseRequest, len(channels))
	for i, c := range channels {
		requests[i] = charmhub.ReleaseTo(c, revision)
		for _, p := range pins {
			requests[i].Resources = append(requests[i].Resources, charmhub.ResourceRelease{Name: p.Name, Revision: &p.Revision})
		}
	}
	return requests
}

func charmReleaseCommand(o *options) *cobra.Command {
	var revision int
	var channels, resources []string
	cmd := o.onCharm(&cobra.Command{
		Use:   "release NAME --revision N --channel CHANNEL",
		Short: "Release a revision to channels",
		Long: `Releases a revision of a charm or bundle to channels, on all of its bases. Resources
that the charm needs are named with --resource.`,
		Example: fmt.Sprintf(`  %[1]s charm release pantry --revision 3 --channel edge
  %[1]s charm release pantry -r 3 -c beta -c 2.0/candidate --resource recipes:1`, o.t.program),
		Args: exactly(1, "the NAME of a charm"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		pins, err := parsePins(resources)
		if err != nil {
			return err
		}
		if revision < 1 || len(channels) == 0 {
			return usagef("--revision N and --channel CHANNEL are needed")
		}
		if _, err := r.charms.Release(ctx, name, releasesTo(channels, revision, pins)...); err != nil {
			return err
		}
		value := struct {
			Name      string        `json:"name"`
			Revision  int           `json:"revision"`
			Channels  []string      `json:"channels"`
			Resources []resourcePin `json:"resources"`
		}{name, revision, channels, pins}
		return o.t.print(value, func(w io.Writer) {
			with := ""
			if len(pins) > 0 {
				list := make([]string, len(pins))
				for i, p := range pins {
					list[i] = p.String()
				}
				with = " (attaching resources: " + strings.Join(list, ", ") + ")"
			}
			fmt.Fprintf(w, "Revision %d of charm %s released to %s%s\n", revision, name, strings.Join(channels, ", "), with)
		})
	})
	f := cmd.Flags()
	f.IntVarP(&revision, "revision", "r", 0, "`number` of the revision to release")
	f.StringSliceVarP(&channels, "channel", "c", nil, "`channel` to release to; may be repeated")
	f.StringArrayVar(&resources, "resource", nil, "with this revision of a resource, as `NAME:REVISION`; may be repeated")
	return cmd
}

// promotion is one call of charm promote.
type promotion struct {
	name, from, to string
	yes            bool
}

func charmPromoteCommand(o *options) *cobra.Command {
	var p promotion
	cmd := o.atCharms(&cobra.Command{
		Use:   "promote --from-channel CHANNEL --to-channel CHANNEL",
		Short: "Release what one channel holds, with its resources, to another",
		Long: `Releases everything that one channel holds, on every base and with its resources, to
another, of the same risk or a safer one. What it is going to be is shown, and asked
about unless --yes is given. With --yes channels must name their track.`,
		Example: fmt.Sprintf(`  %[1]s charm promote --name pantry --from-channel candidate --to-channel stable
  %[1]s charm promote --name pantry --from-channel latest/edge --to-channel latest/beta --yes`, o.t.program),
		Args: none(),
	}, func(ctx context.Context, r *remote, _ []string) error { return p.run(ctx, r) })
	f := cmd.Flags()
	f.StringVar(&p.name, "name", "", "`name` of the charm; default: that of the charm in this directory")
	f.StringVar(&p.from, "from-channel", "", "`channel` that holds it")
	f.StringVar(&p.to, "to-channel", "", "`channel` that shall hold it")
	f.BoolVar(&p.yes, "yes", false, "do not ask")
	return cmd
}

func (p *promotion) run(ctx context.Context, r *remote) (err error) {
	if p.from == "" || p.to == "" {
		return usagef("--from-channel CHANNEL and --to-channel CHANNEL are needed")
	}
	for _, text := range []string{p.from, p.to} {
		c, err := charmhub.ParseChannel(text)
		if err != nil {
			return err
		}
		if p.yes && c.Track == "" {
			return usagef("with --yes a channel names its track: latest/%s, not %s", text, text)
		}
	}
	if p.name == "" {
		if p.name, err = projectName(); err != nil {
			return err
		}
	}
	found, err := r.charms.PromotionCandidates(ctx, p.name, p.from, p.to)
	if err != nil {
		return err
	}
	if !p.yes {
		fmt.Fprintf(r.o.t.err, "%s of %s holds:\n", p.from, p.name)
		p.print(harmlessWriter{r.o.t.err}, found)
		agreed, err := r.o.t.agree(fmt.Sprintf("Release this to %s?", p.to))
		if err != nil {
			return err
		}
		if !agreed {
			return store.Conflictf("not-agreed", "nothing was promoted").Try("answer y, or use --yes")
		}
	}
	if _, err := r.charms.ReleaseCandidates(ctx, p.name, p.to, found); err != nil {
		return err
	}
	value := struct {
		Name      string `json:"name"`
		From      string `json:"from"`
		To        string `json:"to"`
		Revisions []int  `json:"revisions"`
	}{Name: p.name, From: p.from, To: p.to}
	for _, c := range found {
		value.Revisions = append(value.Revisions, c.Revision)
	}
	return r.o.t.print(value, func(w io.Writer) {
		plural := "s"
		if len(found) == 1 {
			plural = ""
		}
		fmt.Fprintf(w, "%d revision%s promoted from %s to %s\n", len(found), plural, p.from, p.to)
	})
}

func (p *promotion) print(w io.Writer, found []charmhub.ChannelRevision) {
	table(w, "Revision\tVersion\tBases\tResources", func(row func(string, ...any)) {
		for _, c := range found {
			var bases, resources []string
			for _, b := range c.Bases {
				bases = append(bases, charmBaseText(b))
			}
			for _, pin := range pinsOf(c.Resources) {
				resources = append(resources, pin.String())
			}
			row("%d\t%s\t%s\t%s", c.Revision, orDash(c.Version), strings.Join(bases, ", "), orDash(strings.Join(resources, ", ")))
		}
	})
}

// agree asks a person a question, who says no by saying nothing.
func (t *terminal) agree(question string) (bool, error) {
	if _, person := t.onTerminal(); !person {
		return false, usagef("there is no terminal to ask whether to go on: use --yes")
	}
	answer, err := t.askLine(question + " [y/N] ")
	if store.CodeOf(err) == "nothing-typed" {
		return false, nil
	}
	answer = strings.ToLower(answer)
	return answer == "y" || answer == "yes", err
}

func charmCloseCommand(o *options) *cobra.Command {
	return o.onCharm(&cobra.Command{
		Use:     "close NAME CHANNEL...",
		Short:   "Close channels: who follows them gets what the next safer one holds",
		Example: fmt.Sprintf("  %[1]s charm close pantry edge", o.t.program),
		Args:    atLeast(2, "NAME and at least one CHANNEL"),
	}, func(ctx context.Context, r *remote, name string, channels []string) error {
		if _, err := r.charms.Close(ctx, name, channels...); err != nil {
			return err
		}
		value := map[string]any{"name": name, "closed": channels}
		return o.t.print(value, func(w io.Writer) { fmt.Fprintf(w, "Closed %s of %s\n", strings.Join(channels, ", "), name) })
	})
}

func charmCreateTrackCommand(o *options) *cobra.Command {
	var name string
	var tracks []string
	var phasing float64
	cmd := o.atCharms(&cobra.Command{
		Use:   "create-track --track NAME",
		Short: "Create tracks, where the store's operator lets you",
		Long: `Creates tracks. The store's operator says which names are allowed, with
larder package track guardrail charm/NAME.`,
		Example: fmt.Sprintf("  %[1]s charm create-track --name pantry --track 2.0 --track 3.0", o.t.program),
		Args:    none(),
	}, func(ctx context.Context, r *remote, _ []string) (err error) {
		if len(tracks) == 0 {
			return usagef("--track NAME is needed")
		}
		if name == "" {
			if name, err = projectName(); err != nil {
				return err
			}
		}
		requests := make([]charmhub.TrackRequest, len(tracks))
		for i, t := range tracks {
			requests[i].Name = t
			if phasing != 0 {
				text := strconv.FormatFloat(phasing, 'f', -1, 64)
				requests[i].AutomaticPhasingPercentage = &text
			}
		}
		made, err := r.charms.CreateTracks(ctx, name, requests...)
		if err != nil {
			return err
		}
		created := []createdTrack{}
		for _, t := range made {
			c := createdTrack{Name: t.Name, Phasing: t.AutomaticPhasingPercentage}
			if t.CreatedAt != nil {
				c.CreatedAt = stamp(t.CreatedAt.Time)
			}
			created = append(created, c)
		}
		return o.t.print(created, func(w io.Writer) {
			table(w, "Name\tCreated at\tAutomatic phasing percentage", func(row func(string, ...any)) {
				for _, t := range created {
					phasing := "-"
					if t.Phasing != nil {
						phasing = fmt.Sprint(*t.Phasing)
					}
					row("%s\t%s\t%s", t.Name, t.CreatedAt, phasing)
				}
			})
		})
	})
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "`name` of the charm; default: that of the charm in this directory")
	f.StringSliceVar(&tracks, "track", nil, "`name` of the track; may be repeated")
	f.Float64Var(&phasing, "automatic-phasing-percentage", 0, "`percentage` of the machines that get a new release each day")
	return cmd
}

// createdTrack has the keys of the request.
type createdTrack struct {
	Name      string   `json:"name"`
	CreatedAt string   `json:"created-at"`
	Phasing   *float64 `json:"automatic-phasing-percentage,omitempty"`
}
