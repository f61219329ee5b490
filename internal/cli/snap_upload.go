package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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

// said is one thing that a store has against an upload.
type said struct {
	Code    string `json:"code"`
	Message string `json:"message"`
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
			return u.advise(r, err, a.Name)
		}
	}
	id, size, err := u.send(ctx, r, file, u.resume)
	if err != nil {
		return err
	}
	for name, file := range components {
		if components[name], _, err = u.send(ctx, r, file, ""); err != nil {
			return err
		}
	}
	if a.Review, err = u.notify(ctx, r, a.Name, id, size, components); err != nil {
		return u.advise(r, err, a.Name)
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

// advise turns a refusal that is about the name into one that says what to do.
func (u *uploading) advise(r *remote, err error, name string) error {
	var refused *snapstore.StoreError
	if errors.As(err, &refused) && refused.HasCode("resource-not-found") {
		return withStep(r.told(err), "register it first: "+r.o.t.program+" snap register "+name)
	}
	return err
}

// send uploads one file: with a bar to a person, with lines otherwise.
func (u *uploading) send(ctx context.Context, r *remote, file, resume string) (id string, size int64, err error) {
	stat, err := os.Stat(file)
	if err != nil {
		return "", 0, store.NotFoundf("file-not-found", "cannot read %s", file).Because(errors.Unwrap(err))
	}
	base := filepath.Base(file)
	r.o.t.say("Uploading %s, %d bytes", base, stat.Size())
	meter := r.o.t.newMeter(base, "bytes")
	id, err = r.UploadFile(ctx, file, &snapstore.UploadOptions{
		ResumeID: resume, Progress: func(p snapstore.Progress) { meter.show(p.Done, p.Total) },
	})
	meter.done()
	return id, stat.Size(), err
}

// say prints a line about progress where no bar is shown.
func (t *terminal) say(format string, args ...any) {
	if !t.json && !t.interactive() {
		fmt.Fprintf(t.err, format+"\n", args...)
	}
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

// follow waits for the review, tells of each state, and ends with the exit code
// that says how it ended.
func (u *uploading) follow(ctx context.Context, r *remote, a uploaded) error {
	var review snapstore.Review
	var err error
	if u.noWait {
		review, err = r.ReviewStatus(ctx, a.Review)
	} else {
		meter := r.o.t.newSpinner("Review")
		last := ""
		review, err = r.WaitForReview(ctx, a.Review, func(now snapstore.Review) {
			if now.Status != last {
				r.o.t.say("Review: %s", now.Status)
				meter.show(now.Status)
			}
			last = now.Status
		})
		meter.done()
	}
	if err != nil && !errors.As(err, new(*snapstore.ReviewError)) {
		return withStep(r.told(err), r.o.t.program+" snap revisions "+a.Name+" shows how the review goes")
	}
	a.Status, a.Revision, a.Page = review.Status, review.Revision, review.URL
	for _, e := range review.Errors {
		a.Errors = append(a.Errors, said{Code: e.Code, Message: e.Message})
	}
	switch {
	case review.Done && !review.Accepted():
		a.State = "rejected"
	case review.Held:
		a.State = "held"
	case review.Done:
		a.State = "accepted"
	default:
		a.State = "processing"
	}
	if a.State == "accepted" && r.byGateway() && len(u.channels) > 0 {
		if err := r.release(ctx, a.Name, a.Revision, u.channels, nil); err != nil {
			return err
		}
	}
	if err := r.o.t.print(a, func(w io.Writer) { a.print(w) }); err != nil {
		return err
	}
	return a.outcome(r)
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

// outcome is the error that an upload ends with, nil when it is accepted or
// still being looked at.
func (a *uploaded) outcome(r *remote) error {
	switch a.State {
	case "rejected":
		reason := "it says no more"
		if len(a.Errors) > 0 {
			reason = a.Errors[0].Message
		}
		return outcome{store.Invalidf("rejected", "the store rejected %s: %s", a.Name, reason).Try("correct the snap and upload it again"), exitRejected}
	case "held":
		return outcome{store.Forbiddenf("held", "%s revision %d is held for review", a.Name, a.Revision).
			Try("the store's operator decides with larder review; see " + r.o.t.program + " snap revisions " + a.Name), exitHeld}
	}
	return nil
}
