package inspect

import (
	"bytes"
	"context"
	"encoding/xml"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"strconv"
	"strings"

	"github.com/larder-store/larder/internal/inspect/squashfs"
)

// Icon is the picture that shops show for a snap.
type Icon struct {
	Path          string // in the image
	MediaType     string
	Width, Height int // pixels; zero when the file does not say
	Data          []byte
}

// iconTypes by file name extension, as it stands behind "icon".
var iconTypes = []struct{ extension, mediaType string }{
	{".png", "image/png"},
	{".svg", "image/svg+xml"},
	{".jpg", "image/jpeg"},
	{".jpeg", "image/jpeg"},
	{".gif", "image/gif"},
}

// readIcon takes the first icon that is what its name says.
func readIcon(ctx context.Context, im *squashfs.Image, gui []squashfs.Entry, limits Limits, f *findings) (*Icon, error) {
	for _, e := range gui {
		mediaType := iconType(e)
		if mediaType == "" {
			continue
		}
		name := guiDir + "/" + e.Name
		data, err := readOptional(ctx, im, name, limits.IconBytes, InvalidIcon, f)
		if err != nil {
			return nil, err
		}
		if len(data) == 0 {
			continue
		}
		icon := &Icon{Path: name, MediaType: mediaType, Data: data}
		if icon.measure() {
			return icon, nil
		}
		f.warn(InvalidIcon, name, "left out: it is no %s", mediaType)
	}
	return nil, nil
}

func iconType(e squashfs.Entry) string {
	if !strings.HasPrefix(e.Name, "icon.") {
		return ""
	}
	for _, t := range iconTypes {
		if e.Name == "icon"+t.extension && hasSuffix(e, t.extension) {
			return t.mediaType
		}
	}
	return ""
}

// measure reads the size from the file's header and says whether the content is of
// the media type.
func (i *Icon) measure() bool {
	if i.MediaType == "image/svg+xml" {
		return i.measureSVG()
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(i.Data))
	if err != nil || "image/"+format != i.MediaType {
		return false
	}
	i.Width, i.Height = config.Width, config.Height
	return true
}

func (i *Icon) measureSVG() bool {
	d := xml.NewDecoder(bytes.NewReader(i.Data))
	for {
		token, err := d.RawToken()
		if err != nil {
			return false
		}
		root, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range root.Attr {
			switch a.Name.Local {
			case "width":
				i.Width = pixels(a.Value)
			case "height":
				i.Height = pixels(a.Value)
			}
		}
		return root.Name.Local == "svg"
	}
}

// pixels reads a whole number of pixels; other units are not converted.
func pixels(s string) int {
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(s), "px"), 64)
	if err != nil || !(n >= 1 && n <= 1<<16) {
		return 0
	}
	return int(n)
}
