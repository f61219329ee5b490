package store

import (
	"fmt"
	"strings"
	"testing"
)

// mediaOf reads "<kind> <type> <width>x<height> <bytes>", a medium each.
func mediaOf(t *testing.T, lines ...string) []Medium {
	t.Helper()
	var list []Medium
	for _, line := range lines {
		var m Medium
		if _, err := fmt.Sscanf(line, "%s %s %dx%d %d", &m.Kind, &m.ContentType, &m.Width, &m.Height, &m.Size); err != nil {
			t.Fatal(line, err)
		}
		list = append(list, m)
	}
	return list
}

func TestCheckMedia(t *testing.T) {
	shot := "screenshot image/png 1920x1080 900000"
	for _, c := range []struct {
		media []string
		want  string
	}{
		{nil, ""},
		{[]string{"icon image/png 256x256 20000", shot, shot, shot, shot, shot, "banner image/jpeg 1920x640 2000000"}, ""},
		// How many.
		{[]string{shot, shot, shot, shot, shot, shot}, "media-too-many-items"},
		{[]string{"icon image/png 256x256 20000", "icon image/png 256x256 20000"}, "media-too-many-items"},
		{[]string{"banner image/png 720x240 1", "banner image/png 720x240 1"}, "media-too-many-items"},
		// What.
		{[]string{"icon image/jpeg 40x40 1"}, ""},
		{[]string{"icon image/svg+xml 48x48 1"}, ""},
		{[]string{"icon image/gif 256x256 1"}, "media-unsupported-type"},
		{[]string{"icon text/html 256x256 1"}, "media-unsupported-type"},
		{[]string{"screenshot image/gif 800x600 1"}, ""},
		{[]string{"screenshot image/svg+xml 800x600 1"}, "media-unsupported-type"},
		{[]string{"banner image/gif 720x240 1"}, "media-unsupported-type"},
		{[]string{"video image/png 720x240 1"}, "media-unsupported-type"},
		// How big a file.
		{[]string{"icon image/png 256x256 256000"}, ""},
		{[]string{"icon image/png 256x256 256001"}, "media-file-size-too-big"},
		{[]string{"icon image/svg+xml 256x256 256001"}, "media-file-size-too-big"},
		{[]string{"screenshot image/png 800x600 2000001"}, "media-file-size-too-big"},
		{[]string{"banner image/png 720x240 2000001"}, "media-file-size-too-big"},
		// How many pixels.
		{[]string{"icon image/png 512x512 1"}, ""},
		{[]string{"icon image/png 513x513 1"}, "media-invalid-resolution"},
		{[]string{"icon image/png 39x39 1"}, "media-invalid-resolution"},
		{[]string{"icon image/png 0x0 1"}, "media-invalid-resolution"},
		{[]string{"icon image/svg+xml 0x0 1"}, ""},
		{[]string{"icon image/svg+xml 16x16 1"}, ""},
		{[]string{"icon image/svg+xml 2000x2000 1"}, ""},
		{[]string{"screenshot image/png 480x480 1"}, ""},
		{[]string{"screenshot image/png 479x480 1"}, "media-invalid-resolution"},
		{[]string{"screenshot image/png 3840x2160 1"}, ""},
		{[]string{"screenshot image/png 3841x2160 1"}, "media-invalid-resolution"},
		{[]string{"screenshot image/png 3840x2161 1"}, "media-invalid-resolution"},
		{[]string{"banner image/png 720x240 1"}, ""},
		{[]string{"banner image/png 4320x1440 1"}, ""},
		{[]string{"banner image/png 717x239 1"}, "media-invalid-resolution"},
		// Which shape.
		{[]string{"icon image/png 256x255 1"}, "media-invalid-aspect-ratio"},
		{[]string{"icon image/png 255x256 1"}, "media-invalid-aspect-ratio"},
		{[]string{"icon image/svg+xml 48x24 1"}, "media-invalid-aspect-ratio"},
		{[]string{"screenshot image/png 960x480 1"}, ""},
		{[]string{"screenshot image/png 480x960 1"}, ""},
		{[]string{"screenshot image/png 970x480 1"}, "media-invalid-aspect-ratio"},
		{[]string{"screenshot image/png 480x970 1"}, "media-invalid-aspect-ratio"},
		{[]string{"banner image/png 1000x333 1"}, ""},
		{[]string{"banner image/png 1000x334 1"}, ""},
		{[]string{"banner image/png 1000x335 1"}, "media-invalid-aspect-ratio"},
		{[]string{"banner image/png 1000x332 1"}, "media-invalid-aspect-ratio"},
		{[]string{"banner image/png 960x480 1"}, "media-invalid-aspect-ratio"},
		// Any of them.
		{[]string{shot, "icon image/png 1x1 1"}, "media-invalid-resolution"},
	} {
		err := CheckMedia(mediaOf(t, c.media...))
		if CodeOf(err) != c.want || err != nil && KindOf(err) != KindInvalid {
			t.Errorf("%q: got %v, want %s", c.media, err, c.want)
		}
	}
}

func TestMediaErrorsSayWhatIsAllowed(t *testing.T) {
	err := CheckMedia(mediaOf(t, "screenshot image/png 100x100 1"))
	want := "a screenshot is of image/png, image/jpeg, image/gif, has up to 2000000 bytes and 480 x 480 to 3840 x 2160 pixels, between 1:2 and 2:1"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func TestNoMediumRulePassesTheLimitOfAll(t *testing.T) {
	for _, r := range mediaRules {
		if r.bytes > MaxMediumBytes {
			t.Errorf("%s: %d bytes", r.kind, r.bytes)
		}
	}
}
