package assertion

import (
	"slices"
	"strings"
)

// Type is one row of the table of assertion types.
type Type struct {
	Name string
	// Key is the primary key.
	Key []KeyMember
	// MaxFormat is the newest format whose rules are known here.
	MaxFormat int
	// Authority says who may sign.
	Authority Authority
	// Signer names the header with the account that must be the authority, for
	// ByNamed.
	Signer string
	// Sequence marks types whose last key member counts up from 1.
	Sequence bool
	// NoAuthority marks types without authority-id, which are signed by a key that
	// no account-key certifies.
	NoAuthority bool
	// Undated marks types that have no timestamp. A header of that name then means
	// nothing.
	Undated bool

	// read checks the type's own headers and returns its view.
	read func(*Assertion, *fields) (any, error)
	// prerequisites are what must be known first, apart from the signing key.
	prerequisites func(*Assertion) []link
	// format is the lowest format that covers what the headers use; nil means 0.
	format func(headers map[string]any) int
}

// KeyMember is a header of a primary key. It may be left out if it has a default.
type KeyMember struct {
	Name    string
	Default string
}

// Authority is a rule about who may sign a type.
type Authority int

const (
	// ByTrusted wants an account that is a trust anchor.
	ByTrusted Authority = iota + 1
	// ByNamed wants the account that a header names. Parsing checks it.
	ByNamed
	// ByDelegate wants a trusted account for the default provenance, and otherwise
	// an account that the snap-declaration's revision-authority lists.
	ByDelegate
	// BySerialAuthority wants the brand, or an account that the model's
	// serial-authority lists.
	BySerialAuthority
	// ByGatingPublisher wants the publisher of the snap that gates.
	ByGatingPublisher
	// ByPublisher wants the account in publisher-id or a trusted account.
	ByPublisher
	// ByAnyone takes any account with a certified key; whoever uses the assertion
	// decides whether it may say so.
	ByAnyone
	// BySelf is signed with the key that the assertion itself carries.
	BySelf
	// ByDevice is signed with the device key of a serial.
	ByDevice
)

// DefaultProvenance is the provenance of what was uploaded to a store openly.
const DefaultProvenance = "global-upload"

// series is the only series there has ever been for store-signed documents.
const series = "16"

// link is an assertion that another needs, and what for.
type link struct {
	role string
	ref  Ref
}

func key(names ...string) []KeyMember {
	members := make([]KeyMember, len(names))
	for i, name := range names {
		members[i].Name, members[i].Default, _ = strings.Cut(name, "=")
	}
	return members
}

const provenance = "provenance=" + DefaultProvenance

// Types with a name of their own, because rules refer to them.
var (
	accountType = &Type{Name: "account", Key: key("account-id"), Authority: ByTrusted, read: readAccount}

	accountKeyType = &Type{Name: "account-key", Key: key("public-key-sha3-384"), Authority: ByTrusted, Undated: true,
		MaxFormat: 1, format: accountKeyFormat, read: readAccountKey, prerequisites: needsAccount("account-id", "account")}

	snapDeclarationType = &Type{Name: "snap-declaration", Key: key("series", "snap-id"), Authority: ByTrusted,
		MaxFormat: 7, format: declarationFormat, read: readSnapDeclaration, prerequisites: needsAccount("publisher-id", "publisher account")}

	modelType = &Type{Name: "model", Key: key("series", "brand-id", "model"), Authority: ByNamed, Signer: "brand-id", read: readModel}

	serialType = &Type{Name: "serial", Key: key("brand-id", "model", "serial"), Authority: BySerialAuthority, read: readSerial}
)

