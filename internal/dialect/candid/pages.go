package candid

import (
	"bytes"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/larder-store/larder/internal/dialect/reply"
)

//go:embed pages
var pageFiles embed.FS

// pages are the templates, one per page, each with the layout around it.
var pages = func() map[string]*template.Template {
	layout := template.Must(template.ParseFS(pageFiles, "pages/layout.html"))
	files, err := pageFiles.ReadDir("pages")
	if err != nil {
		panic(err) // they are part of the program
	}
	all := make(map[string]*template.Template)
	for _, f := range files {
		if name := f.Name(); name != "layout.html" && name != "style.css" {
			all[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, "pages/"+name))
		}
	}
	return all
}()

// page is what every page has.
type page struct {
	Title string
	Error string // what went wrong with the form before
	CSRF  string // to be sent back with a form
	Body  any
}

// show answers with a page. Where its forms may lead besides here is for the
// browser to hold to.
func show(w http.ResponseWriter, r *http.Request, status int, name string, p page, leadsTo ...string) {
	var b bytes.Buffer
	if err := pages[name].ExecuteTemplate(&b, "layout.html", p); err != nil {
		slog.ErrorContext(r.Context(), "cannot write a page", "page", name, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	actions := "'self'"
	for _, to := range leadsTo {
		if u, err := url.Parse(to); err == nil && u.Host != "" {
			actions += " " + u.Scheme + "://" + u.Host
		}
	}
	guard(w.Header(), actions)
	reply.Bytes(w, status, "text/html; charset=utf-8", b.Bytes())
}

// guard keeps other pages from framing this one, and scripts out of it.
func guard(h http.Header, actions string) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; "+
		"form-action "+actions+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY") // of browsers that do not know frame-ancestors
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// failPage answers a browser with what went wrong.
func failPage(w http.ResponseWriter, r *http.Request, err error) {
	reply.Fail(w, r, func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
		f = statused(f)
		show(w, r, f.Status, "sorry.html", page{Title: "Sorry", Body: f.Message})
	}, err)
}

func (a *api) style(w http.ResponseWriter, r *http.Request) {
	text, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=600")
	reply.Bytes(w, http.StatusOK, "text/css; charset=utf-8", text)
}
