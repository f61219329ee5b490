package inspect

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Epoch says which data formats a revision reads and which it writes. Both lists
// are sorted, hold one to ten numbers and share at least one.
type Epoch struct {
	Read  []uint32 `json:"read"`
	Write []uint32 `json:"write"`
}

// epochZero is what a snap without an epoch has.
func epochZero() Epoch { return Epoch{Read: []uint32{0}, Write: []uint32{0}} }

const maxEpochs = 10 // numbers in one list

// UnmarshalYAML accepts every form an epoch may have: nothing, a number n, "n*" (reads
// n-1 too), or a map with lists "read" and "write". An absent "read" equals "write"; an
// absent "write" is the last number of "read".
func (e *Epoch) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		if n.ShortTag() == "!!null" || n.Value == "" {
			*e = epochZero()
			return nil
		}
		parsed, err := parseShortEpoch(n.Value)
		if err == nil {
			*e = parsed
		}
		return err
	}
	var long struct{ Read, Write []yaml.Node }
	if n.Kind != yaml.MappingNode {
		return errors.New(`want a number, a number with a star, or lists "read" and "write"`)
	}
	if err := n.Decode(&long); err != nil {
		return errors.New(reason(err))
	}
	read, err := parseEpochs("read", long.Read)
	if err != nil {
		return err
	}
	write, err := parseEpochs("write", long.Write)
	if err != nil {
		return err
	}
	switch {
	case read == nil && write == nil:
		*e = epochZero()
		return nil
	case read == nil:
		read = slices.Clone(write)
	case write == nil:
		write = []uint32{read[len(read)-1]}
	}
	if !slices.ContainsFunc(write, func(n uint32) bool { return slices.Contains(read, n) }) {
		return errors.New(`"read" and "write" have no number in common`)
	}
	*e = Epoch{Read: read, Write: write}
	return nil
}

func parseShortEpoch(s string) (Epoch, error) {
	number, starred := strings.CutSuffix(s, "*")
	n, err := parseEpochNumber(number)
	switch {
	case err != nil:
		return Epoch{}, err
	case starred && n == 0:
		return Epoch{}, errors.New("0* is not possible: there is no epoch before 0")
	case starred:
		return Epoch{Read: []uint32{n - 1, n}, Write: []uint32{n}}, nil
	}
	return Epoch{Read: []uint32{n}, Write: []uint32{n}}, nil
}

// parseEpochNumber takes plain decimals without leading zeros only.
func parseEpochNumber(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("%.40q is no number from 0 to 4294967295", s)
	}
	return uint32(n), nil
}

func parseEpochs(name string, nodes []yaml.Node) ([]uint32, error) {
	if nodes == nil {
		return nil, nil
	}
	if len(nodes) == 0 || len(nodes) > maxEpochs {
		return nil, fmt.Errorf("%q has %d numbers, want 1 to %d", name, len(nodes), maxEpochs)
	}
	list := make([]uint32, len(nodes))
	for i, node := range nodes {
		if node.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("%q holds something that is no number", name)
		}
		n, err := parseEpochNumber(node.Value)
		if err != nil {
			return nil, err
		}
		if i > 0 && n < list[i-1] {
			return nil, fmt.Errorf("%q is not sorted", name)
		}
		list[i] = n
	}
	return list, nil
}
