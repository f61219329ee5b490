package store

import (
	"slices"
	"time"
)

// serves reports whether r exists, is approved and runs on p.
func (r *Revision) serves(p Platform) bool {
	return r != nil && r.Status == StatusApproved && r.RunsOn(p)
}

// RunsOn reports whether r was built for p or for any architecture. A p
// without a base asks only for the architecture.
func (r *Revision) RunsOn(p Platform) bool {
	return slices.ContainsFunc(r.Platforms, func(own Platform) bool {
		return (own.Architecture == p.Architecture || own.Architecture == AnyArchitecture) &&
			(p.BaseName == "" || own.BaseName == p.BaseName && own.BaseChannel == p.BaseChannel)
	})
}

// override returns what an operator put in place of channel c on platform p,
// nil when nothing that counts: rule 6.
func (f *Facts) override(c Channel, p Platform, at time.Time) *Override {
	var every *Override
	for i := len(f.Overrides) - 1; i >= 0; i-- {
		o := &f.Overrides[i]
		if o.Channel.Normal() != c || o.expired(at) {
			continue
		}
		if r, known := f.Revisions[o.Revision]; known && !r.serves(p) {
			continue
		}
		switch o.Architecture {
		case p.Architecture:
			return o
		case AnyArchitecture:
			if every == nil {
				every = o
			}
		}
	}
	return every
}

func (o *Override) expired(at time.Time) bool { return !o.Expires.IsZero() && !o.Expires.After(at) }

// Named reports whether a release or an override ever made revision n known to
// devices. Others are their publisher's own affair.
func (f *Facts) Named(n int) bool {
	return slices.ContainsFunc(f.Releases, func(r Release) bool { return r.Revision == n }) || f.overridden(n)
}

func (f *Facts) overridden(n int) bool {
	return slices.ContainsFunc(f.Overrides, func(o Override) bool { return o.Revision == n })
}

// Pinned is Named for the revision of a resource, which only releases name.
func (f *Facts) Pinned(pin ResourcePin) bool {
	return slices.ContainsFunc(f.Releases, func(r Release) bool { return slices.Contains(r.Resources, pin) })
}

// newestRelease returns the last fact up to at that names revision n, or nil.
func (f *Facts) newestRelease(n int, at time.Time) *Release {
	for i := len(f.Releases) - 1; i >= 0; i-- {
		if r := &f.Releases[i]; r.Revision == n && !r.At.After(at) {
			return r
		}
	}
	return nil
}

// Attachments returns the resource revisions that pins name, in their order.
// A pin whose resource revision the facts lack is left out.
func (f *Facts) Attachments(pins []ResourcePin) []*ResourceRevision {
	var found []*ResourceRevision
	for _, pin := range pins {
		if r := f.Resources[pin]; r != nil {
			found = append(found, r)
		}
	}
	return found
}
