package image_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/larder-store/larder/client/charmhub/image"
)

// An image goes from one registry to another, its digest unchanged.
func ExampleCopy() {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	ref, err := name.ParseReference(host + "/org/bake:1")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := remote.Write(ref, empty.Image); err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	copied, err := image.Copy(ctx, "docker://"+host+"/org/bake:1", host+"/mirror/bake", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	there, err := image.Inspect(ctx, host+"/mirror/bake", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(image.NameFromURL(copied.Reference), copied.Digest == there.Digest)
	// Output: bake true
}
