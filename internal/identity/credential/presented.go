package credential

import (
	"net/http"
	"strings"
)

// Kind says what sort of credentials a request presents.
type Kind uint8

// The kinds of credentials.
const (
	KindNone   Kind = iota // nothing at all
	KindPair               // a root and its discharges, spelled out: Slices[0]
	KindSlices             // the bakery's: one or more Slices
	KindSingle             // one macaroon without discharges: Slices[0], also as Text
	KindBasic              // User and Password
	KindOpaque             // Text that is no macaroon: find it by its hash
)

var kindNames = [...]string{"none", "pair", "slices", "single", "basic", "opaque"}

func (k Kind) String() string { return kindNames[min(int(k), len(kindNames)-1)] }

// Presented is what a request presents. Nothing of it is verified.
type Presented struct {
	Kind     Kind
	Slices   []Slice
	Text     Secret // of KindSingle and KindOpaque
	User     string // of KindBasic
	Password Secret // of KindBasic
}

// FromHeader reads the user's credentials out of a request's headers: the one
// Authorization header, or else the Macaroons headers, or else the cookies of
// bakery clients. Credentials of devices are none of its business. A request
// without any is KindNone, which is no error.
func FromHeader(h http.Header) (Presented, error) {
	switch values := h.Values("Authorization"); len(values) {
	case 0:
	case 1:
		return ParseAuthorization(values[0])
	default:
		return Presented{}, errMalformed // joining them would let one header finish another
	}
	slices, err := ParseMacaroons(h.Values("Macaroons"))
	if err != nil {
		return Presented{}, err
	}
	if len(slices) == 0 {
		slices = fromCookies(h)
	}
	if len(slices) == 0 {
		return Presented{}, nil
	}
	return Presented{Kind: KindSlices, Slices: slices}, nil
}

// cookiePrefix begins the names of the cookies that bakery clients keep.
const cookiePrefix = "macaroon-"

// fromCookies reads the cookies of bakery clients. One that cannot be read is
// left out: a browser brings along what other services of the host set.
func fromCookies(h http.Header) []Slice {
	var slices []Slice
	size := 0
	for _, c := range (&http.Request{Header: h}).Cookies() {
		if !strings.HasPrefix(c.Name, cookiePrefix) {
			continue
		}
		if size += len(c.Value); size > maxHeader || len(slices) == maxSlices {
			break
		}
		if s, err := parseSlice(c.Value); err == nil {
			slices = append(slices, s)
		}
	}
	return slices
}
