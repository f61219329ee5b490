package credential

import "fmt"

// Purpose says what a macaroon of ours is for. One for one purpose never
// passes for another: the purpose stands in the identifier, and each purpose
// has keys of its own.
type Purpose uint8

// The purposes.
const (
	U1Root           Purpose = iota + 1 // a root that the single sign-on discharges
	Exchanged                           // a session's token, alone on every request
	BakeryRoot                          // a root that the identity service discharges
	DischargeToken                      // proof of a login, for the identity service itself
	AdminRoot                           // an administrator's: discharged, or alone offline
	RegistryPassword                    // a password of the image registry
)

// identity says who must discharge the caveat that a macaroon records as its
// identity, and in which words its own caveats are written.
type identity uint8

const (
	noIdentity       identity = iota
	accountIdentity           // the single sign-on declares an account
	declaredIdentity          // the identity service declares a user name or id
	agentIdentity             // an agent's key: possession is all it declares
)

// purposes is the table of them. The names are part of what is signed.
var purposes = map[Purpose]struct {
	name     string
	identity identity
	required bool  // whether there is no such macaroon without its identity
	words    words // the grammar of its own caveats
}{
	U1Root:           {"u1-root", accountIdentity, true, pipeWords},
	Exchanged:        {"exchanged", noIdentity, false, pipeWords},
	BakeryRoot:       {"bakery-root", declaredIdentity, true, bakeryWords},
	DischargeToken:   {"discharge-token", agentIdentity, false, bakeryWords},
	AdminRoot:        {"admin-root", accountIdentity, false, pipeWords},
	RegistryPassword: {"registry-password", noIdentity, false, pipeWords},
}

// Purposes lists them all.
func Purposes() []Purpose {
	return []Purpose{U1Root, Exchanged, BakeryRoot, DischargeToken, AdminRoot, RegistryPassword}
}

func (p Purpose) String() string {
	if row, ok := purposes[p]; ok {
		return row.name
	}
	return fmt.Sprintf("purpose(%d)", uint8(p))
}

// ParsePurpose reads the name of a purpose.
func ParsePurpose(name string) (Purpose, bool) {
	for _, p := range Purposes() {
		if purposes[p].name == name {
			return p, true
		}
	}
	return 0, false
}
