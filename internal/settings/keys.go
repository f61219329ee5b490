package settings

import (
	"encoding/json"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// Key is one row of the table of settings.
type Key struct {
	Name    string
	Default string
	Kind    Kind
	Secret  bool   // masked unless asked for by name
	Help    string // what it means, for people
}

// Kind is what a value of a key must be.
type Kind uint8

// The kinds of value. Every value is kept as the text an operator typed, in a
// normal form.
const (
	Text     Kind = iota
	Flag          // True or False
	Number        // a whole number, 0 or more
	Port          // 1 to 65535
	List          // a JSON list of strings
	URL           // http(s) with a host and nothing after the path
	Host          // a host name or address, without scheme or port
	HostPort      // a host name or address, with or without a port
	Registry      // a HostPort that the names of images may begin with
	Secrets       // secrets of 16 characters or more, newest first, with commas or spaces between them
	StoreID       // the id of a store; once set it cannot be unset
	Date          // a day, such as 2027-01-31
	Policy        // a review policy
	Issuer        // a URL that stays as it is, with a final slash or without
	Networks      // a JSON list of addresses and networks, such as 10.0.0.0/8
)

// keys is the table. Names and defaults of proxy.* keys are the existing
// product's, so that its exported configuration can be imported; keys that
// steer parts larder does not have (ports of inner services, memcached) are
// kept and shown, and nothing reads them. Keys of larder's own are larder.*.
var keys = []Key{
	{"proxy.domain", "localhost", Host, false, "public host name of this store; part of its URL"},
	{"proxy.ipaddress", "[::]", Text, false, "address the existing product listens on; larder listens where --listen says"},
	{"proxy.port.http", "80", Port, false, "public port of http; part of the store's URL"},
	{"proxy.port.https", "443", Port, false, "public port of https; part of the store's URL"},
	{"proxy.upstream", "https://api.snapcraft.io", URL, false, "device API of the upstream store"},
	{"proxy.dashboard.location", "https://dashboard.snapcraft.io", URL, false, "publisher API of the upstream store"},
	{"proxy.sso.location", "https://login.ubuntu.com", URL, false, "single sign-on that administrators of the existing product use"},
	{"proxy.sso.public.key", "", Text, false, "verifies single sign-on macaroons"},
	{"proxy.https.proxy", "", Text, false, "forward proxy for outgoing https"},
	{"proxy.trust-forwarded-proto", "False", Flag, false, "believe X-Forwarded-Proto of a load balancer that ends TLS"},
	{"larder.trusted-proxies", "[]", Networks, false, "addresses and networks of proxies in front, whose X-Forwarded-For says who asks; without it all clients behind one count as one address where failed logins and uploads are counted"},
	{"proxy.tls.cert", "", Text, false, "TLS certificate chain, PEM; larder serves plain http, and with one the store's URL is https, for a proxy in front that ends TLS"},
	{"proxy.tls.key", "", Text, true, "TLS private key, PEM"},
	{"proxy.key.private", "", Text, true, "identity key of a registered store, PEM"},
	{"proxy.key.public", "", Text, false, "public half of the identity key, PEM"},
	{"proxy.auth.secret", "", Text, true, "root secret of user macaroons"},
	{"proxy.device-auth.secret", "", Secrets, true, "root secrets of device sessions, newest first"},
	{"proxy.device-auth.register-devices", "False", Flag, false, "give serials to devices of brands whose key this store holds"},
	{"proxy.cohort.secret", "", Secrets, true, "root secrets of cohort keys, newest first"},
	{"proxy.device-auth.allowed-device-service-urls", `["https://serial-vault-partners.canonical.com"]`, List, false, "device services reachable through this store"},
	{"proxy.admin-emails", "[]", List, false, "administrators of the overrides API"},
	{"proxy.cache.size", "2048", Number, false, "limit of the download cache, MB"},
	{"proxy.airgap", "False", Flag, false, "offline mode: nothing is asked of an upstream store"},
	{"proxy.db.connection", "", Text, true, "database of the existing product; larder opens what --db says"},
	{"proxy.memcached.connection", "", Text, false, "memcached of the existing product; larder needs none"},
	{"proxy.use-postgres-over-memcached", "False", Flag, false, "where the existing product keeps nonces; larder keeps them in its database"},
	{"proxy.oci-registry.domain", "", Registry, false, "registry that clients are told to pull charm images from; default: this store's own"},
	{"proxy.oci-registry.username", "", Text, false, "user that clients are told to pull charm images as; default: this store's own"},
	{"proxy.oci-registry.password", "", Text, true, "password that clients are told to pull charm images with; default: one for each resource"},
	{"proxy.hsm.token-label", "", Text, false, "PKCS#11 token with serial signing keys"},
	{"proxy.hsm.token-pin", "", Text, true, "PIN of the PKCS#11 token"},
	{"proxy.storage.backend", "local", Text, false, "storage of the existing product; larder opens what --blobs says"},
	{"proxy.storage.s3.server-url", "", Text, false, "S3 endpoint of the existing product"},
	{"proxy.storage.s3.region", "us-east-1", Text, false, "S3 region of the existing product"},
	{"proxy.storage.s3.use-path-style", "True", Flag, false, "S3 addressing of the existing product"},
	{"proxy.storage.s3.access-key-id", "", Text, false, "S3 user of the existing product"},
	{"proxy.storage.s3.secret-access-key", "", Text, true, "S3 password of the existing product"},
	{"proxy.storage.s3.unscanned-container-name", "unscanned-production", Text, false, "bucket of the existing product"},
	{"proxy.storage.s3.scanned-container-name", "scanned-production", Text, false, "bucket of the existing product"},
	{"proxy.port.memcached", "11211", Port, false, "inner port of the existing product"},
	{"proxy.port.packagereview", "8006", Port, false, "inner port of the existing product"},
	{"proxy.port.publishergw", "8010", Port, false, "inner port of the existing product"},
	{"proxy.port.snapassert", "5000", Port, false, "inner port of the existing product"},
	{"proxy.port.snapauth", "8005", Port, false, "inner port of the existing product"},
	{"proxy.port.snapdevicegw", "8000", Port, false, "inner port of the existing product"},
	{"proxy.port.snapident", "8001", Port, false, "inner port of the existing product"},
	{"proxy.port.snapmodels", "8007", Port, false, "inner port of the existing product"},
	{"proxy.port.snaprevs", "8002", Port, false, "inner port of the existing product"},
	{"proxy.port.snapstorage", "8011", Port, false, "inner port of the existing product"},
	{"proxy.port.storeadmingw", "8013", Port, false, "inner port of the existing product"},
	{"larder.deltas.enabled", "True", Flag, false, "make deltas between revisions after releases, where xdelta3 is installed"},
	{"larder.deltas.max-size", "1024", Number, false, "largest snap that deltas are made from or to, MB"},
	{"larder.sso.location", "", HostPort, false, "host, with its port unless that is the usual one, of the URL by which clients reach the single sign-on; default: that of the store's URL"},
	{"larder.sso.aliases", `["dashboard.snapcraft.io","login.ubuntu.com"]`, List, false, "hosts of the public store that resolve to this one here; who comes by them expects the public single sign-on's name"},
	{"larder.sso.keys-by-email", "False", Flag, false, "tell anybody an account's SSH keys by its e-mail address, as snap create-user asks"},
	{"larder.identity.return-to", "[]", List, false, "web sites whose users may log in here, as the beginnings of the URLs they return to"},
	{"larder.names.reserved", "[]", List, false, "names that nobody may register; * and ? stand for letters"},
	{"larder.names.per-hour", "60", Number, false, "names that one account may register in an hour; 0 is no limit"},
	{"larder.terms.url", "", URL, false, "terms that publishers have to agree to; default: none"},
	{"larder.terms.since", "", Date, false, "the day that the terms are of; who agreed before has to agree again"},
	{"larder.oidc.issuer", "", Issuer, false, "OpenID provider that people may log in with, as it spells its own name"},
	{"larder.oidc.name", "", Text, false, "what people call the OpenID provider; default: its host"},
	{"larder.oidc.client-id", "", Text, false, "what the OpenID provider calls this store"},
	{"larder.oidc.client-secret", "", Text, true, "proves to the OpenID provider that it is this store"},
	{"larder.oidc.scopes", "openid email profile", Text, false, "what the OpenID provider is asked to tell, separated by blanks"},
	{"larder.oidc.allow-signup", "False", Flag, false, "make an account for whoever the OpenID provider knows and this store does not"},
	{"larder.review.policy", "", Policy, false, "rules that uploads are reviewed by; default: what larder review policy show prints"},
	{"larder.uploads.max-size", strconv.Itoa(store.MaxUploadMB), Number, false, "limit of one upload, MB"},
	{"larder.uploads.unclaimed-per-address", strconv.Itoa(store.MaxUnclaimedMB), Number, false, "limit of what one address has uploaded and nobody has claimed, MB"},
	{"larder.uploads.unclaimed-total", strconv.Itoa(store.MaxUnclaimedTotalMB), Number, false, "limit of what all have uploaded and nobody has claimed, MB"},
	{"internal.store.id", "", StoreID, false, "id of this store"},
	{"internal.root.wanted", "False", Flag, false, "a root of this store's own is still to be made"},
	{"internal.store.url", "", URL, false, "URL in this store's assertion; default: made from proxy.domain and the port"},
	{"internal.snapassert.signing.revisions.key", "", Text, true, "delegated key for snap-revision assertions"},
	{"internal.snapassert.signing.revisions.key-id", "", Text, false, "id of the delegated key"},
	{"internal.snapassert.signing.revisions.account-id", "", Text, false, "account of the delegated key"},
	{"internal.publishergw.snapmodels.read-timeout", "15", Number, false, "seconds the existing product waits for an HSM"},
	{"internal.airgap.gateway-hash", "", Text, false, "kept for migrations from the existing product"},
	{"internal.airgap.store.admin.id", "", Text, false, "imported administrator of a dedicated store"},
	{"internal.airgap.store.admin.macaroon-sha3-384", "", Text, false, "hash of the imported administrator's macaroon"},
	{"internal.airgap.store.provenance-allowlist", "", Text, false, "provenance values accepted for direct uploads"},
	{"internal.storeadmingw.admin-auth-token", "", Text, true, "kept for migrations from the existing product"},
	{"internal.snapstorage.local-origin-secret", "", Text, true, "kept for migrations from the existing product"},
	{"internal.snapstorage.hmac-shared-key", "", Text, true, "kept for migrations from the existing product"},
}

var keyByName = func() map[string]Key {
	m := make(map[string]Key, len(keys))
	for _, k := range keys {
		m[k.Name] = k
	}
	return m
}()

// Keys returns the table, in the order it is shown.
func Keys() []Key { return append([]Key(nil), keys...) }

// Lookup returns the row of a key.
func Lookup(name string) (Key, error) {
	k, ok := keyByName[name]
	if !ok {
		return Key{}, store.NotFoundf("unknown-setting", "there is no setting %.100q", name).
			Try("larder config lists them all")
	}
	return k, nil
}

// maxValue bounds a value, bytes. Certificate chains are the longest.
const maxValue = 256 << 10

// normal checks a value and returns its normal form. The empty text unsets a
// key.
func (k Key) normal(value string) (string, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return "", nil
	}
	if len(value) > maxValue {
		return "", store.TooLargef("setting-too-large", "cannot set %s: the value is longer than %d bytes", k.Name, maxValue)
	}
	bad := func(want string) (string, error) {
		shown := strconv.Quote(value)
		if k.Secret || len(value) > 200 {
			shown = "that value"
		}
		return "", store.Invalidf("invalid-setting", "cannot set %s to %s: it takes %s", k.Name, shown, want).
			Try("an empty value puts the default back")
	}
	switch k.Kind {
	case Flag:
		b, err := strconv.ParseBool(strings.ToLower(value))
		if err != nil {
			return bad("True or False")
		}
		if b {
			return "True", nil
		}
		return "False", nil
	case Number, Port:
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return bad("a whole number")
		}
		if k.Kind == Port && (n == 0 || n > 65535) {
			return bad("a port from 1 to 65535")
		}
	case List:
		var list []string
		if json.Unmarshal([]byte(value), &list) != nil {
			return bad(`a JSON list of strings, such as ["a", "b"]`)
		}
		if list == nil { // from null
			list = []string{}
		}
		b, err := json.Marshal(list)
		return string(b), err
	case Networks:
		list, err := parseNetworks(value)
		if err != nil {
			return bad(`a JSON list of addresses and networks, such as ["10.0.0.1", "10.1.0.0/16"]`)
		}
		b, err := json.Marshal(list)
		return string(b), err
	case URL, Issuer:
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
			u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return bad("an http or https URL with a host")
		}
		if k.Kind == Issuer {
			return value, nil
		}
		return strings.TrimSuffix(value, "/"), nil
	case Host:
		host, ok := hostOf(value)
		if !ok {
			return bad("a host name or address without scheme, port and path")
		}
		return host, nil
	case HostPort:
		host, port, err := net.SplitHostPort(value)
		if err != nil {
			host, port = value, "1"
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if _, ok := hostOf(host); !ok || err != nil || n == 0 {
			return bad("a host name or address, with a port if need be, without scheme and path")
		}
	case Registry:
		if !store.ValidRegistryHost(value) {
			return bad("a host name with a dot in it, or a host name or address with a port, without scheme and path")
		}
	case Secrets:
		if _, err := store.SplitSecrets(value); err != nil {
			return bad("secrets of 16 random characters or more, newest first, with commas between them")
		}
	case Date:
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return bad("a day such as 2027-01-31")
		}
	case Policy:
		if _, err := store.ParseReviewPolicy(value); err != nil {
			return "", err
		}
	case StoreID:
		if store.ValidStoreID(value) != nil {
			return bad("letters, digits and inner hyphens, 64 at most")
		}
	}
	return value, nil
}

// parseNetworks reads a JSON list of addresses and networks.
func parseNetworks(value string) ([]netip.Prefix, error) {
	var words []string
	if err := json.Unmarshal([]byte(value), &words); err != nil {
		return nil, err
	}
	list := make([]netip.Prefix, len(words))
	for i, word := range words {
		address, err := netip.ParseAddr(word)
		if err == nil {
			address = address.Unmap().WithZone("")
			list[i] = netip.PrefixFrom(address, address.BitLen())
			continue
		}
		if list[i], err = netip.ParsePrefix(word); err != nil {
			return nil, err
		}
		list[i] = list[i].Masked()
	}
	return list, nil
}

// hostName is what names of hosts look like, underscores included, since
// networks inside of companies use them.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?$`)

// hostOf returns a host without the brackets around an IPv6 address.
func hostOf(value string) (host string, ok bool) {
	if bare, found := strings.CutPrefix(value, "["); found {
		value = strings.TrimSuffix(bare, "]")
	}
	return value, net.ParseIP(value) != nil || hostName.MatchString(value)
}
