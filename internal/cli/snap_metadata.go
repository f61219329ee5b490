package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

func snapMetadataCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:     "metadata",
		Short:   "Show and change what stores show about a snap",
		Example: fmt.Sprintf("  %[1]s snap metadata show hello\n  %[1]s snap metadata set hello summary='Says hello'", o.t.program),
	}, snapMetadataShowCommand(o), snapMetadataSetCommand(o), snapMetadataIconCommand(o))
}

// ownMetadata is what stores show about a snap, as commands print it.
type ownMetadata struct {
	Name            string   `json:"name"`
	ID              string   `json:"snap-id"`
	Title           string   `json:"title"`
	Summary         string   `json:"summary"`
	Description     string   `json:"description"`
	License         string   `json:"license"`
	Contact         string   `json:"contact"`
	Website         string   `json:"website"`
	Private         bool     `json:"private"`
	Unlisted        bool     `json:"unlisted"`
	DefaultTrack    string   `json:"default-track"`
	Keywords        []string `json:"keywords"`
	FollowsReleases bool     `json:"update-metadata-on-release"`
	Media           []medium `json:"media"`
}

type medium struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func mediaOf(list []snapstore.Media) []medium {
	var all []medium
	for _, m := range list {
		all = append(all, medium{m.Type, m.URL})
	}
	return all
}

func (r *remote) metadata(ctx context.Context, name string) (*ownMetadata, error) {
	if r.byGateway() {
		m, err := r.Metadata(ctx, name)
		if err != nil {
			return nil, err
		}
		return &ownMetadata{
			Name: m.Name, ID: m.ID, Title: deref(m.Title), Summary: deref(m.Summary), Description: deref(m.Description),
			Contact: deref(m.Contact), Website: deref(m.Website), Private: m.Private,
			DefaultTrack: cmp.Or(deref(m.DefaultTrack), "latest"), Media: mediaOf(m.Media),
		}, nil
	}
	i, err := r.Dashboard().SnapInfo(ctx, name)
	if err != nil {
		return nil, err
	}
	return &ownMetadata{
		Name: i.Name, ID: i.SnapID, Title: i.Title, Summary: i.Summary, Description: i.Description, License: i.License,
		Contact: deref(i.Contact), Website: deref(i.Website), Private: i.Private, Unlisted: i.Unlisted,
		DefaultTrack: cmp.Or(deref(i.DefaultTrack), "latest"), Keywords: i.Keywords,
		FollowsReleases: i.UpdateMetadataOnRelease, Media: mediaOf(i.Media),
	}, nil
}

func snapMetadataShowCommand(o *options) *cobra.Command {
	return o.onSnap(&cobra.Command{
		Use:     "show NAME",
		Short:   "Show what the store shows about a snap",
		Example: fmt.Sprintf("  %[1]s snap metadata show hello", o.t.program),
		Args:    exactly(1, "the NAME of a snap"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		m, err := r.metadata(ctx, name)
		if err != nil {
			return err
		}
		return o.t.print(m, func(w io.Writer) {
			fmt.Fprintf(w, "name: %s\nsnap-id: %s\n", m.Name, m.ID)
			for _, l := range []struct{ title, text string }{
				{"title", m.Title}, {"summary", m.Summary}, {"license", m.License}, {"contact", m.Contact}, {"website", m.Website},
				{"default-track", m.DefaultTrack}, {"keywords", strings.Join(m.Keywords, ", ")},
			} {
				if l.text != "" {
					fmt.Fprintf(w, "%s: %s\n", l.title, l.text)
				}
			}
			fmt.Fprintf(w, "private: %t\nunlisted: %t\nupdate-metadata-on-release: %t\n", m.Private, m.Unlisted, m.FollowsReleases)
			for _, medium := range m.Media {
				fmt.Fprintf(w, "%s: %s\n", medium.Type, medium.URL)
			}
			if m.Description != "" {
				fmt.Fprintf(w, "description: |\n  %s\n", strings.ReplaceAll(strings.TrimSpace(m.Description), "\n", "\n  "))
			}
		})
	})
}

// settable is what snap metadata set changes: the dashboard's name, and how a
// value is read from text.
var settable = map[string]struct {
	field string
	read  func(string) (any, error)
}{
	"title":                      {"title", asText},
	"summary":                    {"summary", asText},
	"description":                {"description", asText},
	"license":                    {"license", asText},
	"contact":                    {"contact", asText},
	"website":                    {"website", asText},
	"private":                    {"private", asBool},
	"unlisted":                   {"unlisted", asBool},
	"keywords":                   {"keywords", asList},
	"update-metadata-on-release": {"update_metadata_on_release", asBool},
}

func asText(s string) (any, error) { return s, nil }

func asBool(s string) (any, error) {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return nil, usagef("%q is neither true nor false", s)
	}
	return b, nil
}

func asList(s string) (any, error) {
	list := []string{}
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" {
			list = append(list, word)
		}
	}
	return list, nil
}

