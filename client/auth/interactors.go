package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/larder-store/larder/client/transport"
	"gopkg.in/macaroon.v2"
)

// Browser logs in on a page in the browser while the program waits: method
// "browser-window", and the older visit-and-wait.
type Browser struct {
	// Open shows the page to the person, or prints its address; required. The
	// program waits after it returned.
	Open func(ctx context.Context, url string) error
	// ShowCode is called before Open where the service gives a short code. The
	// page shows the same one, and the person compares: that way nobody can
	// make them approve somebody else's login. Nil ignores it.
	ShowCode func(code string)
}

// Kind is "browser-window".
func (Browser) Kind() string { return "browser-window" }

// Interact implements Interactor. The wait is a GET that is tried again while
// the service ends it with 5xx. Errors: ErrTokenTimeout, ErrTokenKind,
// ErrTokenValue, the context's.
func (b Browser) Interact(ctx context.Context, client *transport.Client, base *url.URL, info json.RawMessage) (*DischargeToken, error) {
	var where struct{ VisitURL, WaitTokenURL, Code string }
	if err := json.Unmarshal(info, &where); err != nil {
		return nil, fmt.Errorf("cannot read how to log in: %w", err)
	}
	if where.Code != "" && b.ShowCode != nil {
		b.ShowCode(where.Code)
	}
	var answer struct {
		Kind    string `json:"kind"`
		Token   string `json:"token"`
		Token64 string `json:"token64"`
	}
	if err := b.wait(ctx, client, base, where.VisitURL, where.WaitTokenURL, &answer); err != nil {
		return nil, err
	}
	value := []byte(answer.Token)
	if answer.Token64 != "" {
		var err error
		if value, err = macaroon.Base64Decode([]byte(answer.Token64)); err != nil {
			return nil, fmt.Errorf("%w: it is not base64", ErrTokenValue)
		}
	}
	switch {
	case answer.Kind == "":
		return nil, ErrTokenKind
	case len(value) == 0:
		return nil, ErrTokenValue
	}
	return &DischargeToken{Kind: answer.Kind, Value: value}, nil
}

func (b Browser) visitAndWait(ctx context.Context, client *transport.Client, base *url.URL, visit, wait string) (bakeryMacaroon, error) {
	var answer struct{ Macaroon json.RawMessage }
	if err := b.wait(ctx, client, base, visit, wait, &answer); err != nil {
		return bakeryMacaroon{}, err
	}
	return decodeAnswer(answer.Macaroon)
}

func (b Browser) wait(ctx context.Context, client *transport.Client, base *url.URL, visit, wait string, answer any) error {
	visitURL, err := resolve(base, visit)
	if err != nil {
		return err
	}
	waitURL, err := resolve(base, wait)
	if err != nil {
		return err
	}
	if b.Open == nil {
		return fmt.Errorf("%w: nothing opens %s", ErrInteractionRequired, visitURL.Host)
	}
	if err := b.Open(ctx, visitURL.String()); err != nil {
		return fmt.Errorf("cannot open the login page: %w", err)
	}
	err = client.JSON(ctx, bakeryCall(http.MethodGet, waitURL.String(), nil, answer))
	var refused *transport.StoreError
	if errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", ErrTokenTimeout, err)
	}
	return err
}

// Form logs in with what the service asks for, on a terminal for example: method
// "form".
type Form struct {
	// Fill asks the person; required. The answer maps the fields' names to
	// their values; optional ones may be left out.
	Fill func(ctx context.Context, fields []FormField) (map[string]any, error)
}

// A FormField is one question of a Form.
type FormField struct {
	// Name is the key of the answer.
	Name string `json:"-"`
	// Description is shown to the person.
	Description string `json:"description"`
	// Type is "string", "bool", "int" or "attrs".
	Type string `json:"type"`
	// Mandatory fields must be answered.
	Mandatory bool `json:"mandatory"`
	// Secret values must not be shown while they are typed.
	Secret bool `json:"secret"`
	// Values are the only ones allowed, if there are any.
	Values []any `json:"values"`
}

// Kind is "form".
func (Form) Kind() string { return "form" }

// Interact implements Interactor.
func (f Form) Interact(ctx context.Context, client *transport.Client, base *url.URL, info json.RawMessage) (*DischargeToken, error) {
	var where struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(info, &where); err != nil {
		return nil, fmt.Errorf("cannot read how to log in: %w", err)
	}
	at, err := resolve(base, where.URL)
	if err != nil {
		return nil, err
	}
	if f.Fill == nil {
		return nil, fmt.Errorf("%w: nothing fills in the form", ErrInteractionRequired)
	}
	var asked struct {
		Schema map[string]FormField `json:"schema"`
	}
	if err := client.JSON(ctx, bakeryCall(http.MethodGet, at.String(), nil, &asked)); err != nil {
		return nil, err
	}
	fields := make([]FormField, 0, len(asked.Schema))
	for name, field := range asked.Schema {
		field.Name = name
		fields = append(fields, field)
	}
	// The user name before the password, whatever the schema's order was.
	slices.SortFunc(fields, func(a, b FormField) int {
		if a.Secret != b.Secret {
			if a.Secret {
				return 1
			}
			return -1
		}
		return bytes.Compare([]byte(a.Name), []byte(b.Name))
	})
	values, err := f.Fill(ctx, fields)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Token struct {
			Kind    string `json:"kind"`
			Value   []byte `json:"value"`
			Token   string `json:"token"`
			Token64 []byte `json:"token64"`
		} `json:"token"`
	}
	call := transport.Call{
		Method: http.MethodPost, URL: at.String(), In: map[string]any{"form": values}, Out: &answer,
		Header: http.Header{"Bakery-Protocol-Version": {"3"}},
	}
	if err := client.JSON(ctx, call); err != nil {
		return nil, explainLogin(err)
	}
	value := answer.Token.Value
	if len(value) == 0 {
		value = answer.Token.Token64
	}
	if len(value) == 0 {
		value = []byte(answer.Token.Token)
	}
	switch {
	case answer.Token.Kind == "":
		return nil, ErrTokenKind
	case len(value) == 0:
		return nil, ErrTokenValue
	}
	return &DischargeToken{Kind: answer.Token.Kind, Value: value}, nil
}
