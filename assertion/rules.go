package assertion

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A declaration's plugs and slots map interfaces to rules. A rule is "true",
// "false" or a map of the subrules below, each of which is again "true", "false", a
// map of constraints, or a list of such maps. What the rules mean is for devices;
// here they are checked for their form and for the format they need.
var subrules = []string{
	"allow-installation", "deny-installation",
	"allow-connection", "deny-connection",
	"allow-auto-connection", "deny-auto-connection",
}

var (
	snapTypePattern  = regexp.MustCompile(`^(?:core|kernel|gadget|app)$`)
	publisherIDRule  = regexp.MustCompile(`^(?:[a-z0-9A-Z]{32}|[-a-z0-9]{2,28}|\$[A-Z][A-Z0-9_]*)$`)
	distroPattern    = regexp.MustCompile(`^[-0-9a-z._]+(?:/[-0-9a-z._]+)?$`)
	nameWordPattern  = regexp.MustCompile(`^\$[A-Z][A-Z0-9_]*$`)
	deviceScopeRules = map[string]*regexp.Regexp{"on-store": storeIDPattern, "on-brand": accountIDPattern, "on-model": brandModelPattern}
)

// rulesUse collects what determines a declaration's format.
type rulesUse struct {
	constraintCompiler
	deviceScope    bool
	names          bool
	classicVariant bool
}

// ruleSide says whose rules these are.
type ruleSide struct{ own, other string }

var (
	plugSide = ruleSide{own: "plug", other: "slot"}
	slotSide = ruleSide{own: "slot", other: "plug"}
)

func checkRules(plugs, slots map[string]any, h *fields) error {
	if h.err != nil {
		return h.err
	}
	_, err := readRules(plugs, slots)
	return err
}

// declarationFormat is 0 without rules and otherwise what the rules use. Rules that
// cannot be read fail later, when they are checked.
func declarationFormat(headers map[string]any) int {
	plugs, _ := headers["plugs"].(map[string]any)
	slots, _ := headers["slots"].(map[string]any)
	if empty(plugs) && empty(slots) {
		return 0
	}
	use, _ := readRules(plugs, slots)
	switch {
	case use.classicVariant:
		return 7
	case use.publisherID:
		return 6
	case use.alternative:
		return 5
	case use.names:
		return 4
	case use.deviceScope:
		return 3
	case use.dollar:
		return 2
	}
	return 1
}

func readRules(plugs, slots map[string]any) (rulesUse, error) {
	use := rulesUse{constraintCompiler: constraintCompiler{attributes: true}}
	for iface, rule := range plugs {
		if err := use.readRule(rule, plugSide); err != nil {
			return use, fmt.Errorf("plug rule for interface %q: %w", iface, err)
		}
	}
	for iface, rule := range slots {
		if err := use.readRule(rule, slotSide); err != nil {
			return use, fmt.Errorf("slot rule for interface %q: %w", iface, err)
		}
	}
	return use, nil
}

func isShortcut(v any) bool { return v == "true" || v == "false" }

func (u *rulesUse) readRule(rule any, side ruleSide) error {
	if isShortcut(rule) {
		return nil
	}
	m, ok := rule.(map[string]any)
	if !ok {
		return fmt.Errorf(`must be a map, "true" or "false"`)
	}
	known := 0
	for _, name := range subrules {
		subrule, ok := m[name]
		if !ok {
			continue
		}
		known++
		if err := u.readSubrule(subrule, name, side); err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
	}
	if known == 0 {
		return fmt.Errorf("must have at least one of %s", strings.Join(subrules, ", "))
	}
	return nil
}

func (u *rulesUse) readSubrule(subrule any, name string, side ruleSide) error {
	if isShortcut(subrule) {
		return nil
	}
	list, ok := subrule.([]any)
	if !ok {
		list = []any{subrule}
	}
	for _, alt := range list {
		m, ok := alt.(map[string]any)
		if !ok {
			return fmt.Errorf(`must be a map, a list of maps, "true" or "false"`)
		}
		if err := u.readConstraints(&fields{values: m, where: name}, name, side); err != nil {
			return err
		}
	}
	return nil
}

// readConstraints checks one map of constraints. Unknown ones are left to newer
// formats, but a connection rule of nothing else would constrain nothing.
func (u *rulesUse) readConstraints(f *fields, subrule string, side ruleSide) error {
	installation := strings.HasSuffix(subrule, "-installation")
	sides, idSide := []string{side.own, side.other}, side.other
	if installation {
		sides, idSide = []string{side.own}, side.own
	}
	known := 0
	has := func(name string) bool {
		if f.has(name) {
			known++
			return true
		}
		return false
	}
	for _, s := range sides {
		if name := s + "-names"; has(name) {
			u.names = true
			u.checkNames(f, name)
		}
		if name := s + "-attributes"; has(name) {
			if _, err := u.compile(f.values[name], "", false); err != nil {
				f.fail(name, "%w", err)
			}
		}
	}
	ids := map[string]*regexp.Regexp{idSide + "-snap-type": snapTypePattern, idSide + "-snap-id": snapIDPattern}
	if !installation {
		ids[idSide+"-publisher-id"] = publisherIDRule
	}
	for name, pattern := range ids {
		if has(name) {
			f.textsMatching(name, pattern)
		}
	}
	for _, name := range []string{"slots-per-plug", "plugs-per-slot"} {
		if has(name) {
			if installation || strings.HasPrefix(subrule, "deny-") {
				f.fail(name, "is only for allow-connection and allow-auto-connection")
			} else if f.values[name] != "*" {
				f.positive(name)
			}
		}
	}
	if has("on-classic") && !isShortcut(f.values["on-classic"]) {
		u.classicVariant = u.classicVariant || slices.ContainsFunc(f.textsMatching("on-classic", distroPattern),
			func(s string) bool { return strings.Contains(s, "/") })
	}
	for name, pattern := range deviceScopeRules {
		if has(name) {
			u.deviceScope = true
			f.textsMatching(name, pattern)
		}
	}
	if known == 0 && !installation {
		f.reject("must have at least one constraint")
	}
	return f.err
}

// checkNames wants a list of patterns and of words such as $INTERFACE.
func (u *rulesUse) checkNames(f *fields, name string) {
	if f.values[name] == nil {
		return
	}
	if _, ok := f.values[name].([]any); !ok {
		f.fail(name, "must be a list")
	}
	for _, s := range f.texts(name) {
		if strings.HasPrefix(s, "$") {
			if !nameWordPattern.MatchString(s) {
				f.fail(name, "has an invalid special value: %s", quote(s))
			}
			continue
		}
		if strings.IndexFunc(s, unicode.IsSpace) >= 0 {
			f.fail(name, "has a pattern with space: %s", quote(s))
		}
		if _, err := u.compilePattern(s, name); err != nil {
			f.fail(name, "%w", err)
		}
	}
}
