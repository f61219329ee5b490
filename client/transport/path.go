package transport

import (
	"net/url"
	"strings"
)

// Path is a path of these elements, each escaped so that a name cannot leave its
// place: Path("v1", "a/b", "..") is "/v1/a%2Fb/%2E%2E".
func Path(elements ...string) string {
	var b strings.Builder
	for _, e := range elements {
		b.WriteString("/")
		if e == "." || e == ".." {
			b.WriteString(strings.ReplaceAll(e, ".", "%2E"))
			continue
		}
		b.WriteString(url.PathEscape(e))
	}
	return b.String()
}
