package inspect

import (
	"errors"
	"fmt"
	"image"
	"io"
)

// Limits of a picture's file. What a package may show is the catalog's rule and
// stricter.
const (
	maxPictureBytes = 16 << 20
	maxSVGBytes     = 512 << 10
)

// Picture says what picture the first size bytes of r are: its media type, and its
// size in pixels, which is zero for an SVG that does not say. It knows PNG, JPEG, GIF
// and SVG. It reads headers only, but all of an SVG, which must not be able to do
// more than be looked at: see checkSVG.
//
// What is no picture gives a ProblemsError; other errors come from reading.
func Picture(r io.ReaderAt, size int64) (mediaType string, width, height int, err error) {
	in := &sectionReader{SectionReader: io.NewSectionReader(r, 0, min(size, maxPictureBytes))}
	mediaType, width, height, why := readPicture(in, size)
	switch {
	case in.failed != nil:
		return "", 0, 0, fmt.Errorf("cannot read the picture: %w", in.failed)
	case why != nil:
		return "", 0, 0, &ProblemsError{Subject: "picture", Problems: []Problem{newProblem(InvalidPicture, "", "%v", why)}}
	}
	return mediaType, width, height, nil
}

func readPicture(in io.ReadSeeker, size int64) (mediaType string, width, height int, err error) {
	if size > maxPictureBytes {
		return "", 0, 0, fmt.Errorf("it has %d bytes, at most %d are read", size, maxPictureBytes)
	}
	switch config, format, err := image.DecodeConfig(in); {
	case err == nil && knownPicture("image/"+format):
		if config.Width < 1 || config.Height < 1 {
			return "", 0, 0, errors.New("it has no pixels")
		}
		return "image/" + format, config.Width, config.Height, nil
	case err == nil:
		return "", 0, 0, fmt.Errorf("it is of the kind %s", format)
	case !errors.Is(err, image.ErrFormat):
		return "", 0, 0, fmt.Errorf("it is broken: %v", err)
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return "", 0, 0, err
	}
	if size > maxSVGBytes {
		return "", 0, 0, errors.New("it is neither PNG, JPEG nor GIF, and too large for SVG")
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return "", 0, 0, err
	}
	width, height, err = checkSVG(text)
	return svgType, width, height, err
}

func knownPicture(mediaType string) bool {
	for _, t := range iconTypes {
		if t.mediaType == mediaType {
			return true
		}
	}
	return false
}

// sectionReader remembers that reading failed, which decoders report as a fault of
// the picture.
type sectionReader struct {
	*io.SectionReader
	failed error
}

func (r *sectionReader) Read(p []byte) (int, error) {
	n, err := r.SectionReader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.failed = err
	}
	return n, err
}
