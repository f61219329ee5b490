package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxEncoded bounds the text of credentials, in bytes.
const MaxEncoded = 1 << 20

// Encoding is one of the ways to write credentials down.
type Encoding int

const (
	// Envelope is {"t": kind, "v": …}: craft-store since 2.3, snapcraft since
	// 7.2, and what snapd's tools read from UBUNTU_STORE_AUTH. Every kind.
	Envelope Encoding = iota
	// Untyped is {"r": root, "d": discharge}: craft-store 1.2 to 2.2. UbuntuOne
	// with one discharge.
	Untyped
	// Raw is the token as it is: craft-store before 2.3, and what its Ubuntu
	// One classes keep after an exchange. Macaroon and Bearer; read as
	// Macaroon.
	Raw
	// DeveloperToken is {"macaroon": token}: craft-store's DeveloperToken.
	// Macaroon and Bearer; read as Bearer, the scheme it is sent with.
	DeveloperToken
	// INI is the section of the identity service's host with the options
	// macaroon and unbound_discharge: snapcraft before 7. UbuntuOne with one
	// discharge; Location names the section, "login.ubuntu.com" if empty.
	INI
	// Snapd is {"macaroon": root, "discharges": […]}: the file named by
	// UBUNTU_STORE_AUTH_DATA_FILENAME. UbuntuOne.
	Snapd
	// Surl is {"root", "discharge", "store", "type"}. UbuntuOne with one
	// discharge, and Macaroon.
	Surl
)

const defaultLocation = "login.ubuntu.com"

type envelope struct {
	T string `json:"t"`
	V any    `json:"v"`
}

type pairRD struct {
	R string `json:"r"`
	D string `json:"d"`
}

type pairUser struct {
	U string `json:"u"`
	P string `json:"p"`
}

type snapdPair struct {
	Macaroon   string   `json:"macaroon"`
	Discharges []string `json:"discharges"`
}

// surlPair has the members in surl's order.
type surlPair struct {
	Root      string  `json:"root"`
	Discharge *string `json:"discharge"`
	Store     string  `json:"store,omitempty"`
	Type      string  `json:"type,omitempty"`
}

// Encode writes credentials in one encoding, without base64 around it.
// ErrNotParseable if the encoding cannot hold this kind.
func (c Credentials) Encode(e Encoding) (string, error) {
	discharge, one := "", len(c.Discharges) == 1
	if one {
		discharge = c.Discharges[0]
	}
	isToken := c.Kind == Macaroon || c.Kind == Bearer
	pair := c.Kind == UbuntuOne && one
	switch {
	case e == Envelope && pair:
		return encodeJSON(envelope{UbuntuOne.String(), pairRD{c.Root, discharge}})
	case e == Envelope && isToken:
		return encodeJSON(envelope{c.Kind.String(), c.Token})
	case e == Envelope && c.Kind == Basic:
		return encodeJSON(envelope{Basic.String(), pairUser{c.Username, c.Password}})
	case e == Untyped && pair:
		return encodeJSON(pairRD{c.Root, discharge})
	case e == Raw && isToken:
		return c.Token, nil
	case e == DeveloperToken && isToken:
		return encodeJSON(map[string]string{"macaroon": c.Token})
	case e == INI && pair:
		location := c.Location
		if location == "" {
			location = defaultLocation
		}
		if strings.ContainsAny(location+c.Root+discharge, "[]\r\n%") {
			break
		}
		return fmt.Sprintf("[%s]\nmacaroon = %s\nunbound_discharge = %s\n\n", location, c.Root, discharge), nil
	case (e == Snapd || e == Envelope) && c.Kind == UbuntuOne:
		return encodeJSON(snapdPair{c.Root, append([]string{}, c.Discharges...)})
	case e == Surl && pair:
		return encodeJSON(surlPair{Root: c.Root, Discharge: &discharge, Store: c.Store, Type: "u1-macaroon"})
	case e == Surl && c.Kind == Macaroon:
		return encodeJSON(surlPair{Root: c.Token, Store: c.Store, Type: "macaroon"})
	}
	return "", notParseable("%s do not fit this encoding", c)
}

func encodeJSON(v any) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return strings.TrimSuffix(text.String(), "\n"), err
}

// Export writes credentials for an environment variable: standard base64 of the
// Envelope, as craft-store, snapcraft and charmcraft read it.
func (c Credentials) Export() (string, error) {
	text, err := c.Encode(Envelope)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString([]byte(text)), nil
}

// Parse reads credentials in any Encoding, with base64 around it or without.
// ErrNotParseable if it is none of them. A text that is nothing else is taken
// as a Raw token if it could be one: printable and without blanks.
//
// An INI file with several sections needs ParseINI.
func Parse(text string) (Credentials, error) {
	if err := checkText(text); err != nil {
		return Credentials{}, err
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return Credentials{}, notParseable("the text is empty")
	}
	if inner, ok := unwrapBase64(text); ok {
		text = inner
	}
	return parseContent(text)
}

// ParseExported reads what an environment variable or a keyring holds: base64
// and nothing else, as craft-store reads it. ErrNotParseable otherwise.
func ParseExported(text string) (Credentials, error) {
	if err := checkText(text); err != nil {
		return Credentials{}, err
	}
	inner, err := decodeStandard(text)
	if err != nil {
		return Credentials{}, err
	}
	return parseContent(inner)
}

func checkText(text string) error {
	switch {
	case len(text) > MaxEncoded:
		return notParseable("longer than %d bytes", MaxEncoded)
	case !utf8.ValidString(text):
		return notParseable("it is no text")
	}
	return nil
}

