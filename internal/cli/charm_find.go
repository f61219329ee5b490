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

	"github.com/larder-store/larder/client/charmhub"
)

// foundCharm is a charm or bundle as a search lists it.
type foundCharm struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	ID        string   `json:"id"`
	Version   string   `json:"version"`
	Publisher string   `json:"publisher"`
	Summary   string   `json:"summary"`
	Bases     []string `json:"bases"` // that the default release runs on
}

func charmFindCommand(o *options) *cobra.Command {
	var q charmhub.FindQuery
	cmd := o.atCharms(&cobra.Command{
		Use:     "find [WORDS...]",
		Short:   "Search a store as juju does",
		Example: fmt.Sprintf("  %[1]s charm find cooking\n  %[1]s charm find --type bundle --publisher alice", o.t.program),
	}, func(ctx context.Context, r *remote, args []string) error {
		q.Text = strings.Join(args, " ")
		results, err := r.charms.Consumer().Find(ctx, q)
		if err != nil {
			return err
		}
		found := []foundCharm{}
		for _, p := range results {
			f := foundCharm{Name: p.Name, Type: p.Type, ID: p.ID, Publisher: nameOf(p.Result.Publisher), Summary: p.Result.Summary}
			if d := p.DefaultRelease; d != nil {
				f.Version = d.Revision.Version
				f.Bases = basesSaid(d.Revision.Bases)
			}
			found = append(found, f)
		}
		return o.t.print(map[string]any{"charms": found}, func(w io.Writer) {
			table(w, "Name\tBundle\tVersion\tPublisher\tSummary", func(row func(string, ...any)) {
				for _, f := range found {
					bundle := "-"
					if f.Type == "bundle" {
						bundle = "Y"
					}
					row("%s\t%s\t%s\t%s\t%s", f.Name, bundle, orDash(f.Version), orDash(f.Publisher), f.Summary)
				}
			})
		})
	})
	f := cmd.Flags()
	f.StringVar(&q.Category, "category", "", "only this `category`")
	f.StringVar(&q.Channel, "channel", "", "only what is released to this `channel`")
	f.StringVar(&q.Type, "type", "", "only this `type`: charm or bundle")
	f.StringVar(&q.Publisher, "publisher", "", "only of this `username`")
	mustComplete(cmd, "type", "charm", "bundle")
	return cmd
}

func nameOf(a charmhub.Account) string { return cmp.Or(a.DisplayName, a.Username) }

