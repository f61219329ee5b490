package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// uploading is one call of snap upload.
type uploading struct {
	name       string
	channels   []string
	components []string // NAME=FILE
	resume     string
	noWait     bool
}

// uploaded is its answer.
type uploaded struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Revision int      `json:"revision,omitempty"`
	State    string   `json:"state"`  // accepted, held, rejected or processing
	Status   string   `json:"status"` // the store's word for it
	Channels []string `json:"channels"`
	Page     string   `json:"page,omitempty"`
	Review   string   `json:"status-url"`
	Errors   []said   `json:"errors"`
}

func snapUploadCommand(o *options) *cobra.Command {
	var u uploading
	cmd := o.at(&cobra.Command{
		Use:   "upload FILE",
		Short: "Upload a snap and wait for its review",
		Long: `Uploads a snap, with its components if it has some, and waits until the store has
reviewed it. An upload that breaks off goes on by itself where the store can do
that; after that, --resume goes on with what the store has.

Exit code 10 says that the store rejected the snap, 11 that it is held until
somebody has looked at it.`,
		Example: fmt.Sprintf(`  %[1]s snap upload hello_1.0_amd64.snap
  %[1]s snap upload hello_1.1_amd64.snap --release edge,beta
  %[1]s snap upload hello_2.0_amd64.snap --component hello+extra=extra_1.comp`, o.t.program),
		Args: exactly(1, "the FILE to upload"),
	}, func(ctx context.Context, r *remote, args []string) error { return u.run(ctx, r, args[0]) })
	f := cmd.Flags()
	f.StringSliceVar(&u.channels, "release", nil, "release to these `channels` once it is accepted, with commas between them")
	f.StringArrayVar(&u.components, "component", nil, "a component as `NAME=FILE`; may be repeated")
	f.StringVar(&u.name, "name", "", "`name` to upload to; default: what the snap says")
	f.StringVar(&u.resume, "resume", "", "`id` of an upload that broke off")
	f.BoolVar(&u.noWait, "no-wait", false, "do not wait for the review")
	return cmd
}

func (u *uploading) run(ctx context.Context, r *remote, file string) error {
	if len(u.components) > 0 && r.byGateway() {
		return usagef("--component needs a login to the dashboard: --flavour u1")
	}
	components := make(map[string]string)
	for _, c := range u.components {
		name, file, ok := strings.Cut(c, "=")
		if !ok || name == "" || file == "" {
			return usagef("--component takes NAME=FILE, not %q", c)
		}
		if _, after, full := strings.Cut(name, "+"); full {
			name = after // stores know it by its own name
		}
		components[name] = file
	}
	info, err := readSnap(ctx, file)
	if err != nil {
		return err
	}
	a := uploaded{Name: cmp.Or(u.name, info.Name), Version: info.Version, Channels: u.channels}
	if !r.byGateway() {
		if err := r.Dashboard().CheckPush(ctx, a.Name); err != nil {
			return r.unregistered(err, a.Name)
		}
	}
	id, size, err := r.send(ctx, file, u.resume)
	if err != nil {
		return err
	}
	for name, file := range components {
		if components[name], _, err = r.send(ctx, file, ""); err != nil {
			return err
		}
	}
	if a.Review, err = u.notify(ctx, r, a.Name, id, size, components); err != nil {
		return r.unregistered(err, a.Name)
	}
	return u.follow(ctx, r, a)
}

// readSnap reads what a snap says about itself, as far as it can be read: what
// is wrong with it is for the store to say.
func readSnap(ctx context.Context, file string) (*inspect.SnapInfo, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, store.NotFoundf("file-not-found", "cannot read %s", file).Because(errors.Unwrap(err))
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	info, err := inspect.Snap(ctx, f, stat.Size(), inspect.Limits{})
	if info == nil || info.Name == "" {
		return nil, store.Invalidf("not-a-snap", "%s is not a snap", file).Because(err).Try("name a .snap file")
	}
	return info, nil
}

func (u *uploading) notify(ctx context.Context, r *remote, name, id string, size int64, components map[string]string) (review string, err error) {
	if r.byGateway() {
		return r.NotifyRevision(ctx, name, id)
	}
	pushed, err := r.Dashboard().Push(ctx, snapstore.Push{
		Name: name, UploadID: id, Size: size, Channels: u.channels, Components: components,
	})
	return pushed.StatusURL, err
}

// follow waits for the review and ends with the exit code that says how it ended.
func (u *uploading) follow(ctx context.Context, r *remote, a uploaded) error {
	review, err := r.review(ctx, a.Name, a.Review, u.noWait)
	if err != nil {
		return err
	}
	a.Status, a.Revision, a.Page = review.Status, review.Revision, review.URL
	a.Errors, a.State = saidIn(review), stateOf(review)
	if a.State == "accepted" && r.byGateway() && len(u.channels) > 0 {
		if err := r.release(ctx, a.Name, a.Revision, u.channels, nil); err != nil {
			return err
		}
	}
	if err := r.o.t.print(a, func(w io.Writer) { a.print(w) }); err != nil {
		return err
	}
	return r.outcome(a.Name, review)
}

func (a *uploaded) print(w io.Writer) {
	switch a.State {
	case "accepted":
		fmt.Fprintf(w, "Revision %d of %s (%s) is accepted\n", a.Revision, a.Name, a.Version)
		for _, c := range a.Channels {
			fmt.Fprintf(w, "Released %s revision %d to %s\n", a.Name, a.Revision, c)
		}
	case "held":
		fmt.Fprintf(w, "Revision %d of %s (%s) is held: somebody has to look at it first\n", a.Revision, a.Name, a.Version)
	case "processing":
		fmt.Fprintf(w, "%s (%s) is being reviewed\n", a.Name, a.Version)
	case "rejected":
		fmt.Fprintf(w, "%s (%s) is rejected\n", a.Name, a.Version)
	}
	for _, e := range a.Errors {
		fmt.Fprintf(w, "  %s: %s\n", e.Code, e.Message)
	}
}
