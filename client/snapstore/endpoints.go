package snapstore

import (
	"strings"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/transport"
)

// Endpoints say where a store is and which of its interfaces to use. Start from
// one of the sets below and change what differs; every base may have a path of
// its own, and a final slash does not matter.
type Endpoints struct {
	// Namespace of the publisher gateway: "snap" or "charm"; empty is "snap".
	Namespace string
	// BaseURL is the dashboard or the publisher gateway; empty is the public
	// store of the namespace.
	BaseURL string
	// GatewayURL is the base of /v1 where that is another host; empty is
	// BaseURL.
	GatewayURL string
	// StorageURL takes the uploads; empty is BaseURL.
	StorageURL string
	// DeviceURL is asked for what devices see; empty is BaseURL.
	DeviceURL string
	// IdentityURL discharges macaroons; empty is auth.DefaultIdentityURL.
	IdentityURL string
	// WhoamiPath tells whose credentials these are; empty is
	// "/api/v2/tokens/whoami", for charms "/v1/tokens/whoami".
	WhoamiPath string
	// UploadPath is appended to StorageURL; empty is "/unscanned-upload/".
	UploadPath string
	// PackageTypes are the types that a Grant may name; empty allows all.
	PackageTypes []string
}

// UbuntuOneSnapStore is the public snap store with Ubuntu One logins
// (craft-store: U1_SNAP_STORE). It is what a zero Client talks to.
func UbuntuOneSnapStore() Endpoints {
	return Endpoints{
		Namespace:    "snap",
		BaseURL:      "https://dashboard.snapcraft.io",
		StorageURL:   "https://storage.snapcraftcontent.com",
		DeviceURL:    "https://api.snapcraft.io",
		IdentityURL:  auth.DefaultIdentityURL,
		WhoamiPath:   "/api/v2/tokens/whoami",
		PackageTypes: []string{"snap"},
	}
}

// SnapStore is the public snap store with single tokens (craft-store:
// SNAP_STORE). Log in with auth.CandidLogin{Dashboard: true}.
func SnapStore() Endpoints { return UbuntuOneSnapStore() }

// Charmhub is the publisher gateway for charms (craft-store: CHARMHUB).
func Charmhub() Endpoints {
	return Endpoints{
		Namespace:    "charm",
		BaseURL:      "https://api.charmhub.io",
		StorageURL:   "https://storage.snapcraftcontent.com",
		IdentityURL:  auth.DefaultIdentityURL,
		WhoamiPath:   "/v1/tokens/whoami",
		PackageTypes: []string{"charm", "bundle"},
	}
}

// SnapGateway is the public publisher gateway for snaps.
func SnapGateway() Endpoints {
	e := Charmhub()
	e.Namespace, e.DeviceURL, e.PackageTypes = "snap", "https://api.snapcraft.io", []string{"snap"}
	return e
}

// OnPrem is an air-gapped store: its gateway, usually
// "https://host/publishergw", and where it takes uploads, usually
// "https://host". Log in with auth.OfflineLogin.
func OnPrem(gatewayURL, storageURL string) Endpoints {
	return Endpoints{
		Namespace: "snap", BaseURL: gatewayURL, StorageURL: storageURL, DeviceURL: storageURL,
		IdentityURL: storageURL, WhoamiPath: "/v1/tokens/whoami", PackageTypes: []string{"snap"},
	}
}

// At is a store that serves everything at one address, its logins included, as
// larder does.
func At(baseURL string) Endpoints {
	return Endpoints{
		Namespace: "snap", BaseURL: baseURL, IdentityURL: baseURL,
		WhoamiPath: "/api/v2/tokens/whoami", PackageTypes: []string{"snap"},
	}
}

// CharmsAt is At for charms: names, libraries, resources and what juju asks, all
// at one address.
func CharmsAt(baseURL string) Endpoints {
	return Endpoints{
		Namespace: "charm", BaseURL: baseURL, IdentityURL: baseURL,
		WhoamiPath: "/v1/tokens/whoami", PackageTypes: []string{"charm", "bundle"},
	}
}

// withDefaults fills in what is empty and cuts final slashes.
func (e Endpoints) withDefaults() Endpoints {
	e.Namespace = first(e.Namespace, "snap")
	public := UbuntuOneSnapStore()
	if e.Namespace == "charm" {
		public = Charmhub()
	}
	if e.BaseURL == "" {
		e.BaseURL = public.BaseURL
		e.StorageURL = first(e.StorageURL, public.StorageURL)
		e.DeviceURL = first(e.DeviceURL, public.DeviceURL)
	}
	e.GatewayURL = strings.TrimRight(first(e.GatewayURL, e.BaseURL), "/")
	e.StorageURL = strings.TrimRight(first(e.StorageURL, e.BaseURL), "/")
	e.DeviceURL = strings.TrimRight(first(e.DeviceURL, e.BaseURL), "/")
	e.BaseURL = strings.TrimRight(e.BaseURL, "/")
	e.IdentityURL = strings.TrimRight(first(e.IdentityURL, auth.DefaultIdentityURL), "/")
	e.WhoamiPath = first(e.WhoamiPath, public.WhoamiPath)
	e.UploadPath = first(e.UploadPath, "/unscanned-upload/")
	return e
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// path escapes each element, so that a name cannot leave its place.
func path(elements ...string) string { return transport.Path(elements...) }
