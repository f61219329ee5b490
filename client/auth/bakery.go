package auth

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/larder-store/larder/client/transport"
	"gopkg.in/macaroon.v2"
)

// maxDischarges bounds one DischargeAll.
const maxDischarges = 32

// A Discharger discharges the third-party caveats of a macaroon with the bakery
// protocol (Candid and its kin). The zero value has no way to log in and works
// only where the service asks for nothing.
type Discharger struct {
	// Interactors are the ways to log in, the preferred first.
	Interactors []Interactor
	// HTTP sends the requests; nil is the zero Client.
	HTTP *transport.Client
}

// An Interactor is one way to log in to an identity manager.
type Interactor interface {
	// Kind is the method's name in the protocol, for example "browser-window".
	Kind() string
	// Interact logs in. info is what the service says about this method; base
	// is the URL that relative URLs in it start from.
	Interact(ctx context.Context, client *transport.Client, base *url.URL, info json.RawMessage) (*DischargeToken, error)
}

// A DischargeToken proves a login to the service that gave it.
type DischargeToken struct {
	Kind  string
	Value []byte
}

// bakeryMacaroon is a macaroon with what the bakery adds: data that belongs to
// caveats by their id.
type bakeryMacaroon struct {
	macaroon *macaroon.Macaroon
	external map[string][]byte
}

// decodeBakery reads the plain JSON of either version and the bakery's wrapping
// {"m", "v", "cdata", "ns"}.
func decodeBakery(text []byte) (bakeryMacaroon, error) {
	var b bakeryMacaroon
	var wrapped struct {
		M     json.RawMessage   `json:"m"`
		CData map[string]string `json:"cdata"`
	}
	if err := json.Unmarshal(text, &wrapped); err != nil {
		return b, errors.New("it is no macaroon")
	}
	if wrapped.M != nil {
		text = wrapped.M
		b.external = map[string][]byte{}
		for id64, data64 := range wrapped.CData {
			id, err1 := macaroon.Base64Decode([]byte(id64))
			data, err2 := macaroon.Base64Decode([]byte(data64))
			if err1 != nil || err2 != nil {
				return b, errors.New("its caveat data is not base64")
			}
			b.external[string(id)] = data
		}
	}
	b.macaroon = &macaroon.Macaroon{}
	if err := json.Unmarshal(text, b.macaroon); err != nil {
		return b, errors.New("it is no macaroon")
	}
	if len(b.macaroon.Signature()) == 0 || len(b.macaroon.Id()) == 0 {
		return b, errors.New("it is no macaroon")
	}
	return b, nil
}

// DischargeAll discharges every third-party caveat of a root macaroon, and those
// of the discharges. The answer is the value of the Macaroons header: base64 of
// the JSON list of the root and its bound discharges.
//
// Errors: ErrNotParseable for the root; ErrInteractionRequired, ErrTokenTimeout,
// ErrTokenKind, ErrTokenValue; the services' *transport.StoreError.
func (d *Discharger) DischargeAll(ctx context.Context, root string) (string, error) {
	var b bakeryMacaroon
	var err error
	if strings.HasPrefix(strings.TrimSpace(root), "{") {
		b, err = decodeBakery([]byte(root))
	} else {
		b.macaroon, err = decodeMacaroon(root)
	}
	if err != nil {
		return "", fmt.Errorf("%w: the root macaroon: %w", ErrNotParseable, err)
	}
	slice, err := dischargeAll(b, func(c macaroon.Caveat, external []byte) (bakeryMacaroon, error) {
		return d.discharge(ctx, c, external)
	})
	if err != nil {
		return "", err
	}
	return encodeSlice(slice)
}

// dischargeAll gets a discharge for every third-party caveat, breadth first, and
// binds all of them to the root.
func dischargeAll(root bakeryMacaroon, get func(macaroon.Caveat, []byte) (bakeryMacaroon, error)) (macaroon.Slice, error) {
	slice := macaroon.Slice{root.macaroon}
	type need struct {
		caveat   macaroon.Caveat
		external []byte
	}
	var needs []need
	add := func(b bakeryMacaroon) {
		for _, c := range thirdParty(b.macaroon) {
			needs = append(needs, need{c, b.external[string(c.Id)]})
		}
	}
	for add(root); len(needs) > 0; needs = needs[1:] {
		if len(slice) > maxDischarges {
			return nil, fmt.Errorf("cannot discharge the macaroon: it needs more than %d discharges", maxDischarges)
		}
		discharge, err := get(needs[0].caveat, needs[0].external)
		if err != nil {
			return nil, err
		}
		add(discharge)
		discharge.macaroon.Bind(root.macaroon.Signature())
		slice = append(slice, discharge.macaroon)
	}
	return slice, nil
}

// encodeSlice writes the value of a Macaroons header.
func encodeSlice(slice macaroon.Slice) (string, error) {
	text, err := json.Marshal(slice)
	if err != nil {
		return "", err
	}
	return base64.URLEncoding.EncodeToString(text), nil
}

