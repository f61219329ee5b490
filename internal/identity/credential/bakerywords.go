package credential

import (
	"strings"
	"time"
)

// The words of caveats on the bakery's macaroons, as the public store's roots
// have them.
const (
	wordBefore  = "time-before"
	wordSince   = "time-since"
	wordSession = "session-id"
	wordExtra   = "extra"
)

// extra is the JSON after wordExtra: limits, each null where there is none.
// The public store has no member for packages by name and type; ours is left
// out where it limits nothing.
type extra struct {
	Channels   []string      `json:"channel"`
	PackageIDs []string      `json:"package_id"`
	ACL        []string      `json:"acl"`
	Stores     []string      `json:"store_ids"`
	Packages   []packageJSON `json:"package,omitempty"`
}

// readBakeryCaveats reads the caveats of a root or token of ours. Without an
// end it is invalid.
func readBakeryCaveats(caveats []string) (said, error) {
	var s said
	for _, c := range caveats {
		word, argument, ok := strings.Cut(c, " ")
		if !ok {
			return said{}, errCaveatWords
		}
		var err error
		switch {
		case word == wordBefore:
			err = readBakeryTime(argument, s.before)
		case word == wordSince:
			err = readBakeryTime(argument, s.from)
		case word == wordSession && s.session == "" && isWord(argument):
			s.session = argument
		case word == wordExtra:
			err = readExtra(argument, &s.limits)
		default:
			err = errCaveatWords
		}
		if err != nil {
			return said{}, err
		}
	}
	if s.until.IsZero() {
		return said{}, errCaveatWords
	}
	return s, nil
}

func readBakeryTime(value string, take func(time.Time)) error {
	t, err := parseBakeryTime(value)
	if err == nil {
		take(t)
	}
	return err
}

func readExtra(text string, limits *limitList) error {
	var e *extra
	if err := unmarshalStrict(text, &e); err != nil {
		return err
	}
	if e == nil {
		return errCaveatWords
	}
	for _, list := range []struct {
		of   []string
		take func([]string)
	}{{e.Channels, limits.channels}, {e.ACL, limits.permissions}, {e.Stores, limits.stores}} {
		if list.of == nil {
			continue
		}
		if !validList(list.of) {
			return errCaveatWords
		}
		list.take(list.of)
	}
	if e.PackageIDs != nil {
		if !validList(e.PackageIDs) {
			return errCaveatWords
		}
		limits.packages(packagesByID(e.PackageIDs))
	}
	if e.Packages != nil {
		packages, err := packageLimits(e.Packages)
		if err != nil {
			return err
		}
		limits.packages(packages)
	}
	return nil
}

// extraLimits writes limits as caveats.
func extraLimits(limits []Limits) ([]string, error) {
	var caveats []string
	for _, l := range limits {
		e := extra{Channels: l.Channels, ACL: l.Permissions, Stores: l.Stores}
		if ids, all := onlyIDs(l.Packages); all {
			e.PackageIDs = ids
		} else {
			e.Packages = writePackages(l.Packages)
		}
		text, err := marshalPlain(e)
		if err != nil {
			return nil, err
		}
		caveats = append(caveats, wordExtra+" "+text)
	}
	return caveats, nil
}
