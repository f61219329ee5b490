package inspect

import "strings"

// charmcraftBases reads the bases of a charmcraft.yaml, in any of its three forms:
// bases to build and run on, bases for both, and a base with platforms. It takes what
// it understands: the file is the publisher's, and juju never reads it.
func (c *charmReader) charmcraftBases() []base {
	quiet := *c
	quiet.findings = &findings{member: charmcraftYML}
	t := quiet.parseTable(c.info.CharmcraftYAML)
	c.failed = quiet.failed
	if len(quiet.problems) > 0 {
		c.member = charmcraftYML
		c.warn(MalformedYAML, "", "left unread: %s", quiet.problems[0].Message)
		return nil
	}
	if bases := quiet.listedBases(t, "bases"); len(bases) > 0 {
		return bases
	}
	text, _ := t.get("base")
	name, _ := text.(string)
	value, _ := t.get("platforms")
	platforms, _ := value.(*table)
	var bases []base
	for _, platform := range platforms.sorted() {
		bases = append(bases, platformBases(name, platform, platforms.values[platform])...)
	}
	return bases
}

func (c *charmReader) listedBases(t *table, key string) []base {
	value, _ := t.get(key)
	list, _ := value.([]any)
	var bases []base
	for _, item := range list {
		if entry, _ := item.(*table); entry != nil && entry.has("run-on") {
			bases = append(bases, c.listedBases(entry, "run-on")...)
		} else if b, ok := c.base(item, key); ok && !entry.has("build-on") {
			bases = append(bases, b)
		}
	}
	return bases
}

// platformBases reads an entry of platforms: the name of an architecture, one with its
// base as in ubuntu@22.04:amd64, or any name with what it is built for.
func platformBases(common, name string, value any) []base {
	targets := []string{name}
	if entry, _ := value.(*table); entry != nil {
		switch v := entry.values["build-for"].(type) {
		case string:
			targets = []string{v}
		case []any:
			targets = nil
			for _, item := range v {
				if text, ok := item.(string); ok {
					targets = append(targets, text)
				}
			}
		}
		if own, ok := entry.values["build-base"].(string); ok && common == "" {
			common = own
		}
	}
	var bases []base
	for _, target := range targets {
		on, architecture := common, target
		if before, after, ok := strings.Cut(target, ":"); ok {
			on, architecture = before, after
		}
		distribution, channel, ok := strings.Cut(on, "@")
		b := base{name: distribution, channel: channel, architectures: []string{architecture}}
		if ok && baseNameRule.MatchString(b.name) && validBaseChannel(b.channel) && knownCharmArchitecture(architecture) {
			bases = append(bases, b)
		}
	}
	return bases
}
