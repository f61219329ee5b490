package gateway

import (
	"math"
	"net/http"
	"strconv"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (g *Gateway) trackRoutes(path string) []reply.Route {
	return []reply.Route{{Pattern: "POST " + path + "/{name}/tracks", Handle: g.createTracks}}
}

// maxTracks bounds a request that creates tracks, bytes.
const maxTracks = 256 << 10

func (g *Gateway) createTracks(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, http.StatusCreated, func(who store.Principal) (any, error) {
		var request []struct {
			Name    string `json:"name"`
			Pattern string `json:"version-pattern"` // null is none
			Phasing number `json:"automatic-phasing-percentage"`
		}
		if err := reply.Decode(w, r, maxTracks, &request); err != nil {
			return nil, err
		}
		tracks := make([]store.Track, len(request))
		for i, t := range request {
			tracks[i] = store.Track{Name: t.Name, VersionPattern: t.Pattern, Phasing: float64(t.Phasing)}
		}
		added, err := g.Catalog.AddTracks(r.Context(), who, g.Namespace, r.PathValue("name"), tracks)
		return map[string]any{"num-tracks-created": added}, err
	})
}

// number is a number that some clients send as text; null is 0, and anything
// else no number.
type number float64

func (n *number) UnmarshalJSON(data []byte) error {
	text := string(data)
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case text == "null":
		v = 0
	case err != nil:
		v = math.NaN()
	}
	*n = number(v)
	return nil
}
