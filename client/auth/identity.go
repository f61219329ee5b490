package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/larder-store/larder/client/transport"
)

// DefaultIdentityURL is Ubuntu One, the identity service of the public stores.
const DefaultIdentityURL = "https://login.ubuntu.com"

// Identity is a service that discharges macaroons for an address and a
// password: Ubuntu One, or a store's own.
type Identity struct {
	// URL is the service's base; empty is DefaultIdentityURL.
	URL string
	// HTTP sends the requests; nil is the zero Client.
	HTTP *transport.Client
}

// BaseURL is URL or its default, without a final slash.
func (i *Identity) BaseURL() string {
	if i == nil || i.URL == "" {
		return DefaultIdentityURL
	}
	return strings.TrimRight(i.URL, "/")
}

func (i *Identity) client() *transport.Client {
	if i == nil || i.HTTP == nil {
		return &transport.Client{}
	}
	return i.HTTP
}

// Password is what a person logs in with.
type Password struct {
	// Email is the account's address.
	Email string `json:"email"`
	// Password is in plain text.
	Password string `json:"password"`
	// CaveatID is set by Discharge.
	CaveatID string `json:"caveat_id"`
	// OTP is the one-time password of the second factor; empty for none.
	OTP string `json:"otp,omitempty"`
}

// String shows no secret.
func (p Password) String() string { return "password of " + p.Email }

// GoString is String.
func (p Password) GoString() string { return "auth.Password(" + p.Email + ")" }

// Discharge asks for the discharge macaroon of a caveat. Errors:
// ErrSecondFactorRequired, ErrSecondFactorFailed, ErrInvalidLogin,
// ErrAccountBlocked, each with the service's *transport.StoreError.
func (i *Identity) Discharge(ctx context.Context, caveatID string, p Password) (string, error) {
	p.CaveatID = caveatID
	return i.post(ctx, "/api/v2/tokens/discharge", p)
}

// Refresh asks for a new discharge in place of an unbound one that has expired.
// ErrCannotRefresh if the service refuses, for example because the password was
// changed since.
func (i *Identity) Refresh(ctx context.Context, discharge string) (string, error) {
	renewed, err := i.post(ctx, "/api/v2/tokens/refresh", map[string]string{"discharge_macaroon": discharge})
	var refused *transport.StoreError
	if errors.As(err, &refused) && refused.Status >= 400 && refused.Status < 500 && refused.Status != http.StatusTooManyRequests {
		return "", fmt.Errorf("%w: %w", ErrCannotRefresh, err)
	}
	return renewed, err
}

func (i *Identity) post(ctx context.Context, path string, in any) (string, error) {
	var out struct {
		Discharge string `json:"discharge_macaroon"`
	}
	url := i.BaseURL() + path
	err := i.client().JSON(ctx, transport.Call{Method: http.MethodPost, URL: url, In: in, Out: &out})
	if err != nil {
		return "", explainLogin(err)
	}
	if _, err := decodeMacaroon(out.Discharge); err != nil {
		return "", &transport.InvalidResponseError{
			Method: http.MethodPost, URL: url, Status: http.StatusOK, Err: fmt.Errorf("discharge_macaroon: %w", err),
		}
	}
	return out.Discharge, nil
}

// loginCodes are what identity services answer, in the spelling of error_list.
var loginCodes = []struct {
	code string
	err  error
}{
	{"twofactor-required", ErrSecondFactorRequired},
	{"twofactor-failure", ErrSecondFactorFailed},
	{"invalid-credentials", ErrInvalidLogin},
	{"account-suspended", ErrAccountBlocked},
	{"account-deactivated", ErrAccountBlocked},
	{"email-invalidated", ErrAccountBlocked},
	{"password-policy-error", ErrAccountBlocked},
}

func explainLogin(err error) error {
	var refused *transport.StoreError
	if !errors.As(err, &refused) {
		return err
	}
	for _, known := range loginCodes {
		if refused.HasCode(known.code) {
			return fmt.Errorf("%w: %w", known.err, err)
		}
	}
	// Ubuntu One's newer answer has the fact in its message only.
	if strings.Contains(strings.ToLower(refused.Errors.String()), "otp required") {
		return fmt.Errorf("%w: %w", ErrSecondFactorRequired, err)
	}
	return err
}
