package inspect_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/inspect"
)

// encoded makes a picture of each kind, 48 by 32 pixels.
func encoded(t testing.TB) map[string]string {
	t.Helper()
	img := image.NewPaletted(image.Rect(0, 0, 48, 32), color.Palette{color.Black, color.White})
	kinds := map[string]string{}
	for kind, encode := range map[string]func(b *bytes.Buffer) error{
		"image/png":  func(b *bytes.Buffer) error { return png.Encode(b, img) },
		"image/jpeg": func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) },
		"image/gif":  func(b *bytes.Buffer) error { return gif.Encode(b, img, nil) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		kinds[kind] = b.String()
	}
	return kinds
}

func picture(text string) (string, error) {
	mediaType, width, height, err := inspect.Picture(strings.NewReader(text), int64(len(text)))
	return fmt.Sprintf("%s %dx%d", mediaType, width, height), err
}

func TestPictureKnowsWhatItIs(t *testing.T) {
	for mediaType, text := range encoded(t) {
		if got, err := picture(text); err != nil || got != mediaType+" 48x32" {
			t.Errorf("%s: got %s, %v", mediaType, got, err)
		}
	}
	const ns = `xmlns="http://www.w3.org/2000/svg"`
	for _, c := range []struct{ text, want string }{
		{`<svg ` + ns + ` width="64px" height="32"/>`, "64x32"},
		{`<svg ` + ns + ` viewBox="0 0 24 12"/>`, "24x12"},
		{`<svg ` + ns + ` width="100%" height="100%" viewBox="0,0,24.4,12.6"/>`, "24x13"},
		{`<svg ` + ns + ` width="10mm" height="10mm"/>`, "0x0"},
		{`<svg ` + ns + ` viewBox="0 0 -1 1e999"/>`, "0x0"},
		{"\ufeff" + `<?xml version="1.0" encoding="UTF-8"?><!-- x --><svg/>`, "0x0"},
	} {
		if got, err := picture(c.text); err != nil || got != "image/svg+xml "+c.want {
			t.Errorf("%s: got %s, %v", c.text, got, err)
		}
	}
}

