package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

// downloading is one call of snap download.
type downloading struct {
	channel  string
	revision int
	arch     string
	dir      string
	storeID  string
}

// downloaded is its answer.
type downloaded struct {
	Name       string `json:"name"`
	Revision   int    `json:"revision"`
	Version    string `json:"version"`
	File       string `json:"file"`
	Assertions string `json:"assertions"`
	Size       int64  `json:"size"` // bytes
	SHA3_384   string `json:"sha3-384"`
	Authority  string `json:"authority-id"` // the root of the chain of signatures
}

func snapDownloadCommand(o *options) *cobra.Command {
	var d downloading
	cmd := o.onSnap(&cobra.Command{
		Use:   "download NAME",
		Short: "Download a snap with its assertions, and verify both",
		Long: `Downloads a snap to NAME_REVISION.snap, and to NAME_REVISION.assert beside it the
assertions that vouch for it, as snap download does. The file must be the one that its
snap-revision is about, and every signature is checked up to the root: that of the
public store, or the one that the store itself is.`,
		Example: fmt.Sprintf("  %[1]s snap download hello\n  %[1]s snap download hello --channel edge --arch arm64 --dir ./snaps", o.t.program),
		Args:    exactly(1, "the NAME of a snap"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		done, err := d.run(ctx, r, name)
		if err != nil {
			return err
		}
		return o.t.print(done, func(w io.Writer) {
			fmt.Fprintf(w, "%s\n%s\nRevision %d of %s (%s), vouched for by %s\n", done.File, done.Assertions, done.Revision, done.Name, done.Version, done.Authority)
		})
	})
	f := cmd.Flags()
	f.StringVar(&d.channel, "channel", "", "`channel` to download from; default: stable")
	f.IntVar(&d.revision, "revision", 0, "`number` of the revision to download, in place of a channel's")
	f.StringVar(&d.arch, "arch", "", "`architecture` to download for; default: this machine's")
	f.StringVar(&d.dir, "dir", ".", "`directory` to download to")
	f.StringVar(&d.storeID, "store-id", "", "`id` of the brand store to ask; default: the global one")
	return cmd
}

func (d *downloading) run(ctx context.Context, r *remote, name string) (*downloaded, error) {
	if d.channel != "" && d.revision != 0 {
		return nil, usagef("--channel and --revision exclude each other")
	}
	device := r.Device()
	device.Architecture, device.StoreID = d.arch, d.storeID
	found, err := device.Resolve(ctx, name, d.channel, d.revision)
	if err != nil {
		return nil, err
	}
	snap := found.Snap
	if snap.Download == nil || snap.Revision < 1 || filepath.Base(snap.Name) != snap.Name || snap.Name == "" {
		return nil, store.Unavailablef("not-a-store", "%s does not say what to download", r.url).Try("tell the store's operator")
	}
	base := filepath.Join(d.dir, snap.Name+"_"+strconv.Itoa(snap.Revision))
	done := &downloaded{
		Name: snap.Name, Revision: snap.Revision, Version: snap.Version, File: base + ".snap", Assertions: base + ".assert",
		Size: snap.Download.Size, SHA3_384: snap.Download.SHA3_384,
	}
	// First the signatures: what nobody vouches for is not worth the bytes.
	papers, err := vouched(ctx, device, snap)
	if err != nil {
		return nil, err
	}
	r.o.t.say("Downloading %s, %d bytes", filepath.Base(done.File), done.Size)
	meter := r.o.t.newMeter(filepath.Base(done.File), "bytes")
	err = device.Download(ctx, *snap.Download, done.File, func(p snapstore.Progress) { meter.show(p.Done, p.Total) })
	meter.done()
	if err != nil {
		return nil, err
	}
	done.Authority = papers.root
	return done, papers.write(done.Assertions)
}
