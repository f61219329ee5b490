package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// charmUploading is one call of charm upload.
type charmUploading struct {
	name      string
	channels  []string
	resources []string // NAME:REVISION
	resume    string
}

// charmUploaded has the keys of charmcraft's answers to uploads.
type charmUploaded struct {
	Revision int    `json:"revision,omitempty"`
	Errors   []said `json:"errors,omitempty"`
}

func charmUploadCommand(o *options) *cobra.Command {
	var u charmUploading
	cmd := o.atCharms(&cobra.Command{
		Use:   "upload FILE",
		Short: "Upload a charm or a bundle and wait for its review",
		Long: `Uploads a charm or a bundle as charmcraft packs it, waits until the store has
reviewed it, and then releases it if that is wanted. An upload that breaks off goes
on by itself where the store can do that; after that, --resume goes on with what the
store has.

Run in the charm's directory, it warns of libraries that are newer there than in the
store. Exit code 10 says that the store rejected the charm, 11 that it is held until
somebody has looked at it.`,
		Example: fmt.Sprintf(`  %[1]s charm upload pantry_ubuntu@24.04-amd64.charm
  %[1]s charm upload pantry.charm --release edge --resource recipes:3`, o.t.program),
		Args: exactly(1, "the FILE to upload"),
	}, func(ctx context.Context, r *remote, args []string) error { return u.run(ctx, r, args[0]) })
	f := cmd.Flags()
	f.StringSliceVar(&u.channels, "release", nil, "release to this `channel` once it is accepted; may be repeated")
	f.StringVar(&u.name, "name", "", "`name` to upload to; default: what the charm says")
	f.StringArrayVar(&u.resources, "resource", nil, "release with this revision of a resource, as `NAME:REVISION`; may be repeated")
	f.StringVar(&u.resume, "resume", "", "`id` of an upload that broke off")
	return cmd
}

func (u *charmUploading) run(ctx context.Context, r *remote, file string) error {
	pins, err := parsePins(u.resources)
	if err != nil {
		return err
	}
	if len(pins) > 0 && len(u.channels) == 0 {
		return usagef("--resource goes with --release CHANNEL")
	}
	name := u.name
	if name == "" {
		if name, err = charmNameIn(ctx, file); err != nil {
			return err
		}
	}
	// A login that has ended shall not be noticed after a gigabyte.
	if _, err := r.charms.Whoami(ctx); err != nil {
		return err
	}
	id, _, err := r.send(ctx, file, u.resume)
	if err != nil {
		return err
	}
	statusURL, err := r.charms.NotifyRevision(ctx, name, id)
	if err != nil {
		return r.unregistered(err, name)
	}
	review, err := r.review(ctx, name, statusURL, false)
	if err != nil {
		return err
	}
	released := stateOf(review) == "accepted" && len(u.channels) > 0
	if released {
		if _, err := r.charms.Release(ctx, name, releasesTo(u.channels, review.Revision, pins)...); err != nil {
			return fmt.Errorf("revision %d is uploaded and not released: %w", review.Revision, r.told(err))
		}
	}
	answer := charmUploaded{Revision: review.Revision, Errors: saidIn(review)}
	err = r.o.t.print(answer, func(w io.Writer) {
		answer.print(w, stateOf(review), "Revision", name)
		switch {
		case stateOf(review) == "held" && len(u.channels) > 0:
			fmt.Fprintf(w, "It is not released: once it is approved, %s charm release %s --revision %d does that\n", r.o.t.program, name, review.Revision)
		case released:
			fmt.Fprintf(w, "Released %s revision %d to %s\n", name, review.Revision, strings.Join(u.channels, ", "))
		}
	})
	r.warnOfLibraries(ctx, name)
	return errors.Join(err, r.outcome(name, review))
}

