package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Copy copies an image or a whole index, unchanged, to a registry or an OCI
// layout (oci:DIRECTORY[:TAG], made if it is not there). A destination without a
// tag is "latest" in a registry. Options may be nil.
//
// What the destination has already is not sent again, so a copy that broke off
// is continued by repeating it.
func Copy(ctx context.Context, source, destination string, o *Options) (Metadata, error) {
	s, err := Open(ctx, source, o)
	if err != nil {
		return Metadata{}, err
	}
	m, err := s.Metadata()
	if err == nil {
		err = s.CopyTo(ctx, destination, o)
	}
	return m, errors.Join(err, s.Close())
}

// CopyTo is Copy of an opened image.
func (s *Source) CopyTo(ctx context.Context, destination string, o *Options) error {
	o = o.orZero()
	kind, rest := splitTransport(destination)
	var err error
	switch kind {
	case inRegistry, "":
		err = s.push(ctx, rest, o)
	case inLayout:
		dir, tag := splitTag(rest)
		err = s.writeLayout(dir, tag)
	default:
		err = fmt.Errorf("images cannot be written to %q; write to a registry or oci:DIRECTORY", kind)
	}
	if err != nil {
		return fmt.Errorf("cannot copy the image %.200q to %.200q: %w", s.reference, destination, err)
	}
	return nil
}

func (s *Source) push(ctx context.Context, destination string, o *Options) error {
	ref, err := o.reference(destination)
	if err != nil {
		return err
	}
	options := o.remote(ctx, o.Destination)
	pushing := options
	tell, done := o.progress()
	if tell != nil {
		pushing = append(pushing, remote.WithProgress(tell))
	}
	if s.index != nil {
		err = remote.WriteIndex(ref, s.index, pushing...)
	} else {
		err = remote.Write(ref, s.image, pushing...)
	}
	done(err)
	if err != nil {
		return err
	}
	arrived, err := remote.Head(ref, options...)
	if err != nil {
		return err
	}
	if arrived.Digest != s.digest {
		return fmt.Errorf("the registry has %s in place of %s: somebody else wrote there, or it changes what it is given", arrived.Digest, s.digest)
	}
	return nil
}

// progress passes on what the registry's client tells; done returns when the
// last of it was passed on. The channel is nil if nobody listens.
func (o *Options) progress() (tell chan v1.Update, done func(error)) {
	if o.Progress == nil {
		return nil, func(error) {}
	}
	tell = make(chan v1.Update, 16)
	ended, passed := make(chan struct{}), make(chan struct{})
	var far Progress
	pass := func(u v1.Update) {
		if u.Error == nil {
			far = Progress{Done: u.Complete, Total: u.Total, Attempt: 1}
			o.Progress(far)
		}
	}
	go func() {
		defer close(passed)
		for {
			select {
			case u, open := <-tell:
				if !open {
					return
				}
				pass(u)
			case <-ended: // the client closes the channel only once it has begun
				for {
					select {
					case u, open := <-tell:
						if !open {
							return
						}
						pass(u)
					default:
						return
					}
				}
			}
		}
	}()
	return tell, func(err error) {
		close(ended)
		<-passed
		// The client does not count what a layer's last read gives.
		if err == nil && far.Done != far.Total {
			o.Progress(Progress{Done: far.Total, Total: far.Total, Attempt: 1})
		}
	}
}

// writeLayout puts the image beside those that are there, in place of one with
// the same tag.
func (s *Source) writeLayout(dir, tag string) error {
	to, err := layout.FromPath(dir)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Clean(dir), 0o755); err != nil {
			return err
		}
		to, err = layout.Write(dir, empty.Index)
	}
	if err != nil {
		return err
	}
	same := match.Digests(s.digest)
	var options []layout.Option
	if tag != "" {
		same = match.Name(tag)
		options = append(options, layout.WithAnnotations(map[string]string{refName: tag}))
	}
	if s.index != nil {
		return to.ReplaceIndex(s.index, same, options...)
	}
	return to.ReplaceImage(s.image, same, options...)
}
