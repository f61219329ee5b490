package identity

import (
	"context"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

const (
	stepLength    = 30 * time.Second
	stepSkew      = 1 // steps that a clock may be off
	recoveryCodes = 10
	enrolmentLife = 15 * time.Minute
)

// Enrolment is a second factor that is not confirmed yet. It is shown once.
type Enrolment struct {
	Secret   Secret   // base32, for an authenticator
	URL      Secret   // otpauth://…, the same for a QR code
	Recovery []Secret // codes that stand in for the authenticator, once each
	// Ticket is given back to ConfirmTOTP; what it holds is sealed.
	Ticket Secret
}

// ticket is what an Enrolment's ticket holds.
type ticket struct {
	Secret   string    `json:"secret"`
	Recovery []string  `json:"recovery"` // hashes
	Expires  time.Time `json:"expires"`
}

func totpLabel(accountID string) string   { return "totp " + accountID }
func ticketLabel(accountID string) string { return "totp enrolment " + accountID }

var base32Plain = base32.StdEncoding.WithPadding(base32.NoPadding)

// EnableTOTP begins to give an account a second factor: nothing changes before
// ConfirmTOTP. It needs PermAccount, or for the own account PermAccountEdit and
// a fresh login.
func (i *Identity) EnableTOTP(ctx context.Context, who store.Principal, accountID string) (Enrolment, error) {
	if err := mayGuard(who, accountID); err != nil {
		return Enrolment{}, err
	}
	u, err := i.User(ctx, accountID)
	if err != nil {
		return Enrolment{}, err
	}
	if u.SecondFactor() {
		return Enrolment{}, errHasFactor
	}
	t := ticket{Secret: base32Plain.EncodeToString(randomBytes(20)), Expires: i.now().Add(enrolmentLife)}
	e := Enrolment{Secret: NewSecret(t.Secret), URL: NewSecret(otpURL(u, t.Secret))}
	for range recoveryCodes {
		code := strings.ToLower(base32Plain.EncodeToString(randomBytes(10)))
		t.Recovery = append(t.Recovery, hashText(code))
		e.Recovery = append(e.Recovery, NewSecret(code[:4]+"-"+code[4:8]+"-"+code[8:12]+"-"+code[12:]))
	}
	text, err := json.Marshal(t)
	if err != nil {
		return Enrolment{}, fmt.Errorf("cannot begin a second factor: %w", err)
	}
	sealed := i.authority.Seal(ticketLabel(accountID), text)
	e.Ticket = NewSecret(base64.RawURLEncoding.EncodeToString(sealed))
	return e, nil
}

var errHasFactor = store.Conflictf("second-factor-exists", "the account has a second factor already").Try("disable it first")

func otpURL(u store.User, secret string) string {
	q := url.Values{"secret": {secret}, "issuer": {"larder"}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	// Authenticators want %20 for a blank, which url.Values writes as a plus.
	return "otpauth://totp/" + url.PathEscape("larder:"+u.Email) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// ConfirmTOTP gives the account the second factor of an enrolment, once a code
// of it shows that its owner has it. It needs what EnableTOTP needs.
func (i *Identity) ConfirmTOTP(ctx context.Context, who store.Principal, accountID string, given, code Secret) (store.User, error) {
	if err := mayGuard(who, accountID); err != nil {
		return store.User{}, err
	}
	var t ticket
	sealed, err := base64.RawURLEncoding.DecodeString(given.Reveal())
	if err == nil {
		var text []byte
		if text, err = i.authority.Open(ticketLabel(accountID), sealed); err == nil {
			err = json.Unmarshal(text, &t)
		}
	}
	if err != nil || !i.now().Before(t.Expires) {
		return store.User{}, store.Forbiddenf(CodeLinkUsed, "it is too late to confirm this second factor").Try("begin again")
	}
	guess := checks{codeCheck(accountID)}
	if err := i.charge(ctx, guess); err != nil {
		return store.User{}, err
	}
	return i.change(ctx, who, accountID, "second factor enabled", func(tx *db.Tx, u *store.User) error {
		if u.SecondFactor() {
			return errHasFactor
		}
		step, ok := matchStep(t.Secret, digitsOf(code), tx.Now())
		if !ok {
			return errWrongCode
		}
		u.TOTP = i.authority.Seal(totpLabel(accountID), []byte(t.Secret))
		u.TOTPStep, u.Recovery = step, t.Recovery
		return clear(tx, guess[0])
	})
}

// DisableTOTP takes an account's second factor. It needs what EnableTOTP needs.
func (i *Identity) DisableTOTP(ctx context.Context, who store.Principal, accountID string) (store.User, error) {
	if err := mayGuard(who, accountID); err != nil {
		return store.User{}, err
	}
	return i.change(ctx, who, accountID, "second factor disabled", func(_ *db.Tx, u *store.User) error {
		if !u.SecondFactor() {
			return store.Conflictf(codeNoSecondFactor, "the account has no second factor")
		}
		u.TOTP, u.Recovery = nil, nil // the step stays: no code of it counts again
		return nil
	})
}

var (
	errWrongCode = store.Forbiddenf(CodeTwoFactorFailure, "the code is wrong or was used already")
	errNeedsCode = store.Unauthorisedf(CodeTwoFactorRequired, "a code of the second factor is needed")
)

// checkCode checks the second factor of an account whose password was right:
// nil, or why not. Wrong codes have a counter of their own.
func (i *Identity) checkCode(tx *db.Tx, u *store.User, l *login) (refusal, err error) {
	if !u.SecondFactor() {
		return nil, nil
	}
	if l.OTP.IsZero() {
		return errNeedsCode, nil
	}
	counter := codeCheck(u.Account.ID)
	if _, err := charge(tx, checks{counter}); err != nil {
		if store.CodeOf(err) == CodeTooMany {
			return err, nil
		}
		return nil, err
	}
	good, err := i.useCode(tx, u, digitsOf(l.OTP))
	if err != nil {
		return nil, err
	}
	if !good {
		return errWrongCode, nil
	}
	return nil, clear(tx, counter)
}

// useCode uses up a code: of the authenticator, or to recover. Of any number
// of uses, on any number of nodes, one succeeds.
func (i *Identity) useCode(tx *db.Tx, u *store.User, code string) (good bool, err error) {
	if len(code) != 6 {
		return useRecovery(tx, u, code)
	}
	secret, err := i.authority.Open(totpLabel(u.Account.ID), u.TOTP)
	if err != nil {
		return false, err
	}
	step, ok := matchStep(string(secret), code, tx.Now())
	if !ok {
		return false, nil
	}
	u.TOTPStep = step
	return tx.UseTOTPStep(u.Account.ID, step)
}

func useRecovery(tx *db.Tx, u *store.User, code string) (good bool, err error) {
	hash, found := hashText(strings.ToLower(code)), -1
	for n, kept := range u.Recovery {
		if subtle.ConstantTimeCompare([]byte(kept), []byte(hash)) == 1 {
			found = n
		}
	}
	if found < 0 {
		return false, nil
	}
	u.Recovery = slices.Delete(slices.Clone(u.Recovery), found, found+1)
	if err := tx.PutUser(*u); err != nil {
		return false, err
	}
	record(tx, *u, "recovery code used")
	return true, nil
}

// matchStep finds the step whose code this is, near a time. It looks at all of
// them, whichever matches.
func matchStep(secret, code string, at time.Time) (step int64, ok bool) {
	now := at.Unix() / int64(stepLength/time.Second)
	opts := hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}
	for s := now - stepSkew; s <= now+stepSkew; s++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(s), opts)
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}

// digitsOf is a code as people write it, without blanks and hyphens.
func digitsOf(code Secret) string {
	return strings.NewReplacer(" ", "", "-", "").Replace(code.Reveal())
}
