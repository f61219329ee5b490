package device

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Settings that hold the secrets of this room, shared by all nodes. Their
// text is that of a ring. They are made on first use; whoever loses the
// first only makes every device open a new session, whoever loses the second
// makes every cohort key invalid.
const (
	SettingSessionSecret = "proxy.device-auth.secret"
	SettingCohortSecret  = "proxy.cohort.secret"
)

// actor is who the change log names for what this room does by itself.
const actor = "larder"

// Config tells what may differ between installations. The zero value is ready
// for use.
type Config struct {
	SessionLife time.Duration    // of a session macaroon; zero is 24 hours
	TicketLife  time.Duration    // of a nonce or request-id; zero is 10 minutes
	ClockSkew   time.Duration    // allowed between a device's clock and ours; zero is a day
	MaxProven   int              // session tokens remembered as verified; zero is 16,384
	TouchEvery  time.Duration    // at most one write to the inventory per device in it; zero is an hour
	Now         func() time.Time // nil is time.Now
	// Limit, where set, is asked before a nonce or request-id is handed out;
	// its error is returned as it is.
	Limit func(context.Context) error
	// Approve, where set, is asked before a device gets its first serial:
	// false lets it wait and ask again, an error refuses it. Without it, any
	// device that shows a model of a brand whose key larder holds gets one,
	// and with it what devices of that brand's store may see.
	Approve func(context.Context, Applicant) (bool, error)
}

// Applicant is a device that asks for a serial.
type Applicant struct {
	Device   store.DeviceID // with the serial that it would get
	KeyID    string         // of its device key
	Original store.DeviceID // what it was before a remodel; zero for a new device
	Body     []byte         // what the gadget adds to the request
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	def(&c.SessionLife, 24*time.Hour)
	def(&c.TicketLife, 10*time.Minute)
	def(&c.ClockSkew, 24*time.Hour)
	def(&c.TouchEvery, time.Hour)
	if c.MaxProven == 0 {
		c.MaxProven = 16_384
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Limit == nil {
		c.Limit = func(context.Context) error { return nil }
	}
	if c.Approve == nil {
		c.Approve = func(context.Context, Applicant) (bool, error) { return true, nil }
	}
	return c
}

// Devices knows the machines of this store. It is safe for concurrent use.
type Devices struct {
	db        *db.DB
	authority *authority.Authority
	config    Config

	sessions, tickets, cohorts *rings

	proven  *recent[[sha256.Size]byte, store.Principal] // by digest of the token
	touched *recent[store.DeviceID, time.Time]
}

// New returns the devices of the store in d.
func New(d *db.DB, a *authority.Authority, config Config) *Devices {
	devices := newDevices(config, func(ctx context.Context, setting string) (string, error) {
		return secretSetting(ctx, d, a, setting)
	})
	devices.db, devices.authority = d, a
	return devices
}

// secretSource returns the text of a ring's setting, which it creates where
// there is none.
type secretSource func(ctx context.Context, setting string) (string, error)

func newDevices(config Config, secrets secretSource) *Devices {
	config = config.withDefaults()
	keep := func(purpose, setting string) *rings {
		return &rings{purpose: purpose, now: config.Now, fetch: func(ctx context.Context) (string, error) {
			return secrets(ctx, setting)
		}}
	}
	return &Devices{
		config:   config,
		sessions: keep("device session", SettingSessionSecret),
		tickets:  keep("device ticket", SettingSessionSecret),
		cohorts:  keep("cohort", SettingCohortSecret),
		proven:   newRecent[[sha256.Size]byte, store.Principal](config.MaxProven),
		touched:  newRecent[store.DeviceID, time.Time](config.MaxProven),
	}
}

// secretSetting reads a ring's setting, and makes it where it is missing or
// empty, sealed as every secret setting. Nodes that do so at once agree on one.
func secretSetting(ctx context.Context, d *db.DB, a *authority.Authority, key string) (text string, err error) {
	read := func(tx *db.Tx) error {
		text = ""
		s, err := tx.Setting(key)
		if store.KindOf(err) == store.KindNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		text, _, err = a.OpenSetting(s)
		return err
	}
	if err := d.View(ctx, read); err != nil || strings.TrimSpace(text) != "" {
		return text, err
	}
	_, err = d.Update(ctx, actor, func(tx *db.Tx) error {
		if err := read(tx); err != nil || strings.TrimSpace(text) != "" {
			return err
		}
		text = newRingSecret()
		tx.Record(store.SettingSet, "setting/"+key, map[string]any{"secret": true})
		return tx.PutSetting(key, a.SealSetting(key, text), actor)
	})
	return text, err
}

// Forget drops what was remembered of the secrets. It is to be called when
// the change log says that one of the two settings has changed.
func (d *Devices) Forget() {
	for _, r := range []*rings{d.sessions, d.tickets, d.cohorts} {
		r.forget()
	}
	d.proven.clear()
}

// PhaseIdentity is what decides a device's place in progressive releases: the
// same for the life of its serial, and empty for who has proved none.
func PhaseIdentity(p store.Principal) string {
	if p.Device.IsZero() {
		return ""
	}
	return p.Device.String()
}

// deviceOf reads who a serial or a request is about.
func deviceOf(a *assertion.Assertion) store.DeviceID {
	return store.DeviceID{
		Brand:  a.HeaderString("brand-id"),
		Model:  a.HeaderString("model"),
		Serial: a.HeaderString("serial"),
	}
}