// basesSaid are bases as juju writes them, without their architectures.
func basesSaid(bases []*charmhub.Base) []string {
	var list []string
	for _, b := range bases {
		if b != nil {
			list = append(list, b.Name+"@"+b.Channel)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// shownCharm is a charm or bundle as charm info prints it.
type shownCharm struct {
	Name        string              `json:"name"`
	Type        string              `json:"type"`
	ID          string              `json:"id"`
	Title       string              `json:"title"`
	Summary     string              `json:"summary"`
	Description string              `json:"description"`
	Publisher   string              `json:"publisher"`
	License     string              `json:"license"`
	StoreURL    string              `json:"store-url"`
	Contains    []string            `json:"contains-charms"` // of a bundle
	Channels    []shownCharmChannel `json:"channels"`
	Config      string              `json:"config-yaml,omitempty"` // with --config
}

type shownCharmChannel struct {
	Channel  string    `json:"channel"`
	Base     string    `json:"base"` // empty for bundles
	Arch     string    `json:"architecture"`
	Revision int       `json:"revision"`
	Version  string    `json:"version"`
	Size     int64     `json:"size"` // bytes
	Released time.Time `json:"released"`
}

// charmInfo is one call of charm info.
type charmInfo struct {
	arch, base, channel string
	config              bool
}

func charmInfoCommand(o *options) *cobra.Command {
	var i charmInfo
	cmd := o.onCharm(&cobra.Command{
		Use:     "info NAME",
		Short:   "Show a charm as juju sees it",
		Example: fmt.Sprintf("  %[1]s charm info pantry\n  %[1]s charm info pantry --channel edge --base ubuntu@24.04", o.t.program),
		Args:    exactly(1, "the NAME of a charm"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		p, err := r.charms.Consumer().Info(ctx, name, &charmhub.InfoQuery{Channel: i.channel})
		if err != nil {
			return err
		}
		s := i.shown(p)
		return o.t.print(s, func(w io.Writer) { s.print(w) })
	})
	f := cmd.Flags()
	f.StringVar(&i.arch, "arch", "", "only this `architecture`")
	f.StringVar(&i.base, "base", "", "only this `base`, such as ubuntu@24.04")
	f.StringVar(&i.channel, "channel", "", "only this `channel`")
	f.BoolVar(&i.config, "config", false, "show the options of the charm as well")
	return cmd
}

func (i *charmInfo) shown(p charmhub.Package) *shownCharm {
	s := &shownCharm{
		Name: p.Name, Type: p.Type, ID: p.ID, Title: p.Result.Title, Summary: p.Result.Summary, Description: p.Result.Description,
		Publisher: nameOf(p.Result.Publisher), License: p.Result.License, StoreURL: p.Result.StoreURL,
	}
	for _, c := range p.Result.ContainsCharms {
		s.Contains = append(s.Contains, c.Name)
	}
	if i.config && p.DefaultRelease != nil {
		s.Config = p.DefaultRelease.Revision.ConfigYAML
	}
	for _, c := range p.ChannelMap {
		shown := shownCharmChannel{
			Channel: c.Channel.Track + "/" + c.Channel.Risk, Arch: "all", Revision: c.Revision.Revision, Version: c.Revision.Version,
		}
		if strings.Count(c.Channel.Name, "/") == 2 { // a branch
			shown.Channel = c.Channel.Name
		}
		if b := c.Channel.Base; b != nil {
			shown.Arch = b.Architecture
			shown.Base = b.Name + "@" + b.Channel
		}
		if c.Revision.Download != nil {
			shown.Size = c.Revision.Download.Size
		}
		if c.Channel.ReleasedAt != nil {
			shown.Released = c.Channel.ReleasedAt.UTC()
		}
		if i.shows(shown) {
			s.Channels = append(s.Channels, shown)
		}
	}
	return s
}

func (i *charmInfo) shows(c shownCharmChannel) bool {
	if i.channel != "" {
		wanted, err := charmhub.ParseChannel(i.channel)
		here, hereErr := charmhub.ParseChannel(c.Channel)
		if err != nil || hereErr != nil || here != wanted && (wanted.Track != "" || here.Risk != wanted.Risk || here.Branch != wanted.Branch) {
			return false
		}
	}
	return (i.arch == "" || i.arch == "all" || c.Arch == i.arch || c.Arch == "all") && (i.base == "" || c.Base == i.base)
}

func (s *shownCharm) print(w io.Writer) {
	for _, l := range []struct{ title, text string }{
		{"name", s.Name}, {"type", s.Type}, {"id", s.ID}, {"title", s.Title}, {"summary", s.Summary}, {"publisher", s.Publisher},
		{"license", s.License}, {"store-url", s.StoreURL}, {"charms", strings.Join(s.Contains, ", ")},
	} {
		if l.text != "" {
			fmt.Fprintf(w, "%s: %s\n", l.title, l.text)
		}
	}
	for _, l := range []struct{ title, text string }{{"description", s.Description}, {"config", s.Config}} {
		if l.text != "" {
			fmt.Fprintf(w, "%s: |\n  %s\n", l.title, strings.ReplaceAll(strings.TrimSpace(l.text), "\n", "\n  "))
		}
	}
	table(w, "Channel\tBase\tArch\tVersion\tRevision\tSize\tReleased", func(row func(string, ...any)) {
		for _, c := range s.Channels {
			row("%s\t%s\t%s\t%s\t%d\t%d\t%s", c.Channel, orDash(c.Base), c.Arch, orDash(c.Version), c.Revision, c.Size, c.Released.Format(time.DateOnly))
		}
	})
}
