package store

import (
	"slices"
	"time"
)

// Permission names one thing a principal may do. Every use case begins with
// the permission it needs.
type Permission string

// The permissions.
const (
	PermView     Permission = "package-view"     // read what a store shows
	PermPush     Permission = "package-push"     // put revisions in, register names
	PermRelease  Permission = "package-release"  // move channels
	PermOverride Permission = "package-override" // set and delete overrides
	PermManage   Permission = "package-manage"   // change a package's listing, store and access
	PermAccount  Permission = "account-manage"   // accounts, keys, assertions, trust
	PermStore    Permission = "store-manage"     // store views, settings, status, repair
)

// Role is a named set of permissions.
type Role string

// The roles. An anonymous principal and a device have RoleDevice.
const (
	RoleDevice   Role = "device"
	RoleOperator Role = "operator"
)

// rolePermissions is the table of who may do what.
var rolePermissions = map[Role][]Permission{
	RoleDevice: {PermView},
	RoleOperator: {
		PermView, PermPush, PermRelease, PermOverride, PermManage, PermAccount, PermStore,
	},
}

// DeviceID names a machine: the primary key of its serial assertion.
type DeviceID struct {
	Brand  string `json:"brand-id"`
	Model  string `json:"model"`
	Serial string `json:"serial"`
}

// IsZero reports whether d names no machine.
func (d DeviceID) IsZero() bool { return d == DeviceID{} }

func (d DeviceID) String() string { return d.Brand + "/" + d.Model + "/" + d.Serial }

// Principal is whoever asks, in whatever dialect and with whatever
// credentials. Rules look only at this. The zero Principal is an anonymous
// device: it may look at what is public.
type Principal struct {
	Role   Role     // zero means RoleDevice
	Name   string   // who, for the change log: "host:root", an account id, a device
	Device DeviceID // of a proven session
	// StoreID is the store that the proven device's model names.
	StoreID string
	// Stores the principal belongs to, besides StoreID; "*" is all.
	Stores []string
	// Expires is when the credentials end; zero is never.
	Expires time.Time
}

// Host is the principal of a command that runs where the data is: whoever can
// open the database may do everything.
func Host(user string) Principal {
	return Principal{Role: RoleOperator, Name: "host:" + user, Stores: []string{"*"}}
}

// Need returns nil when p may do perm, or an error of kind forbidden.
func (p Principal) Need(perm Permission) error {
	if slices.Contains(rolePermissions[p.role()], perm) {
		return nil
	}
	return Forbiddenf("permission-required", "%s may not do this: it needs the permission %s", p.who(), perm)
}

// Belongs reports whether p belongs to the store with this id.
func (p Principal) Belongs(storeID string) bool {
	return p.StoreID != "" && p.StoreID == storeID ||
		slices.Contains(p.Stores, storeID) || slices.Contains(p.Stores, "*")
}

// In is p as the store that its device's model names takes it. Any brand may
// write any store into its models, so a store only takes devices of its own
// brand, and one without a brand, as the global store is, takes none; others
// belong to no store by their model.
func (p Principal) In(home View) Principal {
	if home.Brand == "" || home.Brand != p.Device.Brand {
		p.StoreID = ""
	}
	return p
}

func (p Principal) role() Role {
	if p.Role == "" {
		return RoleDevice
	}
	return p.Role
}

func (p Principal) who() string {
	switch {
	case p.Name != "":
		return p.Name
	case !p.Device.IsZero():
		return "device " + p.Device.String()
	}
	return "an anonymous device"
}