// print tells of an upload, which makes a Revision or a Resource revision.
func (a *charmUploaded) print(w io.Writer, state, what, of string) {
	switch state {
	case "accepted":
		fmt.Fprintf(w, "%s %d of %s created\n", what, a.Revision, of)
	case "held":
		fmt.Fprintf(w, "%s %d of %s is held: somebody has to look at it first\n", what, a.Revision, of)
	case "rejected":
		fmt.Fprintf(w, "Upload to %s rejected:\n", of)
	}
	for _, e := range a.Errors {
		fmt.Fprintf(w, "- %s: %s\n", e.Code, e.Message)
	}
}

// charmNameIn is the name in the metadata.yaml or bundle.yaml of an archive. What
// else is wrong with it is for the store to say.
func charmNameIn(ctx context.Context, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", store.NotFoundf("file-not-found", "cannot read %s", file).Because(errors.Unwrap(err))
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return "", err
	}
	info, err := inspect.Charm(ctx, f, stat.Size(), inspect.Limits{})
	if info == nil || info.Name == "" {
		return "", store.Invalidf("not-a-charm", "%s is no charm or bundle with a name", file).Because(err).
			Try("name what charmcraft packs, or say --name NAME")
	}
	return info.Name, nil
}

// warnOfLibraries tells which libraries of the charm's directory, if it is the
// current one, the store lacks. It is no part of the upload: what fails is told.
func (r *remote) warnOfLibraries(ctx context.Context, name string) {
	if r.o.t.json {
		return
	}
	deltas, err := charmhub.LibraryFiles{}.Unpublished(ctx, r.charms, name)
	if err != nil {
		fmt.Fprintf(r.o.t.err, "warning: cannot compare the libraries here with the store's: %s\n", harmless(r.told(err).Error()))
		return
	}
	for _, d := range deltas {
		has, do := "the store does not have it", "publish it with "+r.o.t.program+" charm publish-lib"
		switch {
		case d.SameVersion:
			has, do = "that in the store is another", "raise LIBPATCH and "+do
		case d.Store != nil:
			has = "the store has " + d.Store.String()
		}
		fmt.Fprintf(r.o.t.err, "warning: %s is %s here and %s: %s\n", d.Path, d.LibraryVersion, has, do)
	}
}

func charmRevisionsCommand(o *options) *cobra.Command {
	return o.onCharm(&cobra.Command{
		Use:     "revisions NAME",
		Short:   "List the revisions of a charm, the newest first",
		Example: fmt.Sprintf("  %[1]s charm revisions pantry", o.t.program),
		Args:    exactly(1, "the NAME of a charm"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		found, err := r.charms.ListRevisions(ctx, name, nil)
		if err != nil {
			return err
		}
		type revision struct {
			Revision  int    `json:"revision"`
			Version   string `json:"version"`
			CreatedAt string `json:"created_at"`
			Status    string `json:"status"`
			Errors    []said `json:"errors,omitempty"`
		}
		revisions := []revision{}
		for _, rev := range found {
			own := revision{Revision: rev.Revision, Version: rev.Version, CreatedAt: stamp(rev.CreatedAt.Time), Status: rev.Status}
			for _, e := range rev.Errors {
				own.Errors = append(own.Errors, said{Code: e.Code, Message: e.Message})
			}
			revisions = append(revisions, own)
		}
		slices.SortFunc(revisions, func(a, b revision) int { return b.Revision - a.Revision })
		return o.t.print(revisions, func(w io.Writer) {
			table(w, "Revision\tVersion\tCreated at\tStatus", func(row func(string, ...any)) {
				for _, rev := range revisions {
					status := rev.Status
					for i, e := range rev.Errors {
						if i == 0 {
							status += ": "
						} else {
							status += "; "
						}
						status += fmt.Sprintf("%s [%s]", e.Message, e.Code)
					}
					row("%d\t%s\t%s\t%s", rev.Revision, orDash(rev.Version), rev.CreatedAt, status)
				}
			})
		})
	})
}
