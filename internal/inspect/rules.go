package inspect

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// What devices accept.
var (
	snapTypes      = []string{"app", "gadget", "kernel", "os", "base", "snapd"}
	componentTypes = []string{"test", "standard", "kernel-modules"}
	architectures  = []string{"all", "amd64", "arm64", "armel", "armhf", "i386", "powerpc", "ppc", "ppc64el", "riscv64", "s390x"}
	confinements   = []string{"strict", "devmode", "classic"}
	grades         = []string{"stable", "devel"}
	daemons        = []string{"simple", "forking", "oneshot", "notify", "dbus"}

	nameChars      = regexp.MustCompile(`^[a-z0-9-]*[a-z][a-z0-9-]*$`)
	versionRule    = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9:.+~-]{0,30}[a-zA-Z0-9+~])?$`)
	provenanceRule = regexp.MustCompile(`^[a-zA-Z0-9](?:-?[a-zA-Z0-9])*$`)
	appRule        = regexp.MustCompile(`^[a-zA-Z0-9](?:-?[a-zA-Z0-9])*$`)
	aliasRule      = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)
	hookRule       = regexp.MustCompile(`^[a-z](?:-?[a-z0-9])*$`)
	interfaceRule  = regexp.MustCompile(`^[a-z](?:-?[a-z0-9])*$`)
	assumesRule    = regexp.MustCompile(`^[a-z0-9](?:[.+-]?[a-z0-9])*$`)
)

// Lengths in characters.
const (
	minName        = 2
	maxName        = 40
	maxTitle       = 40
	maxSummary     = 128
	maxDescription = 4096
	maxProvenance  = 255
)

// ValidName says whether s may name a snap or a component: 2 to 40 lower-case letters,
// digits and hyphens, at least one letter, hyphens only singly and inside.
func ValidName(s string) bool {
	return len(s) >= minName && len(s) <= maxName && nameChars.MatchString(s) &&
		!strings.HasPrefix(s, "-") && !strings.HasSuffix(s, "-") && !strings.Contains(s, "--")
}

const nameSentence = "%.60q is no valid name; use 2 to 40 lower-case letters, digits and single hyphens, with at least one letter"

func validHook(s string) bool { return hookRule.MatchString(s) }

func validateSnap(info *SnapInfo, f *findings) {
	f.name("name", info.Name)
	f.version("version", info.Version)
	f.oneOf(InvalidType, "type", info.Type, snapTypes)
	f.base(info)
	f.architectures(info.Architectures)
	f.oneOf(InvalidConfinement, "confinement", info.Confinement, confinements)
	f.oneOf(InvalidGrade, "grade", info.Grade, grades)
	f.provenance(info.Provenance)
	for _, feature := range info.Assumes {
		if !assumesRule.MatchString(feature) {
			f.problem(InvalidAssumes, "assumes", "%.60q is no name of a feature", feature)
		}
	}
	f.length("title", info.Title, maxTitle)
	f.length("summary", info.Summary, maxSummary)
	f.length("description", info.Description, maxDescription)
	f.apps(info)
	f.ends(info)
	for _, c := range info.Components {
		where := "components." + c.Name
		if !ValidName(c.Name) {
			f.problem(InvalidComponent, where, nameSentence, c.Name)
		}
		f.oneOf(InvalidComponent, where+".type", c.Type, componentTypes)
		f.length(where+".summary", c.Summary, maxSummary)
		f.length(where+".description", c.Description, maxDescription)
	}
}

func (f *findings) name(field, name string) {
	switch {
	case name == "":
		f.problem(Missing, field, "is required")
	case !ValidName(name):
		f.problem(InvalidName, field, nameSentence, name)
	}
}

func (f *findings) version(field, version string) {
	switch {
	case version == "":
		f.problem(Missing, field, "is required")
	case !versionRule.MatchString(version):
		f.problem(InvalidVersion, field,
			"%.60q is no valid version; use up to 32 letters, digits and :.+~- that begin with a letter or digit and do not end with any of :.-", version)
	}
}

func (f *findings) oneOf(code Code, field, value string, allowed []string) {
	if !slices.Contains(allowed, value) {
		f.problem(code, field, "%.60q is none of %s", value, strings.Join(allowed, ", "))
	}
}

func (f *findings) base(info *SnapInfo) {
	switch {
	case info.Base == "none" && len(info.Apps)+len(info.Hooks) > 0:
		f.problem(InvalidBase, "base", "a snap without a base has no apps and no hooks")
	case info.Base == "" || info.Base == "none":
	case info.Type == "os" || info.Type == "base":
		f.problem(InvalidBase, "base", "a snap of type %s has no base", info.Type)
	case !ValidName(info.Base):
		f.problem(InvalidBase, "base", nameSentence, info.Base)
	}
}

// ValidArchitecture reports whether a snap may name this architecture.
func ValidArchitecture(name string) bool { return slices.Contains(architectures, name) }

func (f *findings) architectures(list []string) {
	for _, a := range list {
		f.oneOf(InvalidArchitecture, "architectures", a, architectures)
	}
	if len(list) > 1 && slices.Contains(list, "all") {
		f.problem(InvalidArchitecture, "architectures", `"all" stands alone`)
	}
}

func (f *findings) provenance(p string) {
	if p != "" && (len(p) > maxProvenance || !provenanceRule.MatchString(p)) {
		f.problem(InvalidProvenance, "provenance", "%.60q is no valid provenance; use letters, digits and single hyphens inside", p)
	}
}

func (f *findings) length(field, text string, most int) {
	if n := utf8.RuneCountInString(text); n > most {
		f.problem(TooLong, field, "has %d characters, at most %d are allowed", n, most)
	}
}

func (f *findings) apps(info *SnapInfo) {
	commonIDs := map[string]string{} // to the app that has it
	for _, app := range info.Apps {
		where := "apps." + app.Name
		if !appRule.MatchString(app.Name) {
			f.problem(InvalidApp, where, "%.60q is no valid name of an app; use letters, digits and single hyphens inside", app.Name)
		}
		if app.Daemon != "" {
			f.oneOf(InvalidApp, where+".daemon", app.Daemon, daemons)
		}
		for _, alias := range app.Aliases {
			if !aliasRule.MatchString(alias) {
				f.problem(InvalidApp, where+".aliases", "%.60q is no valid alias; use letters, digits and any of ._-", alias)
			}
		}
		if other := commonIDs[app.CommonID]; other != "" && app.CommonID != "" {
			f.problem(InvalidApp, where+".common-id", "%.60q is the id of app %.60q too", app.CommonID, other)
		}
		commonIDs[app.CommonID] = app.Name
	}
	for _, hook := range info.Hooks {
		if !validHook(hook) {
			f.problem(InvalidHook, "hooks."+hook, "%.60q is no valid name of a hook", hook)
		}
	}
}

func (f *findings) ends(info *SnapInfo) {
	plugs := map[string]bool{}
	for _, p := range info.Plugs {
		plugs[p.Name] = true
		f.end(InvalidPlug, "plugs."+p.Name, p.Name, p.Interface)
	}
	for _, s := range info.Slots {
		f.end(InvalidSlot, "slots."+s.Name, s.Name, s.Interface)
		if plugs[s.Name] {
			f.problem(InvalidSlot, "slots."+s.Name, "there is a plug of the same name")
		}
	}
}

func (f *findings) end(code Code, where, name, iface string) {
	if !interfaceRule.MatchString(name) {
		f.problem(code, where, "%.60q is no valid name; use lower-case letters, digits and single hyphens, a letter first", name)
	}
	if iface != name && !interfaceRule.MatchString(iface) {
		f.problem(code, where, "%.60q is no valid name of an interface", iface)
	}
}