func decodeStandard(text string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	switch {
	case err != nil:
		return "", notParseable("not base64")
	case !utf8.Valid(data):
		return "", notParseable("base64 of something that is no text")
	}
	return string(data), nil
}

// unwrapBase64 decides whether base64 is around the credentials or is the token
// itself: tokens are macaroons, whose binary form is no printable line.
func unwrapBase64(text string) (string, bool) {
	if text[0] == '{' || text[0] == '[' {
		return "", false
	}
	inner, err := decodeStandard(text)
	if err != nil {
		return "", false
	}
	inner = strings.TrimSpace(inner)
	if inner == "" {
		return "", false
	}
	return inner, strings.ContainsRune("{[#;", rune(inner[0])) || isToken(inner)
}

// isToken reports whether a text can stand in a header as one token.
func isToken(text string) bool {
	return len(text) >= 8 && !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII || r <= ' ' || r == 0x7f })
}

func parseContent(text string) (Credentials, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Credentials{}, notParseable("the text is empty")
	case text[0] == '{':
		return parseJSON(text)
	case text[0] == '[' || text[0] == '#' || text[0] == ';':
		return ParseINI(text, "")
	case json.Valid([]byte(text)):
		// A number or a string as JSON is a mistake of somebody who quoted
		// something: no store issues such tokens.
		return Credentials{}, notParseable("a JSON value that is no object")
	case !isToken(text):
		return Credentials{}, notParseable("neither JSON nor an INI section nor a token")
	}
	return NewToken(text), nil
}

// parseJSON tells the shapes apart by their members. What has none of them is
// an old macaroon in JSON, which is its own token.
func parseJSON(text string) (Credentials, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		return Credentials{}, notParseable("broken JSON")
	}
	has := func(name string) bool { return members[name] != nil }
	switch {
	case has("t"):
		return parseEnvelope(members)
	case has("r") || has("d"):
		return parsePair(text)
	case has("root"):
		return parseSurl(text)
	case has("discharges"):
		var pair snapdPair
		if json.Unmarshal([]byte(text), &pair) != nil || pair.Macaroon == "" {
			return Credentials{}, notParseable("snapd's members are not texts")
		}
		return NewUbuntuOne(pair.Macaroon, pair.Discharges...), nil
	case has("macaroon"):
		var token string
		if json.Unmarshal(members["macaroon"], &token) != nil || token == "" {
			return Credentials{}, notParseable("the member macaroon is no text")
		}
		return NewBearer(token), nil
	case len(members) == 0:
		return Credentials{}, notParseable("an empty JSON object")
	}
	return NewToken(text), nil
}

func parsePair(text string) (Credentials, error) {
	var pair pairRD
	if json.Unmarshal([]byte(text), &pair) != nil || pair.R == "" || pair.D == "" {
		return Credentials{}, notParseable("a pair needs the texts r and d")
	}
	return NewUbuntuOne(pair.R, pair.D), nil
}

func parseEnvelope(members map[string]json.RawMessage) (Credentials, error) {
	var kind, token string
	if json.Unmarshal(members["t"], &kind) != nil {
		return Credentials{}, notParseable("the type is no text")
	}
	value := members["v"]
	if value == nil {
		return Credentials{}, notParseable("the envelope is empty")
	}
	switch kind {
	case UbuntuOne.String():
		return parsePair(string(value))
	case Macaroon.String(), Bearer.String():
		if json.Unmarshal(value, &token) != nil || token == "" {
			return Credentials{}, notParseable("the envelope of type %s holds no text", kind)
		}
		if kind == Bearer.String() {
			return NewBearer(token), nil
		}
		return NewToken(token), nil
	case Basic.String():
		var pair pairUser
		if json.Unmarshal(value, &pair) != nil || pair.U == "" {
			return Credentials{}, notParseable("the envelope of type basic needs u and p")
		}
		return NewBasic(pair.U, pair.P), nil
	}
	return Credentials{}, notParseable("unknown type %.40q", kind)
}

func parseSurl(text string) (Credentials, error) {
	var pair surlPair
	if json.Unmarshal([]byte(text), &pair) != nil || pair.Root == "" {
		return Credentials{}, notParseable("surl's members are not texts")
	}
	c := NewToken(pair.Root)
	if pair.Discharge != nil && *pair.Discharge != "" {
		c = NewUbuntuOne(pair.Root, *pair.Discharge)
	}
	c.Store = pair.Store
	return c, nil
}

// ParseINI reads the configuration file of snapcraft before 7, or its exported
// login. The section is the host name of the identity service; empty takes the
// only one, or login.ubuntu.com of several.
func ParseINI(text, section string) (Credentials, error) {
	if err := checkText(text); err != nil {
		return Credentials{}, err
	}
	sections, order := map[string]map[string]string{}, []string{}
	var current map[string]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			name, ok := strings.CutSuffix(line[1:], "]")
			if !ok {
				return Credentials{}, notParseable("a section without its closing bracket")
			}
			if sections[name] == nil {
				sections[name], order = map[string]string{}, append(order, name)
			}
			current = sections[name]
		default:
			at := strings.IndexAny(line, "=:")
			if at < 0 || current == nil {
				return Credentials{}, notParseable("a line that is neither section nor option")
			}
			current[strings.ToLower(strings.TrimSpace(line[:at]))] = strings.TrimSpace(line[at+1:])
		}
	}
	switch {
	case section != "":
	case len(order) == 1:
		section = order[0]
	default:
		section = defaultLocation
	}
	found := sections[section]
	c := NewUbuntuOne(found["macaroon"], found["unbound_discharge"])
	if c.Root == "" || c.Discharges[0] == "" {
		return Credentials{}, notParseable("no section %.80q with macaroon and unbound_discharge", section)
	}
	c.Location = section
	return c, nil
}
