package credential

import (
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// Condition is what the maker of a caveat wants to be true.
type Condition struct {
	// Legacy: the client shall be sent the way of clients without interaction
	// methods.
	Legacy bool
	// Declare lists what the discharge must declare, whether or not there is
	// anything to say.
	Declare []string
	Is      ConditionWord
	Domain  string   // of IsUser, without "@"; may be empty
	Groups  []string // of IsMember: one of them is enough
}

// ConditionWord is the kind of a condition.
type ConditionWord string

// The conditions that the identity service knows.
const (
	IsUser   ConditionWord = "is-authenticated-user"
	IsUserID ConditionWord = "is-authenticated-userid"
	IsMember ConditionWord = "is-member-of"
)

const (
	needDeclared = "need-declared"
	maxCondition = 4 << 10 // bytes
	maxDeclared  = 8
	maxGroups    = 100
)

// ParseCondition reads the condition of a caveat:
//
//	[<][need-declared a,b ]is-authenticated-user [@domain]
//	[<][need-declared a,b ]is-authenticated-userid
//	[<][need-declared a,b ]is-member-of group…
func ParseCondition(text string) (Condition, error) {
	var c Condition
	unknown := store.Invalidf("caveat-not-recognized", "cannot discharge a caveat with the condition %.200q", text)
	if len(text) > maxCondition {
		return c, unknown
	}
	text, c.Legacy = strings.CutPrefix(text, "<")
	if rest, ok := strings.CutPrefix(text, needDeclared+" "); ok {
		names, condition, ok := strings.Cut(rest, " ")
		c.Declare = strings.Split(names, ",")
		if !ok || len(c.Declare) > maxDeclared {
			return Condition{}, unknown
		}
		for _, name := range c.Declare {
			if !isWord(name) {
				return Condition{}, unknown
			}
		}
		text = condition
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		return Condition{}, unknown
	}
	c.Is = ConditionWord(words[0])
	switch arguments := words[1:]; {
	case c.Is == IsUser && len(arguments) == 0, c.Is == IsUserID && len(arguments) == 0:
	case c.Is == IsUser && len(arguments) == 1 && len(arguments[0]) > 1 && arguments[0][0] == '@':
		c.Domain = arguments[0][1:]
	case c.Is == IsMember && len(arguments) > 0 && len(arguments) <= maxGroups:
		c.Groups = arguments
	default:
		return Condition{}, unknown
	}
	return c, nil
}

// NeedUsername is the condition that our own roots carry.
const NeedUsername = needDeclared + " " + DeclaredUsername + " " + string(IsUser)