func TestPictureThatIsNone(t *testing.T) {
	kinds := encoded(t)
	header := kinds["image/png"][:33]
	for name, text := range map[string]string{
		"nothing":            "",
		"text":               "hello",
		"html":               "<!DOCTYPE html><html></html>",
		"cut png":            header[:20],
		"png without pixels": header[:16] + "\x00\x00\x00\x00" + header[20:],
		"cut jpeg":           kinds["image/jpeg"][:10],
		"cut gif":            kinds["image/gif"][:8],
		"webp":               "RIFF\x24\x00\x00\x00WEBPVP8 ",
		"bmp":                "BM\x00\x00",
		"too long an svg":    "<svg>" + strings.Repeat(" ", 1<<20) + "</svg>",
		"too long a png":     kinds["image/png"] + strings.Repeat("x", 16<<20),
		"two pictures":       "<svg/><svg/>",
		"unfinished":         "<svg><g></svg>",
		"no utf-8":           "<?xml version='1.0' encoding='latin1'?><svg/>",
		"utf-16":             "\xff\xfe<\x00s\x00v\x00g\x00/\x00>\x00",
		"another namespace":  `<svg xmlns="urn:x"/>`,
		"deep":               strings.Repeat("<svg>", 300) + strings.Repeat("</svg>", 300),
	} {
		_, err := picture(text)
		var problems *inspect.ProblemsError
		if !errors.As(err, &problems) || problems.Problems[0].Code != inspect.InvalidPicture {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestPictureSaysThatReadingFailed(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "picture"))
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	var problems *inspect.ProblemsError
	if _, _, _, err := inspect.Picture(file, 100); err == nil || errors.As(err, &problems) || !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// What drawing programs write is fine.
func TestSVGOfDrawingPrograms(t *testing.T) {
	for name, text := range map[string]string{
		"inkscape": `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
			<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
			<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:cc="http://creativecommons.org/ns#"
				xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"
				inkscape:export-filename="C:\Users\me\icon.png" width="48" height="48">
			<metadata><rdf:RDF><cc:Work rdf:about=""><cc:license rdf:resource="http://creativecommons.org/licenses/by/4.0/"/></cc:Work></rdf:RDF></metadata>
			<defs><linearGradient id="a"><stop offset="0" style="stop-color:#fff;stop-opacity:1"/></linearGradient>
			<linearGradient id="b" xlink:href="#a"/></defs>
			<g style="fill:url(#b)" clip-path="url('#c')" filter="url( #f )"><use href="#x"/></g>
			<image xlink:href="data:image/png;base64,iVBORw0KGgo="/></svg>`,
		"style sheet": `<svg xmlns="http://www.w3.org/2000/svg"><style type="text/css"><![CDATA[ .a{fill:url(#b)} @font-face{font-family:x;src:local("y")} ]]></style></svg>`,
		"animation":   `<svg><circle r="1"><animate attributeName="r" from="1" to="5" dur="1s"/></circle></svg>`,
		"packet":      `<svg><?xpacket begin='' id=''?></svg>`,
	} {
		if got, err := picture(text); err != nil {
			t.Errorf("%s: got %s, %v", name, got, err)
		}
	}
}

func TestSVGThatDoesMoreThanBeLookedAt(t *testing.T) {
	const ns = ` xmlns:xlink="http://www.w3.org/1999/xlink"`
	for _, inside := range []string{
		`<script>alert(1)</script>`,
		`<SCRIPT/>`,
		`<s:script xmlns:s="http://www.w3.org/2000/svg"/>`,
		`<x:script xmlns:x="urn:x"/>`,
		`<foreignObject><p/></foreignObject>`,
		`<iframe src="#"/>`,
		`<handler type="application/ecmascript"/>`,
		`<p xmlns="http://www.w3.org/1999/xhtml"/>`,
		`<g onclick="alert(1)"/>`,
		`<g ONLOAD="alert(1)"/>`,
		`<g x:onload="alert(1)" xmlns:x="urn:x"/>`,
		`<a href="javascript:alert(1)"/>`,
		`<a xlink:href="&#106;avascript:alert(1)"/>`,
		`<a xlink:href=" https://example.com/"/>`,
		`<image href="https://example.com/pixel.png"/>`,
		`<image xlink:href="//example.com/pixel.png"/>`,
		`<image href="pixel.png"/>`,
		`<use href="other.svg#a"/>`,
		`<use href="data:image/svg+xml;base64,PHN2Zz4="/>`,
		`<image href="data:text/html,x"/>`,
		`<g xml:base="https://example.com/"/>`,
		`<set attributeName="href" to="javascript:alert(1)"/>`,
		`<animate attributeName=" xlink:href" values="javascript:alert(1)"/>`,
		`<set attributeName="onclick" to="alert(1)"/>`,
		`<g style="fill:url(https://example.com/a)"/>`,
		`<g fill="url('//example.com/a#b')"/>`,
		`<g fill="URL( &quot;x.svg#a&quot; )"/>`,
		`<g fill="u\72l(https://example.com)"/>`,
		`<g fill="url()"/>`,
		`<g fill="url(#a) url(http://example.com)"/>`,
		`<style>@import "https://example.com/a.css";</style>`,
		`<style>a{background:image-set("https://example.com/a.png" 1x)}</style>`,
		`<style>a{background:ur<!-- -->l(https://example.com/a.png)}</style>`,
		`<style>a{background:ur<![CDATA[l(https://example.com/a.png)]]>}</style>`,
		`<style><g>@imp</g>ort "x";</style>`,
		`<?xml-stylesheet href="https://example.com/a.css"?>`,
		`&x;`,
	} {
		_, err := picture(`<svg` + ns + `>` + inside + `</svg>`)
		var problems *inspect.ProblemsError
		if !errors.As(err, &problems) || problems.Problems[0].Code != inspect.InvalidPicture {
			t.Errorf("%s: got %v", inside, err)
		}
	}
	for _, before := range []string{
		`<!DOCTYPE svg [<!ENTITY x "y">]>`,
		`<!ENTITY x "y">`,
		`<?xml-stylesheet href="https://example.com/a.css"?>`,
	} {
		if _, err := picture(before + `<svg/>`); err == nil {
			t.Errorf("%s was accepted", before)
		}
	}
}

func FuzzPicture(f *testing.F) {
	for _, text := range encoded(f) {
		f.Add([]byte(text))
	}
	f.Add([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><style>a{fill:url(#b)}</style><use href="#a"/></svg>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		mediaType, width, height, err := inspect.Picture(bytes.NewReader(data), int64(len(data)))
		var problems *inspect.ProblemsError
		switch {
		case err != nil && (!errors.As(err, &problems) || mediaType != "" || len(err.Error()) > 2000):
			t.Errorf("got %q, %v", mediaType, err)
		case err == nil && (mediaType == "" || width < 0 || height < 0 || mediaType != "image/svg+xml" && width*height == 0):
			t.Errorf("got %s %dx%d", mediaType, width, height)
		case mediaType == "image/svg+xml" && (bytes.Contains(data, []byte("<script")) && !bytes.Contains(data, []byte("<!")) && !bytes.Contains(data, []byte("<?")) && !bytes.ContainsAny(data, `"'`)):
			t.Errorf("a script passed")
		}
	})
}