func snapMetadataSetCommand(o *options) *cobra.Command {
	var force bool
	var fromSnap string
	cmd := o.onSnap(&cobra.Command{
		Use:   "set NAME [KEY=VALUE...]",
		Short: "Change what the store shows about a snap",
		Long: `Changes what the store shows about a snap. The keys:

  ` + strings.Join(slices.Sorted(maps.Keys(settable)), "\n  ") + `

Keywords stand with commas between them. --from-snap takes title, summary,
description and license from a snap file. What was edited in the store since the
last upload stays, unless --force is given.`,
		Example: fmt.Sprintf("  %[1]s snap metadata set hello summary='Says hello' keywords=greeting,demo\n  %[1]s snap metadata set hello --from-snap hello_1.0_amd64.snap", o.t.program),
		Args:    atLeast(1, "NAME, and KEY=VALUE or --from-snap"),
	}, func(ctx context.Context, r *remote, name string, pairs []string) error {
		changes, err := changesOf(ctx, pairs, fromSnap)
		if err != nil {
			return err
		}
		if r.byGateway() {
			if _, err := r.UpdateMetadata(ctx, name, changes); err != nil {
				return err
			}
		} else {
			id, err := r.snapID(ctx, name)
			if err != nil {
				return err
			}
			if err := r.Dashboard().UpdateMetadata(ctx, id, changes, force); err != nil {
				return err
			}
		}
		changed := slices.Sorted(maps.Keys(changes))
		return o.t.print(map[string]any{"name": name, "changed": changed}, func(w io.Writer) {
			fmt.Fprintf(w, "Changed %s of %s\n", strings.Join(changed, ", "), name)
		})
	})
	cmd.Flags().BoolVar(&force, "force", false, "replace what was edited in the store")
	cmd.Flags().StringVar(&fromSnap, "from-snap", "", "take them from this snap `file`")
	return cmd
}

// changesOf are the changes that a command line asks for, in the dashboard's
// words.
func changesOf(ctx context.Context, pairs []string, fromSnap string) (map[string]any, error) {
	changes := make(map[string]any)
	if fromSnap != "" {
		info, err := readSnap(ctx, fromSnap)
		if err != nil {
			return nil, err
		}
		for field, text := range map[string]string{
			"title": info.Title, "summary": info.Summary, "description": info.Description, "license": info.License,
		} {
			if text != "" {
				changes[field] = text
			}
		}
	}
	for _, pair := range pairs {
		key, text, ok := strings.Cut(pair, "=")
		s, known := settable[key]
		if !ok || !known {
			return nil, usagef("%q is not KEY=VALUE with a KEY of %s", pair, strings.Join(slices.Sorted(maps.Keys(settable)), ", "))
		}
		value, err := s.read(text)
		if err != nil {
			return nil, err
		}
		changes[s.field] = value
	}
	if len(changes) == 0 {
		return nil, usagef("name what to change: KEY=VALUE, or --from-snap FILE")
	}
	return changes, nil
}

// maxIcon bounds the icon that is read to be sent, bytes.
const maxIcon = 8 << 20

func snapMetadataIconCommand(o *options) *cobra.Command {
	var force bool
	cmd := o.onSnap(&cobra.Command{
		Use:     "icon NAME FILE",
		Short:   "Give a snap an icon",
		Example: fmt.Sprintf("  %[1]s snap metadata icon hello icon.png", o.t.program),
		Args:    exactly(2, "NAME and FILE"),
	}, func(ctx context.Context, r *remote, name string, args []string) error {
		if err := r.needDashboard(); err != nil {
			return err
		}
		content, err := readFile(args[0], maxIcon)
		if err != nil {
			return err
		}
		id, err := r.snapID(ctx, name)
		if err != nil {
			return err
		}
		pictures, err := r.Dashboard().Pictures(ctx, id)
		if err != nil {
			return err
		}
		pictures = slices.DeleteFunc(pictures, func(p snapstore.Picture) bool { return p.Type == "icon" })
		pictures = append(pictures, snapstore.Picture{Type: "icon", Filename: filepath.Base(args[0]), Content: content})
		if _, err := r.Dashboard().SetPictures(ctx, id, pictures, force); err != nil {
			return err
		}
		return o.t.print(map[string]string{"name": name, "icon": filepath.Base(args[0])}, func(w io.Writer) {
			fmt.Fprintf(w, "%s has the icon %s\n", name, filepath.Base(args[0]))
		})
	})
	cmd.Flags().BoolVar(&force, "force", false, "replace what was edited in the store")
	return cmd
}

// readFile reads a file of at most so many bytes.
func readFile(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, store.NotFoundf("file-not-found", "cannot read %s", name).Because(errors.Unwrap(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", name, err)
	case int64(len(text)) > most:
		return nil, store.TooLargef("file-too-large", "%s has more than %d bytes", name, most).Try("name a smaller file")
	}
	return text, nil
}
