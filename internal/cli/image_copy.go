package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/charmhub/image"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

// imageCopying is one call of image copy.
type imageCopying struct {
	tag       string
	platforms []string
	username  string
	stdin     bool
	insecure  bool
	referrers bool
}

// copiedImage is its answer.
type copiedImage struct {
	Name       string   `json:"name"`
	Resource   string   `json:"resource"`
	Repository string   `json:"repository"`
	Digest     string   `json:"digest"`
	Tag        string   `json:"tag"`
	Archs      []string `json:"architectures"`
	Referrers  int      `json:"referrers"` // that were copied
	Fetched    int      `json:"fetched"`   // blobs and manifests
	Bytes      int64    `json:"bytes"`     // of those
	Present    int      `json:"present"`   // that were here already
}

func imageCopyCommand(o *options) *cobra.Command {
	var c imageCopying
	cmd := &cobra.Command{
		Use:   "copy SOURCE NAME RESOURCE",
		Short: "Copy an image from elsewhere into the registry, for a resource of a charm",
		Long: `Copies an image into the repository of a charm's resource, unchanged, with the images of
all platforms if it has several. SOURCE is HOST/REPOSITORY[:TAG|@DIGEST] in a registry;
oci:DIRECTORY[:TAG], an OCI layout; or the path of a layout or of an archive, as docker
save writes it. No server needs to run.

What is here already is not fetched again: a copy that broke off is continued by
repeating it. The logins of docker and podman are used for SOURCE, unless
--source-username names another.

With --platform only these are copied. Of several a new index is made, with a digest of
its own.`,
		Example: fmt.Sprintf(`  %[1]s image copy docker.io/library/redis:7 redis-k8s redis-image
  %[1]s image copy oci:./redis:7 redis-k8s redis-image --tag 7 --platform linux/amd64
  pass ghcr | %[1]s image copy ghcr.io/acme/app:1 app app-image --source-username acme --source-password-stdin`, o.t.program),
		Args: exactly(3, "the SOURCE, the NAME of a charm and its RESOURCE"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			return c.run(ctx, o, h, args[0], charmNamed(args[1]), args[2])
		}),
	}
	f := cmd.Flags()
	f.StringVar(&c.tag, "tag", "latest", "`tag` to give it here")
	f.StringSliceVar(&c.platforms, "platform", nil, "only this `platform`, such as linux/arm64; may be repeated")
	f.BoolVar(&c.referrers, "referrers", false, "also what is about the image: signatures, lists of materials")
	f.StringVar(&c.username, "source-username", "", "`name` to log in to the source's registry with")
	f.BoolVar(&c.stdin, "source-password-stdin", false, "read the password for it from standard input")
	f.BoolVar(&c.insecure, "source-plain-http", false, "talk plain HTTP to the source's registry")
	return cmd
}

func (c *imageCopying) run(ctx context.Context, o *options, h *house, source, name, resource string) error {
	if (c.username != "") != c.stdin {
		return usagef("--source-username NAME and --source-password-stdin go together")
	}
	if err := store.CheckTag(c.tag); err != nil {
		return err
	}
	options := &image.Options{Insecure: c.insecure}
	if c.stdin {
		lines, err := o.t.secretLines("the password")
		if err != nil {
			return err
		}
		options.Source = &image.Login{Username: c.username, Password: lines[0].Reveal()}
	}
	repo, err := h.imageRepo(ctx, name, resource)
	if err != nil {
		return err
	}
	repository, err := store.ImageRepository(repo.PackageID, resource)
	if err != nil {
		return err
	}
	s, err := image.Open(ctx, source, options)
	if err != nil {
		return imageTrouble(source, err)
	}
	defer s.Close()
	if err := s.Only(c.platforms...); err != nil {
		return imageTrouble(source, err)
	}
	meter := o.t.newMeter(resource, "bytes")
	copier := imageCopier{h: h, repo: repo, progress: meter.show}
	o.t.say("Copying %s", source)
	digest, err := copier.copy(ctx, s, source, c.tag)
	referrers := 0
	if err == nil && c.referrers {
		referrers, err = copier.referrers(ctx, s, source)
	}
	meter.done()
	if err != nil {
		return err
	}
	_, archs, err := h.catalog.ImageExists(ctx, repo.PackageID, resource, digest)
	if err != nil {
		return err
	}
	done := copiedImage{
		Name: name, Resource: resource, Repository: repository, Digest: digest, Tag: c.tag, Archs: archs,
		Referrers: referrers, Fetched: copier.fetched, Bytes: copier.bytes, Present: copier.present,
	}
	return o.t.print(done, func(w io.Writer) {
		fmt.Fprintf(w, "%s:%s is %s\n", done.Repository, done.Tag, done.Digest)
		fmt.Fprintf(w, "Fetched %d parts, %d bytes; %d were here already\n", done.Fetched, done.Bytes, done.Present)
	})
}

// imageRepo is the repository of a resource that some revision of a charm declares
// to be an image. A charm without revisions declares nothing yet.
func (h *house) imageRepo(ctx context.Context, name, resource string) (store.ImageRepo, error) {
	id, _, err := h.catalog.Images(ctx, h.who, name)
	if err != nil {
		return store.ImageRepo{}, err
	}
	declared, err := h.catalog.Resources(ctx, h.who, name)
	if err != nil {
		return store.ImageRepo{}, err
	}
	is := slices.ContainsFunc(declared, func(d catalog.Declared) bool { return d.Name == resource && d.Type == store.ResourceImage })
	if !is && len(declared) > 0 {
		return store.ImageRepo{}, store.NotFoundf("undeclared-resource", "no revision of %s declares an image %s", name, resource).
			Try("name a resource of the type oci-image in its metadata.yaml")
	}
	return store.ImageRepo{PackageID: id, Resource: resource}, nil
}
