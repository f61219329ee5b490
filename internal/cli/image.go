package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

func imageCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "image",
		Short: "Copy, list and delete the images of charms, and revoke what they are pulled with",
		Long: `The images that resources of charms are made of. Docker, skopeo and their like push
and pull them under the store's own address, from the repositories that list names.
NAME is the name of a charm, with charm/ before it or without.`,
		Example: fmt.Sprintf("  %[1]s image copy docker.io/library/redis:7 redis-k8s redis-image\n  %[1]s image list redis-k8s\n  %[1]s image revoke-pulls redis-k8s", o.t.program),
	}, imageCopyCommand(o), imageListCommand(o), imageDeleteCommand(o), imageRevokePullsCommand(o))
}

// charmNamed is the charm that an argument names: elsewhere charms have charm/
// before their names.
func charmNamed(arg string) string {
	_, name := packageNamed(arg)
	return name
}

// listedImage is an image as commands print it.
type listedImage struct {
	Repository string `json:"repository"`
	catalog.Image
}

func imageListCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "list NAME",
		Short:   "List the images of a charm",
		Example: fmt.Sprintf("  %[1]s image list redis-k8s", o.t.program),
		Args:    exactly(1, "the NAME of a charm"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			id, found, err := h.catalog.Images(ctx, h.who, charmNamed(args[0]))
			if err != nil {
				return err
			}
			images := []listedImage{}
			for _, i := range found {
				name, err := store.ImageRepository(id, i.Resource)
				if err != nil {
					return err
				}
				images = append(images, listedImage{name, i})
			}
			return o.t.print(map[string]any{"name": charmNamed(args[0]), "images": images}, func(w io.Writer) {
				table(w, "Resource\tDigest\tTags\tUsed\tPushed\tRepository", func(row func(string, ...any)) {
					for _, i := range images {
						row("%s\t%s\t%s\t%s\t%s\t%s", i.Resource, i.Digest, orDash(strings.Join(i.Tags, ",")), yes(i.Pinned),
							moment(i.PushedAt), i.Repository)
					}
				})
			})
		}),
	}
}

func imageDeleteCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME RESOURCE TAG|DIGEST",
		Short: "Delete a tag, or an image with its tags",
		Long: `Deletes a tag of a charm's resource, or the image with a digest and all tags that
point at it. An image that a revision of the resource is made of stays. The bytes go
with the next larder gc, where nothing else needs them.`,
		Example: fmt.Sprintf("  %[1]s image delete redis-k8s redis-image latest", o.t.program),
		Args:    exactly(3, "the NAME of a charm, its RESOURCE, and a TAG or a DIGEST"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			if err := h.catalog.RemoveImageOf(ctx, h.who, charmNamed(args[0]), args[1], args[2]); err != nil {
				return err
			}
			return o.t.print(map[string]any{"deleted": args[2]}, func(w io.Writer) { fmt.Fprintf(w, "Deleted %s\n", args[2]) })
		}),
	}
}

func imageRevokePullsCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke-pulls NAME",
		Short: "Make the credentials that a charm's images are pulled with count no more",
		Long: `Makes all pull credentials of a charm's images count no more. Controllers get new
ones when they refresh the charm; until then no pod of it starts on another machine.`,
		Example: fmt.Sprintf("  %[1]s image revoke-pulls redis-k8s", o.t.program),
		Args:    exactly(1, "the NAME of a charm"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			if err := h.catalog.RevokeImagePulls(ctx, h.who, charmNamed(args[0])); err != nil {
				return err
			}
			return o.t.print(map[string]any{"revoked": charmNamed(args[0])}, func(w io.Writer) {
				fmt.Fprintf(w, "Revoked the pull credentials of %s\n", args[0])
			})
		}),
	}
}