// types is the table. Keys and rules are those of section 11 of the device API, as
// snapd has them.
var types = []*Type{
	accountType,
	accountKeyType,
	{Name: "account-key-request", Key: key("public-key-sha3-384"), Authority: BySelf, NoAuthority: true,
		read: readAccountKeyRequest, prerequisites: needsAccount("account-id", "account")},
	{Name: "base-declaration", Key: key("series"), Authority: ByTrusted, read: readBaseDeclaration},
	{Name: "cluster", Key: key("cluster-id", "sequence"), Authority: ByAnyone, Sequence: true, Undated: true, read: readCluster},
	{Name: "confdb-control", Key: key("brand-id", "model", "serial"), Authority: ByDevice, NoAuthority: true,
		read: readConfdbControl, prerequisites: needsSerial},
	{Name: "confdb-schema", Key: key("account-id", "name"), Authority: ByNamed, Signer: "account-id", read: readConfdbSchema},
	{Name: "device-session-request", Key: key("brand-id", "model", "serial"), Authority: ByDevice, NoAuthority: true,
		read: readDeviceSessionRequest, prerequisites: needsSerial},
	{Name: "hardware-identity", Key: key("issuer-id", "hardware-id-key-sha3-384"), Authority: ByNamed, Signer: "issuer-id", Undated: true, read: readHardwareIdentity},
	modelType,
	{Name: "preseed", Key: key("series", "brand-id", "model", "system-label"), Authority: ByAnyone, read: readPreseed},
	{Name: "repair", Key: key("brand-id", "repair-id"), Authority: ByNamed, Signer: "brand-id", Sequence: true, read: readRepair},
	{Name: "request-message", Key: key("account-id", "message-id"), Authority: ByAnyone, read: readRequestMessage},
	{Name: "response-message", Key: key("account-id", "message-id", "device"), Authority: ByDevice, NoAuthority: true,
		read: readResponseMessage, prerequisites: needsDevice},
	serialType,
	{Name: "serial-request", Authority: BySelf, NoAuthority: true, read: readSerialRequest},
	{Name: "snap-build", Key: key("snap-sha3-384"), Authority: ByAnyone, read: readSnapBuild},
	snapDeclarationType,
	{Name: "snap-developer", Key: key("snap-id", "publisher-id"), Authority: ByPublisher, Undated: true,
		read: readSnapDeveloper, prerequisites: snapDeveloperNeeds},
	{Name: "snap-resource-pair", Key: key("snap-id", "resource-name", "resource-revision", "snap-revision", provenance),
		Authority: ByDelegate, read: readSnapResourcePair, prerequisites: revisionNeeds},
	{Name: "snap-resource-revision", Key: key("snap-id", "resource-name", "resource-sha3-384", provenance),
		Authority: ByDelegate, read: readSnapResourceRevision, prerequisites: revisionNeeds},
	{Name: "snap-revision", Key: key("snap-sha3-384", provenance), Authority: ByDelegate,
		read: readSnapRevision, prerequisites: revisionNeeds},
	{Name: "store", Key: key("store"), Authority: ByTrusted, read: readStore, prerequisites: needsAccount("operator-id", "operator account")},
	{Name: "system-user", Key: key("brand-id", "email"), Authority: ByAnyone, Undated: true, MaxFormat: 2, format: systemUserFormat, read: readSystemUser},
	{Name: "validation", Key: key("series", "snap-id", "approved-snap-id", "approved-snap-revision"), Authority: ByGatingPublisher,
		read: readValidation, prerequisites: validationNeeds},
	{Name: "validation-set", Key: key("series", "account-id", "name", "sequence"), Authority: ByNamed, Signer: "account-id",
		Sequence: true, read: readValidationSet},
}

var typesByName = func() map[string]*Type {
	m := make(map[string]*Type, len(types))
	for _, t := range types {
		m[t.Name] = t
	}
	return m
}()

// TypeByName returns nil for a type that is not in the table.
func TypeByName(name string) *Type { return typesByName[name] }

// Types returns all types, sorted by name.
func Types() []*Type { return slices.Clone(types) }

func (t *Type) String() string { return t.Name }

func (t *Type) keyNames() string {
	if len(t.Key) == 0 {
		return "empty"
	}
	names := make([]string, len(t.Key))
	for i, member := range t.Key {
		names[i] = member.Name
	}
	return strings.Join(names, ", ")
}

func needsAccount(header, role string) func(*Assertion) []link {
	return func(a *Assertion) []link {
		return []link{{role, ref(accountType, a.HeaderString(header))}}
	}
}

func declarationOf(a *Assertion, header string) Ref {
	return ref(snapDeclarationType, series, a.HeaderString(header))
}

// revisionNeeds serves all types that delegated authorities may sign.
func revisionNeeds(a *Assertion) []link {
	return []link{
		{"snap-declaration", declarationOf(a, "snap-id")},
		{"developer account", ref(accountType, a.HeaderString("developer-id"))},
	}
}

// validationNeeds takes the series from the validation, whose key it is part of.
func validationNeeds(a *Assertion) []link {
	declaration := func(header string) Ref {
		return ref(snapDeclarationType, a.HeaderString("series"), a.HeaderString(header))
	}
	return []link{
		{"approved snap's declaration", declaration("approved-snap-id")},
		{"gating snap's declaration", declaration("snap-id")},
	}
}

func snapDeveloperNeeds(a *Assertion) []link {
	links := []link{
		{"snap-declaration", declarationOf(a, "snap-id")},
		{"publisher account", ref(accountType, a.HeaderString("publisher-id"))},
	}
	seen := map[string]bool{a.HeaderString("publisher-id"): true}
	if v, ok := a.view.(*SnapDeveloper); ok {
		for _, d := range v.Developers {
			if !seen[d.DeveloperID] {
				seen[d.DeveloperID] = true
				links = append(links, link{"developer account", ref(accountType, d.DeveloperID)})
			}
		}
	}
	return links
}

func needsSerial(a *Assertion) []link {
	return []link{{"serial", ref(serialType, a.HeaderString("brand-id"), a.HeaderString("model"), a.HeaderString("serial"))}}
}

func needsDevice(a *Assertion) []link {
	d, err := ParseDeviceID(a.HeaderString("device"))
	if err != nil {
		return nil
	}
	return []link{{"serial", d.SerialRef()}}
}
