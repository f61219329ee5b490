package inspect

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

const (
	svgType      = "image/svg+xml"
	svgNamespace = "http://www.w3.org/2000/svg"
	maxSVGDepth  = 256
)

// activeElements run something or bring another document in, whatever namespace
// they claim. Lower case: what is inlined into HTML is read without regard to it.
var activeElements = []string{
	"script", "foreignobject", "handler", "listener", "iframe", "frame", "object", "embed", "applet", "audio", "video",
	"link", "meta", "base", "form", "input", "html", "body",
}

// loadingCSS fetches or runs something. That url() does is checked by what it names.
var loadingCSS = []string{"@import", "expression(", "image-set(", "image(", "src(", "cross-fade(", "javascript:", "behavior:", "-moz-binding"}

// embeddedPictures begin the data: URLs that hold nothing but a picture.
var embeddedPictures = []string{"data:image/png;", "data:image/jpeg;", "data:image/jpg;", "data:image/gif;", "data:image/webp;"}

// checkSVG says whether text is an SVG picture that is safe to show in a browser as a
// document of its own, and how many pixels it asks for (0: it does not say).
//
// It refuses scripts, event attributes, foreign documents, declared entities, style
// sheets from elsewhere, and every reference that is not to a part of the picture
// itself or an embedded picture.
func checkSVG(text []byte) (width, height int, err error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	w := svgWalker{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, 0, fmt.Errorf("it is no picture, or its XML is broken: %v", err)
		}
		if err := w.take(token); err != nil {
			return 0, 0, err
		}
	}
	if w.root == nil {
		return 0, 0, errors.New("it is no picture")
	}
	width, height = svgSize(w.root)
	return width, height, nil
}

// svgWalker sees the tokens of a document in order.
type svgWalker struct {
	root  *xml.StartElement
	depth int
	// css is the text of the style element that began at depth inStyle; 0 is none.
	css     strings.Builder
	inStyle int
}

func (w *svgWalker) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return w.open(t)
	case xml.EndElement:
		if w.inStyle == w.depth && w.depth > 0 {
			w.inStyle = 0
			if err := checkCSS(w.css.String()); err != nil {
				return err
			}
			w.css.Reset()
		}
		w.depth--
	case xml.CharData:
		if w.inStyle > 0 {
			w.css.Write(t)
		}
	case xml.Directive:
		// A document type by name is common and never fetched; one that declares
		// entities could hide anything.
		if bytes.ContainsAny(t, "[") || !bytes.HasPrefix(bytes.ToUpper(t), []byte("DOCTYPE")) {
			return errors.New("it declares entities")
		}
	case xml.ProcInst:
		if target := strings.ToLower(t.Target); target != "xml" && strings.HasPrefix(target, "xml") {
			return errors.New("it names a style sheet")
		}
	}
	return nil
}

func (w *svgWalker) open(e xml.StartElement) error {
	if w.depth++; w.depth > maxSVGDepth {
		return fmt.Errorf("it nests deeper than %d", maxSVGDepth)
	}
	name := strings.ToLower(e.Name.Local)
	switch {
	case w.depth == 1 && w.root != nil:
		return errors.New("it has more than one picture")
	case w.depth == 1 && (e.Name.Local != "svg" || e.Name.Space != "" && e.Name.Space != svgNamespace):
		return fmt.Errorf("it is no picture: it begins with <%.40s>", e.Name.Local)
	case slices.Contains(activeElements, name) || strings.HasSuffix(e.Name.Space, "/xhtml"):
		return fmt.Errorf("it has the element %.40s, which can do more than be looked at", e.Name.Local)
	}
	if w.depth == 1 {
		root := e.Copy()
		w.root = &root
	}
	if name == "style" && w.inStyle == 0 {
		w.inStyle = w.depth
	}
	for _, a := range e.Attr {
		if err := checkSVGAttribute(a); err != nil {
			return err
		}
	}
	return nil
}

func checkSVGAttribute(a xml.Attr) error {
	switch name := strings.ToLower(a.Name.Local); {
	case a.Name.Space == "xmlns" || a.Name.Space == "" && name == "xmlns":
		return nil
	case strings.HasPrefix(name, "on"):
		return fmt.Errorf("it has the event attribute %.40s", a.Name.Local)
	case name == "base":
		return errors.New("it changes what its references are to")
	case name == "attributename":
		// Animation could set what is refused when it stands there plainly.
		_, target, _ := strings.Cut(":"+strings.ToLower(strings.TrimSpace(a.Value)), ":")
		if strings.HasSuffix(target, "href") || strings.HasPrefix(target, "on") {
			return fmt.Errorf("it animates %.40q", a.Value)
		}
	case name == "href" || name == "src":
		if !harmlessReference(a.Value) {
			return fmt.Errorf("it refers to %.80q, outside of the picture", a.Value)
		}
	case a.Name.Space == "":
		return checkCSS(a.Value) // style, fill, filter, mask and so on
	}
	return nil
}

// harmlessReference accepts what is in the picture itself.
func harmlessReference(to string) bool {
	to = strings.ToLower(strings.TrimSpace(to))
	return to == "" || to[0] == '#' || slices.ContainsFunc(embeddedPictures, func(p string) bool { return strings.HasPrefix(to, p) })
}

// checkCSS reads a style sheet, a list of declarations, or a value. Escapes are
// refused, since they spell any of the other words.
func checkCSS(text string) error {
	css := strings.ToLower(text)
	if strings.Contains(css, `\`) {
		return errors.New("its style has escapes")
	}
	for _, word := range loadingCSS {
		if strings.Contains(css, word) {
			return fmt.Errorf("its style has %s", word)
		}
	}
	for {
		_, rest, found := strings.Cut(css, "url(")
		if !found {
			return nil
		}
		to := strings.TrimLeft(rest, " \t\r\n\f\"'")
		if to == "" || to[0] == ')' || !harmlessReference(to) {
			return fmt.Errorf("its style refers to %.80q, outside of the picture", to)
		}
		css = rest
	}
}

// svgSize is the size that the root asks for, else that of what it shows.
func svgSize(root *xml.StartElement) (width, height int) {
	var box []string
	for _, a := range root.Attr {
		switch a.Name.Local {
		case "width":
			width = pixels(a.Value)
		case "height":
			height = pixels(a.Value)
		case "viewBox":
			box = strings.FieldsFunc(a.Value, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\n' || r == '\r' })
		}
	}
	if (width == 0 || height == 0) && len(box) == 4 {
		if w, h := pixels(box[2]), pixels(box[3]); w > 0 && h > 0 {
			return w, h
		}
	}
	return width, height
}

// pixels reads a number of pixels and rounds it; other units are not converted.
func pixels(s string) int {
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(s), "px"), 64)
	if err != nil || !(n >= 1 && n <= 1<<16) {
		return 0
	}
	return int(math.Round(n))
}
