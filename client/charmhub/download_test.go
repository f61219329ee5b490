package charmhub

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// announce is what a store says of a file with this content.
func announce(content, url string) Download {
	a, b, c, d := sha256.Sum256([]byte(content)), sha512.Sum384([]byte(content)), sha512.Sum512([]byte(content)), sha3.Sum384([]byte(content))
	return Download{
		URL: url, Size: int64(len(content)), SHA256: hex.EncodeToString(a[:]), SHA384: hex.EncodeToString(b[:]),
		SHA512: hex.EncodeToString(c[:]), SHA3_384: hex.EncodeToString(d[:]),
	}
}

func TestDownload(t *testing.T) {
	content := strings.Repeat("charm ", 30_000)
	wrong := strings.Repeat("0", 96)
	tests := []struct {
		name    string
		change  func(*Download)
		partial string // what an earlier try left
		serve   string // in place of the content
		want    error
	}{
		{name: "all digests"},
		{name: "SHA-256 only", change: func(d *Download) { *d = Download{URL: d.URL, Size: d.Size, SHA256: strings.ToUpper(d.SHA256)} }},
		{name: "SHA-384 only", change: func(d *Download) { *d = Download{URL: d.URL, Size: d.Size, SHA384: d.SHA384} }},
		{name: "continued", partial: content[:70_000]},
		{name: "continued from something else", partial: "something else"},
		{name: "partial file too long", partial: content + "x"},
		{name: "wrong SHA-384", change: func(d *Download) { d.SHA384 = wrong }, want: ErrWrongDigest},
		{name: "wrong SHA-256 beside a right SHA-384", change: func(d *Download) { d.SHA256 = wrong[:64] }, want: ErrWrongDigest},
		{name: "wrong SHA3-384", change: func(d *Download) { d.SHA3_384 = wrong }, want: ErrWrongDigest},
		{name: "longer", serve: content + "x", want: ErrWrongDigest},
		{name: "same length, other bytes", serve: strings.Replace(content, "charm", "harm!", 1), want: ErrWrongDigest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newFakeStore(t)
			s.Mux.HandleFunc("GET /f", func(w http.ResponseWriter, r *http.Request) {
				body := content
				if tt.serve != "" {
					body = tt.serve
				}
				http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body))
			})
			what := announce(content, s.URL+"/f")
			if tt.change != nil {
				tt.change(&what)
			}
			file := filepath.Join(t.TempDir(), "bake.charm")
			if tt.partial != "" {
				must(t, os.WriteFile(file+".partial", []byte(tt.partial), 0o600))
			}
			var last Progress
			err := s.consumer().Download(t.Context(), what, file, func(p Progress) { last = p })
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v", err)
			}
			got, err := os.ReadFile(file)
			if tt.want != nil {
				if !errors.Is(err, os.ErrNotExist) {
					t.Errorf("something is left: %v", err)
				}
				return
			}
			if err != nil || string(got) != content || last.Done != what.Size || last.Total != what.Size {
				t.Errorf("got %d bytes, progress %+v, %v", len(got), last, err)
			}
			if tt.name == "continued" && s.All()[0].Header.Get("Range") != "bytes=70000-" {
				t.Errorf("asked for %q", s.All()[0].Header.Get("Range"))
			}
		})
	}
}

// TestDownloadGoesOn where a connection broke off.
func TestDownloadGoesOn(t *testing.T) {
	s := newFakeStore(t)
	content := strings.Repeat("0123456789", 5000)
	s.Mux.HandleFunc("GET /f", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			w.Header().Set("Content-Length", "50000")
			_, _ = w.Write([]byte(content[:20_000]))
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	})
	file := filepath.Join(t.TempDir(), "f")
	must(t, s.consumer().Download(t.Context(), announce(content, s.URL+"/f"), file, nil))
	if got, err := os.ReadFile(file); err != nil || string(got) != content || s.Last().Header.Get("Range") == "" {
		t.Errorf("got %d bytes, %v, range %q", len(got), err, s.Last().Header.Get("Range"))
	}
}

// TestDownloadNeeds are told before anything is asked.
func TestDownloadNeeds(t *testing.T) {
	right := announce("x", "https://store.example/f")
	for name, what := range map[string]Download{
		"no digest":     {URL: right.URL, Size: 1},
		"SHA3 only":     {URL: right.URL, Size: 1, SHA3_384: right.SHA3_384},
		"negative size": {URL: right.URL, Size: -1, SHA256: right.SHA256},
		"no address":    {Size: 1, SHA256: right.SHA256},
		"a path":        {URL: "/f", Size: 1, SHA256: right.SHA256},
		"no number":     {URL: right.URL, Size: 1, SHA256: strings.Repeat("z", 64)},
		"short digest":  {URL: right.URL, Size: 1, SHA384: right.SHA256},
	} {
		file := filepath.Join(t.TempDir(), "f")
		if err := (&Consumer{}).Download(t.Context(), what, file, nil); err == nil || errors.As(err, new(*NetworkError)) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(file + ".partial"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a file was made", name)
		}
	}
}

func TestFileNames(t *testing.T) {
	for got, want := range map[string]string{
		Entity{Name: "bake", Revision: 7, Type: "charm"}.FileName():                        "bake_r7.charm",
		Entity{Name: "../../etc/x", Revision: 7, Type: "charm/../y"}.FileName():            "_.._etc_x_r7.charm_.._y",
		DeployedResource{Name: "image", Revision: 0}.FileName():                            "resource_image_r0",
		DeployedResource{Name: "data", Revision: 3, Filename: "data.tgz"}.FileName():       "resource_data_r3_data.tgz",
		DeployedResource{Name: "data", Revision: 3, Filename: "../a\\b\x00c:d"}.FileName(): "resource_data_r3_.._a_b_c_d",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
