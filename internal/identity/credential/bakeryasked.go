package credential

import (
	"encoding/json"
	"slices"
	"strings"
)

// AskedFor is what the client of a root of ours asked it to allow. It lies
// within the caveat that our own identity service discharges, so that whoever
// logs in can be shown what for; nothing is decided by it. A nil list is no
// limit.
type AskedFor struct {
	Permissions []string `json:"p"`
	Packages    []string `json:"n,omitempty"` // names, or ids
	Channels    []string `json:"c,omitempty"`
	Stores      []string `json:"s,omitempty"`
	Description string   `json:"d,omitempty"`
	More        bool     `json:"m,omitempty"` // there was too much to say all of it
}

// maxAskedFor bounds what is said, in bytes of JSON: it travels in the caveat's
// id, encoded up to three times.
const maxAskedFor = 900

// askedMark stands between the condition and what was asked. No condition has
// a line break.
const askedMark = "\n"

// NewIdentityCaveat makes the caveat of a root that the identity service with
// the same key discharges.
func NewIdentityCaveat(version BakeryVersion, key BoxKey, location string, asked AskedFor) (ThirdParty, error) {
	text, err := asked.text()
	if err != nil {
		return ThirdParty{}, err
	}
	return NewBakeryCaveat(version, key, key.Public(), location, NeedUsername+askedMark+text)
}

// text is the JSON, shortened until it is small enough.
func (a AskedFor) text() (string, error) {
	const most = 200
	if len(a.Description) > most {
		a.Description, a.More = strings.ToValidUTF8(a.Description[:most], ""), true
	}
	for {
		text, err := marshalPlain(a)
		if err != nil || len(text) <= maxAskedFor {
			return text, err
		}
		a.More = true
		// What is limited is said last: the permissions count most.
		switch {
		case len(a.Packages) > 1:
			a.Packages = a.Packages[:len(a.Packages)/2]
		case len(a.Channels) > 1:
			a.Channels = a.Channels[:len(a.Channels)/2]
		case len(a.Stores) > 1:
			a.Stores = a.Stores[:len(a.Stores)/2]
		case len(a.Permissions) > 1:
			a.Permissions = a.Permissions[:len(a.Permissions)/2]
		default:
			return marshalPlain(AskedFor{More: true})
		}
	}
}

// cutAsked takes what was asked out of a condition, if one of the keys made the
// caveat. Whoever has only the public key cannot.
func (c *BakeryCaveat) cutAsked(keys []BoxKey) {
	own := func(k BoxKey) bool { return k.public == c.From }
	condition, text, found := strings.Cut(c.Condition, askedMark)
	if !found || !slices.ContainsFunc(keys, own) {
		return
	}
	var asked AskedFor
	if json.Unmarshal([]byte(text), &asked) == nil {
		c.Condition, c.Asked = condition, &asked
	}
}
