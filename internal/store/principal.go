package store

import (
	"slices"
	"time"
)

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
	Role Role   // zero means RoleDevice
	Name string // who, for the change log: "host:root", an account id, a device
	// Account is the id of the account that has logged in; empty for devices
	// and for commands on the host.
	Account string
	Device  DeviceID // of a proven session
	// StoreID is the store that the proven device's model names.
	StoreID string
	// Stores the principal belongs to, besides StoreID; "*" is all.
	Stores []string
	// Session is the id of the token that the account showed; empty otherwise.
	Session string
	// Limits narrow what the role allows: each of them must.
	Limits []Limits
	// Pulls are the repositories whose pull credentials p has shown.
	Pulls []ImageRepo
	// Expires is when the credentials end; zero is never.
	Expires time.Time
}

// Limits are what one token, or one caveat that its holder appended to it,
// restricts its bearer to. A nil list is no restriction of its kind, and an
// empty one allows nothing.
type Limits struct {
	Permissions []Permission
	Packages    []PackageLimit
	Channels    []string // patterns, see MatchChannel
	Stores      []string // ids of packages' home stores
	Images      []ImageRepo
}

// PackageLimit names a package by id, or by name; without a namespace the name
// counts in each.
type PackageLimit struct {
	ID        string    `json:"id,omitempty"`
	Namespace Namespace `json:"namespace,omitempty"`
	Name      string    `json:"name,omitempty"`
	// Type is what the named package has to be, charm or bundle; empty is either.
	// Beside an id it is only what the client called it.
	Type string `json:"type,omitempty"`
}

func (l PackageLimit) names(p *Package) bool {
	if l.ID != "" {
		return l.ID == p.ID
	}
	return l.Name == p.Name && (l.Namespace == "" || l.Namespace == p.Namespace) && (l.Type == "" || l.Type == p.Type)
}

// Host is the principal of a command that runs where the data is: whoever can
// open the database may do everything.
func Host(user string) Principal {
	return Principal{Role: RoleOperator, Name: "host:" + user, Stores: []string{"*"}}
}

// CodePermission is the code of the refusal that a permission is missing. What
// it concerns is in the error's Extra under "permission": the permission, or
// "channel" with the refused ones under "channels".
const CodePermission = "permission-required"

// CodeForeignPackage is the code of the refusal to touch another's package.
const CodeForeignPackage = "resource-forbidden"

// Need returns nil when p may do perm at all, or an error of kind forbidden.
// What is about one package asks NeedOn instead.
func (p Principal) Need(perm Permission) error {
	if !slices.Contains(rolePermissions[p.role()], perm) {
		return Forbiddenf(CodePermission, "%s may not do this: it needs the permission %s", p.who(), perm).
			With("permission", string(perm))
	}
	for _, l := range p.Limits {
		if l.Permissions != nil && !slices.Contains(l.Permissions, perm) {
			return Forbiddenf(CodePermission, "the token may not do this: it needs the permission %s", perm).
				With("permission", string(perm))
		}
	}
	return nil
}

// NeedOn returns nil when p may do perm to the package: when its role may do so
// to every package, or it publishes or collaborates on this one, and no limit of
// its token speaks against it. A private package of others does not exist.
func (p Principal) NeedOn(perm Permission, pkg *Package) error {
	if err := p.Need(perm); err != nil {
		return err
	}
	if !p.maySomewhereElse(perm) && !p.publishes(pkg) && (!p.collaborates(pkg) || slices.Contains(ownerOnly, perm)) {
		if pkg.Private && !p.collaborates(pkg) {
			return NotFoundf("package-not-found", "no %s is called %q", pkg.Namespace, pkg.Name)
		}
		return Forbiddenf(CodeForeignPackage, "%s may not do this to %s, which is another's", p.who(), pkg.Name)
	}
	return p.withinLimits(pkg)
}

// withinLimits returns nil when p's token is for the package.
func (p Principal) withinLimits(pkg *Package) error {
	for _, l := range p.Limits {
		named := func(limit PackageLimit) bool { return limit.names(pkg) }
		if l.Packages != nil && !slices.ContainsFunc(l.Packages, named) {
			return Forbiddenf(CodeForeignPackage, "the token is not for %s", pkg.Name)
		}
		if l.Stores != nil && !slices.Contains(l.Stores, pkg.StoreID) {
			return Forbiddenf(CodeForeignPackage, "the token is not for the store that %s is in", pkg.Name)
		}
	}
	return nil
}

// NeedChannels returns nil when p's token may move these channels.
func (p Principal) NeedChannels(channels ...Channel) error {
	var refused []string
	for _, c := range channels {
		matches := func(pattern string) bool { return MatchChannel(pattern, c) }
		for _, l := range p.Limits {
			if l.Channels != nil && !slices.ContainsFunc(l.Channels, matches) {
				refused = append(refused, c.String())
				break
			}
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return Forbiddenf(CodePermission, "the token is not for these channels: %v", refused).
		With("permission", "channel").With("channels", refused)
}

// maySomewhereElse reports whether p's role has perm on packages of others.
func (p Principal) maySomewhereElse(perm Permission) bool {
	return slices.Contains(everywhere[p.role()], perm)
}

func (p Principal) publishes(pkg *Package) bool {
	return p.Account != "" && p.Account == pkg.PublisherID
}

func (p Principal) collaborates(pkg *Package) bool {
	return p.Account != "" && slices.Contains(pkg.Collaborators, p.Account)
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

// With is p's device in the hands of a user who has logged in: it sees what
// either may see. What the user's token may do stays as limited as it was.
func (p Principal) With(user Principal) Principal {
	user.Device, user.StoreID = p.Device, p.StoreID
	user.Stores = slices.Concat(user.Stores, p.Stores)
	return user
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
