package store

import (
	"fmt"
	"slices"
	"strings"
)

// Kinds of media.
const (
	MediumIcon       = "icon"
	MediumScreenshot = "screenshot"
	MediumBanner     = "banner"
)

// svgType is the media type of pictures without pixels: resolutions do not
// apply to them, and aspect ratios only where the file says its size.
const svgType = "image/svg+xml"

// mediaRule bounds the pictures of one kind.
type mediaRule struct {
	kind                 string
	most                 int   // of a package
	bytes                int64 // of one
	types                []string
	minWidth, maxWidth   int // pixels
	minHeight, maxHeight int
	narrowest, widest    ratio
}

// ratio is width to height.
type ratio struct{ width, height int }

// mediaRules are those of the public store, so that a listing can move there:
// the web pages of snapcraft.io hold uploads to these sizes and ratios, and
// its documentation names up to five screenshots.
var mediaRules = []mediaRule{
	{
		kind: MediumIcon, most: 1, bytes: 256_000, types: []string{"image/png", "image/jpeg", svgType},
		minWidth: 40, maxWidth: 512, minHeight: 40, maxHeight: 512, narrowest: ratio{1, 1}, widest: ratio{1, 1},
	},
	{
		kind: MediumScreenshot, most: 5, bytes: 2_000_000, types: []string{"image/png", "image/jpeg", "image/gif"},
		minWidth: 480, maxWidth: 3840, minHeight: 480, maxHeight: 2160, narrowest: ratio{1, 2}, widest: ratio{2, 1},
	},
	{
		kind: MediumBanner, most: 1, bytes: 2_000_000, types: []string{"image/png", "image/jpeg"},
		minWidth: 720, maxWidth: 4320, minHeight: 240, maxHeight: 1440, narrowest: ratio{3, 1}, widest: ratio{3, 1},
	},
}

// MaxMediumBytes is the most bytes that any picture may have.
const MaxMediumBytes = 2_000_000

// CheckMedia says whether these may be a package's media: how many of each
// kind, and for each its type, size, resolution and aspect ratio, as inspected.
// The codes are those of the public store.
func CheckMedia(media []Medium) error {
	count := make(map[string]int)
	for i := range media {
		m := &media[i]
		at := slices.IndexFunc(mediaRules, func(r mediaRule) bool { return r.kind == m.Kind })
		if at < 0 {
			return Invalidf("media-unsupported-type", "%.40q is no kind of medium", m.Kind).Try("use icon, screenshot or banner")
		}
		rule := &mediaRules[at]
		if count[m.Kind]++; count[m.Kind] > rule.most {
			return Invalidf("media-too-many-items", "a package has at most %d %s", rule.most, rule.plural())
		}
		if err := rule.check(m); err != nil {
			return err.Try(rule.String())
		}
	}
	return nil
}

func (r *mediaRule) plural() string {
	if r.most == 1 {
		return r.kind
	}
	return r.kind + "s"
}

func (r *mediaRule) check(m *Medium) *Error {
	switch {
	case !slices.Contains(r.types, m.ContentType):
		return Invalidf("media-unsupported-type", "the %s is of type %.60q", r.kind, m.ContentType)
	case m.Size > r.bytes:
		return Invalidf("media-file-size-too-big", "the %s has %d bytes, at most %d are allowed", r.kind, m.Size, r.bytes)
	}
	vector := m.ContentType == svgType
	if vector && (m.Width <= 0 || m.Height <= 0) {
		return nil
	}
	if !vector && (m.Width < r.minWidth || m.Width > r.maxWidth || m.Height < r.minHeight || m.Height > r.maxHeight) {
		return Invalidf("media-invalid-resolution", "the %s has %d x %d pixels", r.kind, m.Width, m.Height)
	}
	if !r.holds(m.Width, m.Height) {
		return Invalidf("media-invalid-aspect-ratio", "the %s has %d x %d pixels, which is not %s", r.kind, m.Width, m.Height, r.ratios())
	}
	return nil
}

// holds compares ratios without dividing. A height that is not a whole number of
// pixels may be rounded.
func (r *mediaRule) holds(width, height int) bool {
	w, h := int64(width), int64(height)
	return w*int64(r.narrowest.height) > (h-1)*int64(r.narrowest.width) &&
		w*int64(r.widest.height) < (h+1)*int64(r.widest.width)
}

func (r *mediaRule) ratios() string {
	if r.narrowest == r.widest {
		return fmt.Sprintf("%d:%d", r.widest.width, r.widest.height)
	}
	return fmt.Sprintf("between %d:%d and %d:%d", r.narrowest.width, r.narrowest.height, r.widest.width, r.widest.height)
}

func (r *mediaRule) String() string {
	return fmt.Sprintf("a %s is of %s, has up to %d bytes and %d x %d to %d x %d pixels, %s",
		r.kind, strings.Join(r.types, ", "), r.bytes, r.minWidth, r.minHeight, r.maxWidth, r.maxHeight, r.ratios())
}
