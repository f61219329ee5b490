package snapdevice

import (
	"net/http"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// header is one thing a client says of itself. It has two names, and which
// one snapd uses does not follow from the path: both are read everywhere.
type header struct{ v2, v1 string }

var (
	headerAuthorization = header{"Snap-Device-Authorization", "X-Device-Authorization"}
	headerStore         = header{"Snap-Device-Store", "X-Ubuntu-Store"}
	headerSeries        = header{"Snap-Device-Series", "X-Ubuntu-Series"}
	headerArchitecture  = header{"Snap-Device-Architecture", "X-Ubuntu-Architecture"}
)

const (
	headerCapabilities  = "Snap-Device-Capabilities"
	headerDeltaFormats  = "Snap-Accept-Delta-Format"
	headerDeviceService = "X-Snap-Device-Service-Url"
)

const (
	onlySeries = "16"
	// maxIdentity bounds a store id or an architecture.
	maxIdentity = 128
)

func (h header) of(r *http.Request) string {
	if v := r.Header[h.v2]; len(v) > 0 && v[0] != "" {
		return v[0]
	}
	if v := r.Header[h.v1]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// asker says who asks which store. A device that sends no session is an
// anonymous one. Series is not asked for, but must be right where it is said.
// With an error that isEnded the asker is whoever is left without what has
// ended.
func (a *api) asker(r *http.Request) (catalog.Asker, error) {
	asker, err := anonymous(r)
	if err != nil {
		return asker, err
	}
	if session := headerAuthorization.of(r); session != "" {
		if asker.Who, err = a.devices.Authenticate(r.Context(), session); err != nil {
			asker.Who = store.Principal{}
		}
	}
	if a.users != nil && len(r.Header["Authorization"]) > 0 && (err == nil || isEnded(err)) {
		return a.withUser(r, asker, err)
	}
	return asker, err
}

// anonymous is the asker without its session.
func anonymous(r *http.Request) (catalog.Asker, error) {
	if series := headerSeries.of(r); series != "" && series != onlySeries {
		return catalog.Asker{}, store.Invalidf(reply.CodeBadJSON, "cannot serve series %.16q: only series %s exists", series, onlySeries).
			Try("send " + headerSeries.v2 + ": " + onlySeries)
	}
	id := headerStore.of(r)
	if len(id) > maxIdentity {
		return catalog.Asker{}, store.Invalidf(reply.CodeBadJSON, "cannot use the header %s: it is longer than %d bytes", headerStore.v2, maxIdentity)
	}
	return catalog.Asker{StoreID: id}, nil
}

// architecture is what the device runs on, "" where it does not say.
func architecture(r *http.Request) (string, error) {
	arch := headerArchitecture.of(r)
	if len(arch) > maxIdentity {
		return "", store.Invalidf(reply.CodeBadJSON, "cannot use the header %s: it is longer than %d bytes", headerArchitecture.v2, maxIdentity)
	}
	return arch, nil
}

// tracksDefault: the client understands being sent to a default track.
func tracksDefault(r *http.Request) bool {
	return listHolds(r.Header.Get(headerCapabilities), "default-tracks")
}

func listHolds(csv, word string) bool {
	for item := range strings.SplitSeq(csv, ",") {
		if strings.TrimSpace(item) == word {
			return true
		}
	}
	return false
}

// cacheable says how long an answer may be kept, and by whom: by everyone
// unless a session, or a header that an edge cache need not know, had a part in
// it. Nor that of a brand's store: what an anonymous device is shown of it is not
// for those that belong to it.
func cacheable(w http.ResponseWriter, r *http.Request, seconds, vary string) {
	scope := "public"
	if headerAuthorization.of(r) != "" || r.Header.Get("Authorization") != "" || r.Header.Get(headerStore.v1) != "" ||
		!slices.Contains([]string{"", store.GlobalStore}, headerStore.of(r)) {
		scope = "private"
	}
	w.Header().Set("Cache-Control", scope+", max-age="+seconds)
	w.Header().Set("Vary", vary)
}
