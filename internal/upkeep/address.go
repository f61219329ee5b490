package upkeep

import (
	"context"
	"net"
	"net/url"
	"strings"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// URL is where devices find this store, from the settings; "" when nobody has
// set proxy.domain or internal.store.url, and then the address that a request
// came to is the best answer.
func (u *Upkeep) URL(ctx context.Context) (string, error) {
	fixed, err := u.Settings.Get(ctx, "internal.store.url")
	if err != nil || fixed != "" {
		return fixed, err
	}
	if set, err := u.Settings.IsSet(ctx, "proxy.domain"); err != nil || !set {
		return "", err
	}
	domain, err := u.Settings.Get(ctx, "proxy.domain")
	if err != nil {
		return "", err
	}
	scheme, portKey, usual := "http", "proxy.port.http", "80"
	if cert, err := u.Settings.Get(ctx, "proxy.tls.cert"); err != nil {
		return "", err
	} else if cert != "" {
		scheme, portKey, usual = "https", "proxy.port.https", "443"
	}
	port, err := u.Settings.Get(ctx, portKey)
	if err != nil {
		return "", err
	}
	if strings.Contains(domain, ":") { // an IPv6 address
		domain = "[" + domain + "]"
	}
	if port != usual {
		domain += ":" + port
	}
	return (&url.URL{Scheme: scheme, Host: domain}).String(), nil
}

// StoreAssertions returns the stream that a device acknowledges before it uses
// this store as its proxy, and the store's id. A store with its own root signs
// its store assertion the first time, and again when its configured URL has
// changed; one that another authority signed stays as it is. Listening is the
// address that stands in the first time while none is configured; it must not
// be a client's word, and an address of every interface is none.
func (u *Upkeep) StoreAssertions(ctx context.Context, listening string) (stream []byte, storeID string, err error) {
	storeID, err = u.Settings.Get(ctx, keyStoreID)
	if err != nil {
		return nil, "", err
	}
	at, err := u.URL(ctx)
	if err != nil {
		return nil, "", err
	}
	configured := at != ""
	if !configured {
		at = listening
	}
	collect := func(tx *db.Tx) error {
		list, err := u.Authority.StoreAssertions(tx, storeID)
		stream = authority.Encode(list)
		return err
	}
	current, own, err := u.storeAssertion(ctx, storeID)
	if err != nil {
		return nil, "", err
	}
	switch {
	case current == nil && own == "":
		return nil, "", store.NotFoundf("not-registered", "this store has no store assertion").
			Try("give it its own root with larder init, or add a store assertion for " + storeID + " with larder assertion add")
	case own != "" && !configured && current == nil && wildcard(at):
		return nil, "", store.Conflictf("no-address", "this store does not know the address that devices find it at").
			Try("set it with larder config proxy.domain=NAME proxy.port.http=PORT")
	case own != "" && (current == nil || configured && current.AuthorityID() == own && current.HeaderString("url") != at):
		_, err = u.DB.Update(ctx, "store", func(tx *db.Tx) error {
			if _, _, err := u.Authority.SignStore(tx, authority.StoreFacts{ID: storeID, URL: at}); err != nil {
				return err
			}
			return collect(tx)
		})
	default:
		err = u.DB.View(ctx, collect)
	}
	return stream, storeID, err
}

// wildcard reports whether a URL names every interface instead of a host.
func wildcard(at string) bool {
	u, err := url.Parse(at)
	if err != nil {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "" || ip != nil && ip.IsUnspecified()
}

// storeAssertion returns the stored assertion, nil when there is none, and the
// account this store could sign one as, "" when it has none.
func (u *Upkeep) storeAssertion(ctx context.Context, id string) (current *assertion.Assertion, own string, err error) {
	ref, err := assertion.NewRef("store", id)
	if err != nil {
		return nil, "", err
	}
	err = u.DB.View(ctx, func(tx *db.Tx) (err error) {
		if own, err = u.own(tx); err != nil {
			return err
		}
		current, err = u.Authority.Find(tx, ref, authority.AnyFormat)
		if store.KindOf(err) == store.KindNotFound {
			current, err = nil, nil
		}
		return err
	})
	return current, own, err
}
