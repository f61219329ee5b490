package device

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// A ticket is good once, for one purpose, for a while: a nonce or a
// request-id. It is signed instead of stored, so that asking for tickets
// costs nothing and fills nothing; only what was used is written down, until
// it would have expired. It is the unpadded URL-safe base64 of
//
//	version (1 byte) | mark of the ring's key (8) | expiry, Unix seconds (8) | random (16) | MAC (16)
const (
	ticketVersion = 1
	ticketHead    = 1 + 8 + 8 + 16
	ticketMAC     = 16
	ticketText    = (ticketHead+ticketMAC)*8/6 + 1 // 49 bytes give 66 characters
)

// ticketPurpose keeps one sort of ticket from serving as another.
type ticketPurpose string

const (
	forSession ticketPurpose = "device-session"
	forSerial  ticketPurpose = "serial-request"
)

// Nonce hands out what a device-session-request must carry.
func (d *Devices) Nonce(ctx context.Context) (string, error) { return d.issue(ctx, forSession) }

// RequestID hands out what a serial-request must carry.
func (d *Devices) RequestID(ctx context.Context) (string, error) { return d.issue(ctx, forSerial) }

func (d *Devices) issue(ctx context.Context, purpose ticketPurpose) (string, error) {
	if err := d.config.Limit(ctx); err != nil {
		return "", err
	}
	ring, err := d.tickets.current(ctx)
	if err != nil {
		return "", err
	}
	raw := make([]byte, 0, ticketHead+ticketMAC)
	raw = append(raw, ticketVersion)
	raw = append(raw, ring[0].mark[:]...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(d.config.Now().Add(d.config.TicketLife).Unix()))
	raw = raw[:ticketHead]
	rand.Read(raw[ticketHead-16:])
	raw = append(raw, ring[0].ticketMAC(raw, purpose)...)
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

func (k ringKey) ticketMAC(head []byte, purpose ticketPurpose) []byte {
	h := hmac.New(sha256.New, k.key[:])
	h.Write(head)
	h.Write([]byte(purpose))
	return h.Sum(nil)[:ticketMAC]
}

// clockSpread is how far the clocks of two nodes may be apart before a ticket
// could be used twice: used ones are remembered that much longer.
const clockSpread = time.Hour

// ticket is one that this store issued. It may have expired or been used.
type ticket struct {
	text    string
	purpose ticketPurpose
	expires time.Time
}

// readTicket fails unless this store issued the ticket for this purpose.
func (d *Devices) readTicket(ctx context.Context, text string, purpose ticketPurpose) (ticket, error) {
	if len(text) != ticketText {
		return ticket{}, badTicket(purpose, "was not issued here")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || raw[0] != ticketVersion {
		return ticket{}, badTicket(purpose, "was not issued here")
	}
	head, mac := raw[:ticketHead], raw[ticketHead:]
	k, err := d.tickets.lookup(ctx, markBytes(head[1:9]))
	if err != nil {
		return ticket{}, err
	}
	if k == nil || !hmac.Equal(mac, k.ticketMAC(head, purpose)) {
		return ticket{}, badTicket(purpose, "was not issued here")
	}
	return ticket{text: text, purpose: purpose, expires: time.Unix(int64(binary.BigEndian.Uint64(head[9:17])), 0)}, nil
}

// fresh fails when the ticket has expired.
func (t ticket) fresh(now time.Time) error {
	if !now.Before(t.expires) {
		return badTicket(t.purpose, "has expired")
	}
	return nil
}

// use spends the ticket in a transaction. Of any number of transactions, on
// any number of nodes, one succeeds.
func (t ticket) use(tx *db.Tx) error {
	if _, err := tx.DropNonces(); err != nil {
		return err
	}
	err := tx.PutNonce(t.text, string(t.purpose), t.expires.Add(clockSpread))
	if store.KindOf(err) == store.KindConflict {
		return badTicket(t.purpose, "was used already")
	}
	return err
}

func badTicket(purpose ticketPurpose, why string) *store.Error {
	if purpose == forSerial {
		return store.Invalidf(codeRequestID, "the request-id %s", why).Try("ask for a new request-id")
	}
	return store.Unauthorisedf(codeNonce, "the nonce %s", why).Try("ask for a new nonce")
}
