package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/charmhub"
)

func charmResourcesCommand(o *options) *cobra.Command {
	return o.onCharm(&cobra.Command{
		Use:     "resources NAME",
		Short:   "List the resources that the revisions of a charm declare",
		Example: fmt.Sprintf("  %[1]s charm resources pantry", o.t.program),
		Args:    exactly(1, "the NAME of a charm"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		found, err := r.charms.ListResources(ctx, name)
		if err != nil {
			return err
		}
		type resource struct {
			CharmRevision int    `json:"charm_revision"`
			Name          string `json:"name"`
			Type          string `json:"type"`
			Optional      bool   `json:"optional"`
		}
		resources := []resource{}
		for _, f := range found {
			resources = append(resources, resource{f.CharmRevision, f.Name, string(f.Type), f.Optional})
		}
		slices.SortStableFunc(resources, func(a, b resource) int { return b.CharmRevision - a.CharmRevision })
		return o.t.print(resources, func(w io.Writer) {
			table(w, "Charm Rev\tResource\tType\tOptional", func(row func(string, ...any)) {
				for _, f := range resources {
					row("%d\t%s\t%s\t%t", f.CharmRevision, f.Name, f.Type, f.Optional)
				}
			})
		})
	})
}

func charmResourceRevisionsCommand(o *options) *cobra.Command {
	return o.onCharm(&cobra.Command{
		Use:     "resource-revisions NAME RESOURCE",
		Short:   "List the revisions of a charm's resource, the newest first",
		Example: fmt.Sprintf("  %[1]s charm resource-revisions pantry recipes", o.t.program),
		Args:    exactly(2, "the NAME of a charm and its RESOURCE"),
	}, func(ctx context.Context, r *remote, name string, args []string) error {
		found, err := r.charms.ListResourceRevisions(ctx, name, args[0])
		if err != nil {
			return err
		}
		type revision struct {
			Revision  int                     `json:"revision"`
			CreatedAt string                  `json:"created at"` // charmcraft's key
			Size      int64                   `json:"size"`       // bytes
			Bases     []charmhub.ResourceBase `json:"bases"`
		}
		revisions := []revision{}
		for _, f := range found {
			revisions = append(revisions, revision{f.Revision, stamp(f.CreatedAt.Time), f.Size, f.Bases})
		}
		slices.SortFunc(revisions, func(a, b revision) int { return b.Revision - a.Revision })
		return o.t.print(revisions, func(w io.Writer) {
			table(w, "Revision\tCreated at\tSize\tArchitectures", func(row func(string, ...any)) {
				for _, f := range revisions {
					row("%d\t%s\t%d\t%s", f.Revision, f.CreatedAt, f.Size, strings.Join(architecturesOf(f.Bases), ","))
				}
			})
		})
	})
}

func architecturesOf(bases []charmhub.ResourceBase) (list []string) {
	for _, b := range bases {
		list = append(list, b.Architectures...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// charmArchitectures are those that resources may be for.
var charmArchitectures = []cobra.Completion{"all", "amd64", "arm64", "armhf", "ppc64el", "riscv64", "s390x"}

func checkArchitectures(list []string) error {
	for _, a := range list {
		if !slices.Contains(charmArchitectures, a) {
			return usagef("%q is no architecture: use %s", a, strings.Join(charmArchitectures, ", "))
		}
	}
	return nil
}

func charmArchitecturesCommand(o *options) *cobra.Command {
	var revisions []int
	cmd := o.onCharm(&cobra.Command{
		Use:     "set-resource-architectures NAME RESOURCE ARCH,...",
		Short:   "Say which architectures revisions of a resource are for",
		Example: fmt.Sprintf("  %[1]s charm set-resource-architectures pantry recipes amd64,arm64 --revision 1 --revision 2", o.t.program),
		Args:    exactly(3, "the NAME of a charm, its RESOURCE, and architectures with commas between them"),
	}, func(ctx context.Context, r *remote, name string, args []string) error {
		architectures := strings.Split(args[1], ",")
		if err := checkArchitectures(architectures); err != nil {
			return err
		}
		if len(revisions) == 0 {
			return usagef("--revision N is needed")
		}
		wanted := make(map[int][]string)
		for _, n := range revisions {
			wanted[n] = architectures
		}
		found, err := r.charms.SetResourceArchitectures(ctx, name, args[0], wanted)
		if err != nil {
			return err
		}
		type revision struct {
			Revision      int      `json:"revision"`
			UpdatedAt     string   `json:"updated_at"`
			Architectures []string `json:"architectures"`
		}
		changed := []revision{}
		for _, f := range found {
			at := ""
			if f.UpdatedAt != nil {
				at = stamp(f.UpdatedAt.Time)
			}
			changed = append(changed, revision{f.Revision, at, architecturesOf(f.Bases)})
		}
		return o.t.print(changed, func(w io.Writer) {
			table(w, "Revision\tUpdated At\tArchitectures", func(row func(string, ...any)) {
				for _, f := range changed {
					row("%d\t%s\t%s", f.Revision, orDash(f.UpdatedAt), strings.Join(f.Architectures, ","))
				}
			})
		})
	})
	cmd.Flags().IntSliceVar(&revisions, "revision", nil, "`number` of the revision to change; may be repeated")
	return cmd
}

// resourceUploading is one call of charm upload-resource.
type resourceUploading struct {
	file, image string
	archs       []string
	resume      string // the upload of a file that broke off
}

func charmUploadResourceCommand(o *options) *cobra.Command {
	var u resourceUploading
	cmd := o.onCharm(&cobra.Command{
		Use:   "upload-resource NAME RESOURCE",
		Short: "Upload a file or an image as a revision of a charm's resource",
		Long: `Uploads a file, or pushes an image to the store's registry, and makes it the next
revision of a resource. IMAGE is HOST/REPOSITORY[:TAG|@DIGEST] in any registry, with
the logins that docker and podman keep; oci:DIRECTORY[:TAG], an OCI layout; or the path
of a layout or of an archive, as docker save writes it. It is pushed unchanged, with
the images of all platforms if it has several.

Exit code 10 says that the store rejected it, 11 that it is held.`,
		Example: fmt.Sprintf(`  %[1]s charm upload-resource pantry recipes --filepath ./recipes.tgz
  %[1]s charm upload-resource redis-k8s redis-image --image docker.io/library/redis:7
  %[1]s charm upload-resource pantry tool --filepath ./tool-arm64 --arch arm64`, o.t.program),
		Args: exactly(2, "the NAME of a charm and its RESOURCE"),
	}, func(ctx context.Context, r *remote, name string, args []string) error {
		return u.run(ctx, r, name, args[0])
	})
	f := cmd.Flags()
	f.StringVar(&u.file, "filepath", "", "`file` to upload")
	f.StringVar(&u.image, "image", "", "`image` to upload")
	f.StringSliceVar(&u.archs, "arch", nil, "`architectures` that a file is for, with commas between them; default: all")
	f.StringVar(&u.resume, "resume", "", "`id` of an upload of a file that broke off")
	mustComplete(cmd, "arch", charmArchitectures...)
	return cmd
}

func (u *resourceUploading) run(ctx context.Context, r *remote, name, resource string) error {
	switch {
	case (u.file == "") == (u.image == ""):
		return usagef("either --filepath FILE or --image IMAGE is needed")
	case u.image != "" && len(u.archs) > 0:
		return usagef("--arch goes with --filepath: an image says itself what it is for")
	case u.image != "" && u.resume != "":
		return usagef("--resume goes with --filepath: what the registry has of an image is not sent again")
	}
	if err := checkArchitectures(u.archs); err != nil {
		return err
	}
	var review charmhub.Review
	var err error
	if u.image != "" {
		review, err = u.sendImage(ctx, r, name, resource)
	} else {
		review, err = u.sendFile(ctx, r, name, resource)
	}
	if err != nil {
		return err
	}
	answer := charmUploaded{Revision: review.Revision, Errors: saidIn(review)}
	err = r.o.t.print(answer, func(w io.Writer) {
		answer.print(w, stateOf(review), "Revision", "resource "+resource+" of "+name)
	})
	if err != nil {
		return err
	}
	return r.outcome("resource "+resource+" of "+name, review)
}

func (u *resourceUploading) sendFile(ctx context.Context, r *remote, name, resource string) (review charmhub.Review, err error) {
	if _, err := r.charms.Whoami(ctx); err != nil {
		return review, err
	}
	options := charmhub.ResourceOptions{Type: charmhub.ResourceFile}
	if len(u.archs) > 0 {
		options.Bases = []charmhub.ResourceBase{{Name: "all", Channel: "all", Architectures: u.archs}}
	}
	id, _, err := r.send(ctx, u.file, u.resume)
	if err != nil {
		return review, err
	}
	statusURL, err := r.charms.PushResource(ctx, name, resource, id, options)
	if err != nil {
		return review, err
	}
	return r.review(ctx, name, statusURL, false)
}
