package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/internal/store"
)

// charmDownloading is one call of charm download.
type charmDownloading struct {
	arch, base, channel string
	revision            int
	file                string
	resources, quiet    bool
}

// charmDownloaded is its answer.
type charmDownloaded struct {
	Name      string               `json:"name"`
	Type      string               `json:"type"`
	Revision  int                  `json:"revision"`
	Version   string               `json:"version"`
	Channel   string               `json:"channel,omitempty"` // that it was found in
	File      string               `json:"file"`
	Size      int64                `json:"size"` // bytes
	SHA256    string               `json:"sha256"`
	Resources []downloadedResource `json:"resources"`
}

type downloadedResource struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Revision int    `json:"revision"`
	File     string `json:"file"`
	Size     int64  `json:"size"` // bytes
}

func charmDownloadCommand(o *options) *cobra.Command {
	var d charmDownloading
	cmd := o.onCharm(&cobra.Command{
		Use:   "download NAME",
		Short: "Download a charm or bundle as juju does, and verify it",
		Long: `Downloads a charm or bundle to NAME_rREVISION.TYPE, or to --filepath, which may be - for
standard output. A base that is not said is chosen as juju chooses it. The file must
have the size and the digests that the store announced.

With --resources the resources that were released with it are downloaded beside it.
That of an image is the document that juju pulls it by, which may hold a password.`,
		Example: fmt.Sprintf(`  %[1]s charm download pantry
  %[1]s charm download pantry --channel edge --base ubuntu@24.04 --arch arm64 --resources
  %[1]s charm download pantry --revision 3 --filepath - > pantry.charm`, o.t.program),
		Args: exactly(1, "the NAME of a charm"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error { return d.run(ctx, r, name) })
	f := cmd.Flags()
	f.StringVar(&d.arch, "arch", "", "`architecture` to download for; default: this machine's")
	f.StringVar(&d.base, "base", "", "`base` to download for, such as ubuntu@24.04; default: the store chooses")
	f.StringVar(&d.channel, "channel", "", "`channel` to download from; default: stable")
	f.IntVar(&d.revision, "revision", 0, "`number` of the revision to download, in place of a channel's")
	f.StringVar(&d.file, "filepath", "", "`file` to download to, or - for standard output")
	f.BoolVar(&d.quiet, "no-progress", false, "show no progress")
	f.BoolVar(&d.resources, "resources", false, "download the resources as well")
	mustComplete(cmd, "arch", charmArchitectures...)
	return cmd
}

// request is what the flags ask for.
func (d *charmDownloading) request(t *terminal, name string) (charmhub.ResolveRequest, error) {
	r := charmhub.ResolveRequest{Name: name, Channel: d.channel, Base: charmhub.Base{Architecture: d.arch}}
	switch {
	case d.revision < 0, d.revision > 0 && (d.channel != "" || d.base != ""):
		return r, usagef("--revision N excludes --channel and --base")
	case d.revision > 0 && d.resources:
		return r, usagef("--resources goes with a channel: which resources belong to a charm is released with it")
	case d.file == "-" && d.resources:
		return r, usagef("--resources does not go with --filepath -")
	case d.file == "-" && t.json:
		return r, usagef("--format json does not go with --filepath -")
	case d.revision > 0:
		r.Revision = &d.revision
	}
	if d.base != "" {
		base, channel, ok := strings.Cut(d.base, "@")
		if !ok || base == "" || channel == "" {
			return r, usagef("--base takes NAME@CHANNEL, such as ubuntu@24.04, not %q", d.base)
		}
		r.Base.Name, r.Base.Channel = base, channel
	}
	return r, nil
}

func (d *charmDownloading) run(ctx context.Context, r *remote, name string) error {
	request, err := d.request(r.o.t, name)
	if err != nil {
		return err
	}
	consumer := r.charms.Consumer()
	found, err := consumer.Resolve(ctx, request)
	if err != nil {
		return err
	}
	e := found.Entity
	done := charmDownloaded{
		Name: e.Name, Type: e.Type, Revision: e.Revision, Version: e.Version, Channel: found.EffectiveChannel,
		File: d.file, Size: e.Download.Size, SHA256: e.Download.SHA256,
	}
	if done.File == "" {
		if done.File, err = harmlessFile(e.FileName(), r.url); err != nil {
			return err
		}
	}
	if d.file == "-" {
		return d.toOutput(ctx, r, consumer, e)
	}
	if err := d.fetch(ctx, r, consumer, e.Download, done.File, filepath.Base(done.File)); err != nil {
		return err
	}
	if d.resources {
		for _, res := range e.Resources {
			file, err := harmlessFile(res.FileName(), r.url)
			if err != nil {
				return err
			}
			file = filepath.Join(filepath.Dir(done.File), file)
			if err := d.fetch(ctx, r, consumer, res.Download, file, filepath.Base(file)); err != nil {
				return err
			}
			done.Resources = append(done.Resources, downloadedResource{res.Name, string(res.Type), res.Revision, file, res.Download.Size})
		}
	}
	return r.o.t.print(done, func(w io.Writer) {
		fmt.Fprintln(w, done.File)
		for _, res := range done.Resources {
			fmt.Fprintln(w, res.File)
		}
		fmt.Fprintf(w, "Revision %d of %s (%s)\n", done.Revision, done.Name, orDash(done.Version))
	})
}

// harmlessFile is a name that a store gave to a file, if it names one in a
// directory.
func harmlessFile(name, url string) (string, error) {
	if name == "" || name == "." || name == ".." || filepath.Base(name) != name {
		return "", store.Unavailablef("not-a-store", "%s does not say what to download", url).Try("tell the store's operator")
	}
	return name, nil
}

func (d *charmDownloading) fetch(ctx context.Context, r *remote, c *charmhub.Consumer, what charmhub.Download, file, name string) error {
	progress := func(charmhub.Progress) {}
	if !d.quiet {
		r.o.t.say("Downloading %s, %d bytes", harmless(name), what.Size)
		meter := r.o.t.newMeter(harmless(name), "bytes")
		defer meter.done()
		progress = func(p charmhub.Progress) { meter.show(p.Done, p.Total) }
	}
	return c.Download(ctx, what, file, progress)
}

// toOutput writes on what was verified as a file before.
func (d *charmDownloading) toOutput(ctx context.Context, r *remote, c *charmhub.Consumer, e charmhub.Entity) error {
	dir, err := os.MkdirTemp("", "larder-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "download")
	if err := d.fetch(ctx, r, c, e.Download, file, e.FileName()); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(r.o.t.bytes(), f)
	return err
}

// bytes is where to print what is no text.
func (t *terminal) bytes() io.Writer {
	if w, ok := t.out.(harmlessWriter); ok {
		return w.Writer
	}
	return t.out
}
