package assertion

import "slices"

// Sorted returns the assertions in an order in which what an assertion needs, its
// signing key included, comes before it as far as it is there at all. Otherwise the
// order stays as it is. A circle, such as a root account and its own key, is
// entered where it is met first.
func Sorted(as []*Assertion) []*Assertion {
	s := &sorter{
		groups:  make(map[string][]*Assertion),
		entered: make(map[string]bool),
		visited: make(map[*Assertion]bool),
	}
	for _, a := range as {
		name := a.Ref().String()
		s.groups[name] = append(s.groups[name], a)
	}
	for _, a := range as {
		s.visit(a)
	}
	return s.sorted
}

type sorter struct {
	groups  map[string][]*Assertion // editions by reference
	entered map[string]bool         // groups that are being or have been visited
	visited map[*Assertion]bool
	sorted  []*Assertion
}

// frame is an assertion that waits for what it needs.
type frame struct {
	a     *Assertion
	needs []string     // groups to enter yet
	group []*Assertion // what is left of the group entered last
}

// visit places what a needs, then a. It keeps its own stack and enters a group once
// only, so that no input makes it deep or slow.
func (s *sorter) visit(a *Assertion) {
	stack := s.push(nil, a)
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		switch {
		case len(top.group) > 0:
			next := top.group[0]
			top.group = top.group[1:]
			stack = s.push(stack, next)
		case len(top.needs) > 0:
			name := top.needs[0]
			top.needs = top.needs[1:]
			if !s.entered[name] {
				s.entered[name] = true
				top.group = s.groups[name]
			}
		default:
			s.sorted = append(s.sorted, top.a)
			stack = stack[:len(stack)-1]
		}
	}
}

func (s *sorter) push(stack []frame, a *Assertion) []frame {
	if s.visited[a] {
		return stack
	}
	s.visited[a] = true
	return append(stack, frame{a: a, needs: needs(a)})
}

func needs(a *Assertion) []string {
	var names []string
	for _, l := range a.links() {
		names = append(names, l.ref.String())
	}
	return names
}

// links are all that takes part in verifying a.
func (a *Assertion) links() []link {
	var links []link
	if a.typ.prerequisites != nil {
		links = a.typ.prerequisites(a)
	}
	if a.typ.Authority == BySerialAuthority && a.AuthorityID() != a.HeaderString("brand-id") {
		links = append(links, link{"model", modelOf(a)})
	}
	if r, ok := a.SignKeyRef(); ok {
		links = append(links, link{"signing key", r})
	}
	return links
}

// Closure returns the assertions together with everything that takes part in
// verifying them, down to the trust anchors, in the order of [Sorted]: what someone
// needs who has nothing but the anchors' ids. Something that in lacks is a
// MissingError.
func Closure(in Lookup, as ...*Assertion) ([]*Assertion, error) {
	seen := make(map[string]bool)
	for _, a := range as {
		seen[a.Ref().String()] = true
	}
	all := slices.Clone(as)
	for i := 0; i < len(all); i++ {
		for _, l := range all[i].links() {
			name := l.ref.String()
			if seen[name] {
				continue
			}
			seen[name] = true
			found, err := require(all[i], in, l)
			if err != nil {
				return nil, err
			}
			all = append(all, found)
		}
	}
	return Sorted(all), nil
}
