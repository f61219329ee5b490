package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

// release points channels at a revision through whichever interface is used.
func (r *remote) release(ctx context.Context, name string, revision int, channels []string, p *snapstore.ProgressiveRelease) error {
	if !r.byGateway() {
		_, err := r.Dashboard().Release(ctx, snapstore.DashboardRelease{
			Name: name, Revision: revision, Channels: channels, Progressive: p,
		})
		return err
	}
	if p != nil {
		return usagef("--progressive needs a login to the dashboard: --flavour u1")
	}
	requests := make([]snapstore.ReleaseRequest, len(channels))
	for i, c := range channels {
		requests[i] = snapstore.ReleaseTo(c, revision)
	}
	_, err := r.Release(ctx, name, requests...)
	return err
}

func snapReleaseCommand(o *options) *cobra.Command {
	var percentage float64
	var paused bool
	cmd := o.onSnap(&cobra.Command{
		Use:   "release NAME REVISION CHANNEL...",
		Short: "Release a revision to channels",
		Long: `Releases a revision to channels, on all its architectures. With --progressive only
that part of the devices gets it; --progressive 100 gives it to all.`,
		Example: fmt.Sprintf(`  %[1]s snap release hello 3 edge beta
  %[1]s snap release hello 3 stable --progressive 20
  %[1]s snap release hello 3 2.0/candidate/hotfix`, o.t.program),
		Args: atLeast(3, "NAME, REVISION and at least one CHANNEL"),
	}, func(ctx context.Context, r *remote, name string, args []string) error {
		revision, err := parseRevision(args[0])
		if err != nil {
			return err
		}
		channels := args[1:]
		var p *snapstore.ProgressiveRelease
		if percentage != 0 || paused {
			p = &snapstore.ProgressiveRelease{Percentage: percentage, Paused: paused}
		}
		if err := r.release(ctx, name, revision, channels, p); err != nil {
			return err
		}
		value := struct {
			Name       string   `json:"name"`
			Revision   int      `json:"revision"`
			Channels   []string `json:"channels"`
			Percentage float64  `json:"percentage,omitempty"`
			Paused     bool     `json:"paused,omitempty"`
		}{name, revision, channels, percentage, paused}
		return o.t.print(value, func(w io.Writer) {
			to := ""
			if percentage != 0 && percentage != 100 {
				to = fmt.Sprintf(" for %v%% of the devices", percentage)
			}
			fmt.Fprintf(w, "Released %s revision %d to %s%s\n", name, revision, strings.Join(channels, ", "), to)
		})
	})
	cmd.Flags().Float64Var(&percentage, "progressive", 0, "release to this `percentage` of the devices")
	cmd.Flags().BoolVar(&paused, "paused", false, "hold a progressive release at what it has reached")
	return cmd
}

func snapPromoteCommand(o *options) *cobra.Command {
	var from, to string
	cmd := o.onSnap(&cobra.Command{
		Use:   "promote NAME --from CHANNEL --to CHANNEL",
		Short: "Release what one channel holds to another, on every architecture",
		Long: `Releases what one channel holds to another, on every architecture. A progressive
release in the first channel is left out: what it replaces is promoted.`,
		Example: fmt.Sprintf("  %[1]s snap promote hello --from candidate --to stable", o.t.program),
		Args:    exactly(1, "the NAME of a snap"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		if from == "" || to == "" {
			return usagef("--from CHANNEL and --to CHANNEL are needed")
		}
		revisions, err := r.promote(ctx, name, from, to)
		if err != nil {
			return err
		}
		value := struct {
			Name      string `json:"name"`
			From      string `json:"from"`
			To        string `json:"to"`
			Revisions []int  `json:"revisions"`
		}{name, from, to, revisions}
		return o.t.print(value, func(w io.Writer) {
			for _, n := range revisions {
				fmt.Fprintf(w, "Released %s revision %d from %s to %s\n", name, n, from, to)
			}
		})
	})
	cmd.Flags().StringVar(&from, "from", "", "`channel` that holds it")
	cmd.Flags().StringVar(&to, "to", "", "`channel` that shall hold it")
	return cmd
}

func (r *remote) promote(ctx context.Context, name, from, to string) ([]int, error) {
	if !r.byGateway() {
		return r.Dashboard().Promote(ctx, name, from, to)
	}
	held, err := r.channels(ctx, name)
	if err != nil {
		return nil, err
	}
	channel, err := store.ParseChannel(from)
	if err != nil {
		return nil, err
	}
	var revisions []int
	for _, l := range held.Channels {
		if l.Channel == channel.String() && l.Percentage == nil && !slices.Contains(revisions, l.Revision) {
			revisions = append(revisions, l.Revision)
		}
	}
	if len(revisions) == 0 {
		return nil, store.NotFoundf("channel-closed", "channel %s of %s holds nothing", from, name).
			Try(r.o.t.program + " snap status " + name + " shows what the channels hold")
	}
	for i, n := range revisions {
		if err := r.release(ctx, name, n, []string{to}, nil); err != nil {
			return revisions[:i], err
		}
	}
	return revisions, nil
}

func snapCloseCommand(o *options) *cobra.Command {
	return o.onSnap(&cobra.Command{
		Use:   "close NAME CHANNEL...",
		Short: "Close channels: devices there follow the next less risky one",
		Long: `Closes channels, on every architecture. Devices that follow a closed channel get what
the next less risky one holds.`,
		Example: fmt.Sprintf("  %[1]s snap close hello edge beta", o.t.program),
		Args:    atLeast(2, "NAME and at least one CHANNEL"),
	}, func(ctx context.Context, r *remote, name string, channels []string) error {
		if err := r.closeChannels(ctx, name, channels); err != nil {
			return err
		}
		value := struct {
			Name   string   `json:"name"`
			Closed []string `json:"closed"`
		}{name, channels}
		return o.t.print(value, func(w io.Writer) { fmt.Fprintf(w, "Closed %s of %s\n", strings.Join(channels, ", "), name) })
	})
}

func (r *remote) closeChannels(ctx context.Context, name string, channels []string) error {
	if !r.byGateway() {
		id, err := r.snapID(ctx, name)
		if err != nil {
			return err
		}
		_, err = r.Dashboard().Close(ctx, id, channels...)
		return err
	}
	requests := make([]snapstore.ReleaseRequest, len(channels))
	for i, c := range channels {
		requests[i] = snapstore.CloseChannel(c)
	}
	_, err := r.Release(ctx, name, requests...)
	return err
}

// snapID is the id of a snap of the account. Somebody else's is not found, or
// refused where the store says that there is one.
func (r *remote) snapID(ctx context.Context, name string) (string, error) {
	id, err := r.Dashboard().SnapID(ctx, name)
	if err == nil {
		return id, nil
	}
	told := r.told(err)
	if store.KindOf(told) != store.KindNotFound {
		return "", told
	}
	if _, asked := r.Dashboard().ChannelMap(ctx, name); asked != nil && store.KindOf(r.told(asked)) == store.KindForbidden {
		return "", asked
	}
	return "", store.NotFoundf("snap-not-yours", "you have no snap %q in %s", name, r.url).
		Try(r.o.t.program + " snap names --collaborations lists those you have")
}
