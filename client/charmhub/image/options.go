package image

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/larder-store/larder/client/transport"
)

// A Login is a name and a password for a registry. It prints without the
// password.
type Login struct{ Username, Password string }

// String shows no secret.
func (l Login) String() string { return "login of " + l.Username }

// GoString is String.
func (l Login) GoString() string { return l.String() }

// LogValue is String, for log/slog.
func (l Login) LogValue() slog.Value { return slog.StringValue(l.String()) }

// Progress tells how much of an image arrived; see package transport. Total
// grows while the platforms of an index are found.
type Progress = transport.Progress

// Options change how images are read and written. The zero value, and nil, use
// the logins that docker and podman keep in the user's home.
type Options struct {
	// Source and Destination are logins for their registries; nil takes the
	// user's own.
	Source, Destination *Login
	// Insecure talks plain HTTP to registries; those on this machine and in
	// private IPv4 networks (10/8, 172.16/12, 192.168/16, written as addresses)
	// are asked so if they do not speak HTTPS.
	Insecure bool
	// Transport sends the requests; nil is Go's default transport.
	Transport http.RoundTripper
	// TempDir holds unpacked archives until Source.Close; empty is the system's.
	TempDir string
	// Progress is called as layers arrive, by one goroutine at a time; it must not
	// block for long. Nil calls nothing.
	Progress func(Progress)
}

func (o *Options) orZero() *Options {
	if o == nil {
		return &Options{}
	}
	return o
}

func (o *Options) reference(text string) (name.Reference, error) {
	var options []name.Option
	if o.Insecure {
		options = append(options, name.Insecure)
	}
	ref, err := name.ParseReference(text, options...)
	if err != nil {
		return nil, fmt.Errorf("%.200q is no image: write HOST/REPOSITORY[:TAG|@DIGEST], oci:DIRECTORY or the path of an archive: %w", text, err)
	}
	return ref, nil
}

func (o *Options) remote(ctx context.Context, login *Login) []remote.Option {
	options := []remote.Option{remote.WithContext(ctx), remote.WithUserAgent(transport.DefaultUserAgent)}
	if login != nil {
		options = append(options, remote.WithAuth(&authn.Basic{Username: login.Username, Password: login.Password}))
	} else {
		options = append(options, remote.WithAuthFromKeychain(authn.DefaultKeychain))
	}
	if o.Transport != nil {
		options = append(options, remote.WithTransport(o.Transport))
	}
	return options
}
