package inspect

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
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
	{".svg", svgType},
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
		err = icon.measure()
		if err == nil {
			return icon, nil
		}
		f.warn(InvalidIcon, name, "left out: %v", err)
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

// measure reads the size from the file's header and says why the content cannot be
// shown as the media type.
func (i *Icon) measure() error {
	if i.MediaType == svgType {
		var err error
		i.Width, i.Height, err = checkSVG(i.Data)
		return err
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(i.Data))
	if err != nil || "image/"+format != i.MediaType {
		return fmt.Errorf("it is no %s", i.MediaType)
	}
	i.Width, i.Height = config.Width, config.Height
	return nil
}