// discharge gets one discharge, logging in if the service asks for it.
func (d *Discharger) discharge(ctx context.Context, caveat macaroon.Caveat, external []byte) (bakeryMacaroon, error) {
	base, err := url.Parse(caveat.Location)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return bakeryMacaroon{}, fmt.Errorf("cannot discharge a caveat for %.100q: it is no URL", caveat.Location)
	}
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	got, interaction, err := d.ask(ctx, base, caveat, external, nil)
	if err != nil || interaction == nil {
		return got, err
	}
	token, legacy, err := d.interact(ctx, base, interaction)
	if err != nil || legacy != nil {
		if legacy != nil {
			return *legacy, err
		}
		return bakeryMacaroon{}, err
	}
	got, interaction, err = d.ask(ctx, base, caveat, external, token)
	if err == nil && interaction != nil {
		err = fmt.Errorf("%w: the service asks again after the login", ErrInteractionRequired)
	}
	return got, err
}

// interaction is what a service answers that wants a login first.
type interaction struct {
	Code    string
	Message string
	Info    struct {
		VisitURL           string
		WaitURL            string
		InteractionMethods map[string]json.RawMessage
	}
}

const codeInteractionRequired = "interaction required"

func (d *Discharger) client() *transport.Client {
	if d.HTTP == nil {
		return &transport.Client{}
	}
	return d.HTTP
}

func (d *Discharger) ask(ctx context.Context, base *url.URL, caveat macaroon.Caveat, external []byte, token *DischargeToken) (bakeryMacaroon, *interaction, error) {
	form := url.Values{}
	if id := caveat.Id; isText(id) {
		form.Set("id", string(id))
	} else {
		form.Set("id64", base64.RawURLEncoding.EncodeToString(id))
	}
	if external != nil {
		form.Set("caveat64", base64.RawURLEncoding.EncodeToString(external))
	}
	if token != nil {
		form.Set("token-kind", token.Kind)
		form.Set("token64", base64.StdEncoding.EncodeToString(token.Value))
	}
	var answer struct{ Macaroon json.RawMessage }
	err := d.client().JSON(ctx, bakeryCall(http.MethodPost, base.JoinPath("discharge").String(), []byte(form.Encode()), &answer))
	var refused *transport.StoreError
	if errors.As(err, &refused) && refused.HasCode(codeInteractionRequired) ||
		refused != nil && strings.EqualFold(text(refused.Extra, "Code"), codeInteractionRequired) {
		wanted := &interaction{Message: text(refused.Extra, "Message")}
		if json.Unmarshal(member(refused.Extra, "Info"), &wanted.Info) == nil {
			return bakeryMacaroon{}, wanted, nil
		}
	}
	if err != nil {
		return bakeryMacaroon{}, nil, err
	}
	b, err := decodeAnswer(answer.Macaroon)
	return b, nil, err
}

func decodeAnswer(text json.RawMessage) (bakeryMacaroon, error) {
	if len(text) == 0 {
		return bakeryMacaroon{}, errors.New("cannot use the identity service's answer: it has no macaroon")
	}
	b, err := decodeBakery(text)
	if err != nil {
		return b, fmt.Errorf("cannot use the identity service's macaroon: %w", err)
	}
	return b, nil
}

// bakeryCall announces version 3 of the protocol; a POST is a form. Discharging
// changes nothing that a second request would spoil.
func bakeryCall(method, url string, form []byte, out any) transport.Call {
	call := transport.Call{
		Method: method, URL: url, Out: out, Repeatable: true,
		Header: http.Header{"Bakery-Protocol-Version": {"3"}},
	}
	if form != nil {
		call.Raw, call.ContentType = form, "application/x-www-form-urlencoded"
	}
	return call
}

// member finds a member in either case: Python services write lower case.
func member(members map[string]json.RawMessage, name string) json.RawMessage {
	for key, raw := range members {
		if strings.EqualFold(key, name) {
			return raw
		}
	}
	return nil
}

func text(members map[string]json.RawMessage, name string) string {
	var s string
	_ = json.Unmarshal(member(members, name), &s)
	return s
}

func isText(id []byte) bool {
	return !bytes.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' })
}

// interact uses the first Interactor that the service knows too, then the old
// way without methods, which answers the discharge itself.
func (d *Discharger) interact(ctx context.Context, base *url.URL, wanted *interaction) (*DischargeToken, *bakeryMacaroon, error) {
	for _, i := range d.Interactors {
		info, ok := wanted.Info.InteractionMethods[i.Kind()]
		if !ok {
			continue
		}
		token, err := i.Interact(ctx, d.client(), base, info)
		return token, nil, err
	}
	visit, wait := wanted.Info.VisitURL, wanted.Info.WaitURL
	for _, i := range d.Interactors {
		browser, ok := i.(Browser)
		if !ok || visit == "" || wait == "" {
			continue
		}
		got, err := browser.visitAndWait(ctx, d.client(), base, visit, wait)
		if err != nil {
			return nil, nil, err
		}
		return nil, &got, nil
	}
	offered := make([]string, 0, len(wanted.Info.InteractionMethods))
	for kind := range wanted.Info.InteractionMethods {
		offered = append(offered, kind)
	}
	return nil, nil, fmt.Errorf("%w: %s offers %q", ErrInteractionRequired, base.Host, offered)
}

// resolve makes a URL of an answer absolute. It must stay http or https: it goes
// to a browser.
func resolve(base *url.URL, reference string) (*url.URL, error) {
	u, err := base.Parse(reference)
	if err != nil || reference == "" || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("cannot follow %.100q, which the identity service gave as a URL", reference)
	}
	return u, nil
}
