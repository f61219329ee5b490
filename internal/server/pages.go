package server

import (
	"html/template"
	"net/http"

	"github.com/larder-store/larder/internal/dialect/reply"
)

// pagesName is the mount of the server's own pages.
const pagesName = "server"

// pages is the mount of what is nobody's dialect.
func (s *Server) pages() Mount {
	health := newHealth(s.options.Checks, s.options.CheckTimeout, s.options.Logger)
	return Mount{
		Name:    pagesName,
		Exactly: []string{"/", "/_status/ping", "/_status/check", "/metrics"},
		Handler: reply.Routes(reply.ErrorList, []reply.Route{
			// Device registration asks HEAD / for a 200 and the store version.
			{Pattern: "GET /{$}", Handle: s.serveHome},
			{Pattern: "GET /_status/ping", Handle: s.servePing},
			{Pattern: "GET /_status/check", Handle: health.serve},
			{Pattern: "GET /metrics", Handle: s.metrics.handler().ServeHTTP},
		}),
	}
}

func (s *Server) servePing(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	reply.Bytes(w, http.StatusOK, "text/plain; charset=utf-8", []byte(s.options.Version+"\n"))
}

var homePage = template.Must(template.New("home").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>larder</title>
<style>
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
code { background: #eee; padding: 0 .25rem; }
</style>
</head>
<body>
<h1>larder</h1>
<p>A store for snaps and charms runs here{{with .StoreID}}, as store <code>{{.}}</code>{{end}}. Its clients are
programs; point them at this address.</p>
<ul>
{{range .Links}}<li><a href="{{.Path}}">{{.Text}}</a></li>
{{end}}</ul>
<p>Version {{.Version}}.</p>
</body>
</html>
`))

// link is one of the home page's; it is shown where its path is served.
type link struct{ Path, Text string }

var homeLinks = []link{
	{"/docs/", "documentation"},
	{"/admin/", "administration"},
	{"/_status/check", "health"},
	{"/metrics", "metrics"},
}

func (s *Server) serveHome(w http.ResponseWriter, _ *http.Request) {
	page := struct {
		StoreID, Version string
		Links            []link
	}{StoreID: s.options.StoreID, Version: s.options.Version}
	for _, l := range homeLinks {
		if s.table.find(l.Path) != nil {
			page.Links = append(page.Links, l)
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	// The client may be gone, and there is nobody to tell.
	_ = homePage.Execute(w, page)
}
