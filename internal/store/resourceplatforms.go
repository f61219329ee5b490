package store

import (
	"regexp"
	"slices"
)

// AnyBase is what a charm's resource is for unless somebody says otherwise.
var AnyBase = Platform{Architecture: AnyArchitecture, BaseName: AnyArchitecture, BaseChannel: AnyArchitecture}

// MaxResourcePlatforms bounds what one resource revision is for.
const MaxResourcePlatforms = 200

// resourceArchitectures are those that charmcraft knows, and one that juju knows
// besides.
var resourceArchitectures = []string{AnyArchitecture, "amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x"}

var (
	baseNamePattern    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	baseChannelPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,39}(/(stable|candidate|beta|edge))?$`)
)

// ResourcePlatforms returns the bases that a revision of a charm's resource is
// said to be for in their normal form: each once, in the order given, and "all"
// where a key says nothing. None at all is AnyBase.
func ResourcePlatforms(said []Platform) ([]Platform, error) {
	if len(said) > MaxResourcePlatforms {
		return nil, TooLargef("too-many-bases", "a resource revision is for at most %d bases and architectures", MaxResourcePlatforms).
			Try("say all where it does not matter")
	}
	var normal []Platform
	for _, p := range said {
		for _, key := range [...]*string{&p.Architecture, &p.BaseName, &p.BaseChannel} {
			if *key == "" {
				*key = AnyArchitecture
			}
		}
		switch {
		case !slices.Contains(resourceArchitectures, p.Architecture):
			return nil, invalidBase("%.40q is no architecture", p.Architecture).
				Try("use Debian's names, such as amd64, arm64, armhf or riscv64, or all")
		case !baseNamePattern.MatchString(p.BaseName):
			return nil, invalidBase("%.60q cannot name a base", p.BaseName).Try("name one such as ubuntu, or all")
		case !baseChannelPattern.MatchString(p.BaseChannel):
			return nil, invalidBase("%.60q cannot be the channel of a base", p.BaseChannel).Try("name one such as 24.04, or all")
		}
		if !slices.Contains(normal, p) {
			normal = append(normal, p)
		}
	}
	if len(normal) == 0 {
		return []Platform{AnyBase}, nil
	}
	return normal, nil
}

// PlatformsOfImage are what an image for these architectures is for. Those that
// charms know nothing of are left out; an image for none is for all.
func PlatformsOfImage(architectures []string) []Platform {
	var list []Platform
	for _, a := range architectures {
		p := AnyBase
		p.Architecture = a
		if slices.Contains(resourceArchitectures, a) && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return []Platform{AnyBase}
	}
	return list
}

func invalidBase(format string, args ...any) *Error {
	return Invalidf("invalid-bases", format, args...).With("name", "bases")
}
