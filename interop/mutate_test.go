// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"slices"
	"strings"
)

// mutator changes encoded assertions, at random but the same for one seed.
type mutator struct {
	*rand.Rand
	// donors are encoded assertions to borrow lines from.
	donors [][]byte
}

func newMutator(seed uint64, donors [][]byte) *mutator {
	return &mutator{rand.New(rand.NewPCG(seed, 0)), donors}
}

// mutate returns a changed copy of an encoded assertion. Half of the mutants
// have one change, the others more.
func (m *mutator) mutate(encoded []byte) []byte {
	changed := slices.Clone(encoded)
	for {
		if m.IntN(3) == 0 {
			changed = byteMutations[m.IntN(len(byteMutations))](m, changed)
		} else {
			changed = m.header(changed)
		}
		if m.IntN(2) == 0 {
			return changed
		}
	}
}

// header changes the headers only.
func (m *mutator) header(encoded []byte) []byte {
	head, rest := encoded, []byte(nil)
	if end := bytes.Index(encoded, []byte("\n\n")); end >= 0 {
		head, rest = encoded[:end], encoded[end:]
	}
	lines := strings.Split(string(head), "\n")
	lines = lineMutations[m.IntN(len(lineMutations))](m, lines)
	return append([]byte(strings.Join(lines, "\n")), rest...)
}

// signature changes the signature only: mostly bits of the packet, sometimes how
// it is written down.
func (m *mutator) signature(encoded []byte) []byte {
	at := bytes.LastIndex(encoded, []byte("\n\n")) + 2
	packet, err := base64.StdEncoding.DecodeString(string(encoded[at:]))
	if err != nil {
		panic(err) // specimens are well signed
	}
	// Most of a packet is one number; what comes before it is the structure.
	within := len(packet)
	if m.IntN(2) == 0 {
		within = 24
	}
	switch m.IntN(8) {
	case 0:
		packet = packet[:m.IntN(len(packet))]
	case 1:
		packet = append(packet, byte(m.IntN(256)))
	case 2:
		i := m.IntN(within)
		packet = slices.Insert(packet, i, byte(m.IntN(256)))
	case 3:
		i := m.IntN(within)
		packet = slices.Delete(packet, i, i+1)
	case 4, 5:
		packet[m.IntN(within)] ^= 1 << m.IntN(8)
	}
	text := base64.StdEncoding.EncodeToString(packet)
	width := []int{76, 76, 76, 64, 1, len(text) + 1}[m.IntN(6)]
	end := lineEnds[m.IntN(len(lineEnds))]
	var out []byte
	for len(text) > width {
		out = append(append(out, text[:width]...), end...)
		text = text[width:]
	}
	out = append(append(out, text...), tails[m.IntN(len(tails))]...)
	return append(slices.Clone(encoded[:at]), out...)
}

var lineEnds = []string{"\n", "\n", "\n", "\n", "\r\n", "", " ", "\n ", "\n\n"}

// byteMutations see nothing but bytes.
var byteMutations = []func(*mutator, []byte) []byte{
	func(m *mutator, b []byte) []byte { // flip a bit
		if len(b) > 0 {
			b[m.IntN(len(b))] ^= 1 << m.IntN(8)
		}
		return b
	},
	func(m *mutator, b []byte) []byte { // overwrite with something that matters
		if len(b) > 0 {
			b[m.IntN(len(b))] = special[m.IntN(len(special))]
		}
		return b
	},
	func(m *mutator, b []byte) []byte { // insert
		at := m.IntN(len(b) + 1)
		return slices.Insert(b, at, special[m.IntN(len(special))])
	},
	func(m *mutator, b []byte) []byte { // delete a few
		if len(b) < 2 {
			return b
		}
		at := m.IntN(len(b) - 1)
		return slices.Delete(b, at, at+1+m.IntN(min(4, len(b)-at-1)))
	},
	func(m *mutator, b []byte) []byte { // truncate
		return b[:m.IntN(len(b)+1)]
	},
	func(m *mutator, b []byte) []byte { // append
		return append(b, tails[m.IntN(len(tails))]...)
	},
	func(m *mutator, b []byte) []byte { // change the frame between the parts
		at := bytes.LastIndex(b, []byte("\n\n"))
		if m.IntN(2) == 0 {
			at = bytes.Index(b, []byte("\n\n"))
		}
		if at < 0 {
			return b
		}
		frame := frames[m.IntN(len(frames))]
		return slices.Concat(b[:at], []byte(frame), b[at+2:])
	},
}

const special = "\n \t\r:-/\x00\x80\xff\"'0a=*.,#|"

var (
	tails  = []string{"\n", "\n", "\n", "\n", "\n", "", "\n\n", "x", "\nx", " ", "\r\n", "\n\ntype: account\n", "==", "AAAA", "\x00"}
	frames = []string{"\n", "\n\n\n", "\r\n\r\n", "\n \n", "", "\n\n\n\n"}
)

// lineMutations see header lines.
var lineMutations = []func(*mutator, []string) []string{
	func(m *mutator, lines []string) []string { // duplicate a line
		i := m.IntN(len(lines))
		return slices.Insert(lines, m.IntN(len(lines)+1), lines[i])
	},
	func(m *mutator, lines []string) []string { // delete a line
		i := m.IntN(len(lines))
		return slices.Delete(lines, i, i+1)
	},
	func(m *mutator, lines []string) []string { // swap two lines
		i, j := m.IntN(len(lines)), m.IntN(len(lines))
		lines[i], lines[j] = lines[j], lines[i]
		return lines
	},
	func(m *mutator, lines []string) []string { // exchange the names of two headers
		i, j := m.IntN(len(lines)), m.IntN(len(lines))
		iName, iValue, iOK := strings.Cut(lines[i], ":")
		jName, jValue, jOK := strings.Cut(lines[j], ":")
		if iOK && jOK {
			lines[i], lines[j] = jName+":"+iValue, iName+":"+jValue
		}
		return lines
	},
	setValue, setValue, setValue, setValue, // what types check most
	func(m *mutator, lines []string) []string { // another name
		i := m.IntN(len(lines))
		if _, value, ok := strings.Cut(lines[i], ":"); ok {
			lines[i] = headerNames[m.IntN(len(headerNames))] + ":" + value
		}
		return lines
	},
	func(m *mutator, lines []string) []string { // a header more
		line := headerNames[m.IntN(len(headerNames))] + ":" + values[m.IntN(len(values))]
		return slices.Insert(lines, m.IntN(len(lines)+1), line)
	},
	func(m *mutator, lines []string) []string { // a line of another assertion
		donor := strings.Split(string(m.donors[m.IntN(len(m.donors))]), "\n")
		return slices.Insert(lines, m.IntN(len(lines)+1), donor[m.IntN(len(donor))])
	},
	func(m *mutator, lines []string) []string { // change an indentation
		i := m.IntN(len(lines))
		if m.IntN(2) == 0 {
			lines[i] = strings.Repeat(" ", 1+m.IntN(4)) + lines[i]
		} else {
			lines[i] = strings.TrimPrefix(lines[i], strings.Repeat(" ", 1+m.IntN(4)))
		}
		return lines
	},
	func(m *mutator, lines []string) []string { // an item more
		indent := strings.Repeat(" ", 2*m.IntN(4))
		return slices.Insert(lines, m.IntN(len(lines)+1), indent+"-"+values[m.IntN(len(values))])
	},
	func(m *mutator, lines []string) []string { // change one character
		i := m.IntN(len(lines))
		if len(lines[i]) > 0 {
			b := []byte(lines[i])
			b[m.IntN(len(b))] = special[m.IntN(len(special))]
			lines[i] = string(b)
		}
		return lines
	},
}

func setValue(m *mutator, lines []string) []string {
	i := m.IntN(len(lines))
	if name, _, ok := strings.Cut(lines[i], ":"); ok {
		lines[i] = name + ":" + values[m.IntN(len(values))]
	}
	return lines
}

// headerNames are header names: some that mean something, some that look odd.
var headerNames = []string{
	"type", "format", "revision", "authority-id", "body-length", "sign-key-sha3-384", "timestamp", "series",
	"account-id", "snap-id", "brand-id", "model", "provenance", "sequence", "since", "until", "name", "classic",
	"grade", "snaps", "base", "kernel", "gadget", "architecture", "distribution", "storage-safety", "username",
	"plugs", "slots", "aliases", "revision-authority", "integrity", "developers", "disabled", "revoked",
	"unknown", "x", "a-b", "a--b", "-a", "a-", "A", "9a", "a9", "a_b", "a.b", "a b", "é", "",
}

// values are header values, with the blank that starts them where they are on
// the header's line.
var values = []string{
	"", " ", "  ", " 0", " 1", " 2", " 5", " 6", " 7", " -1", " 01", " +1", " 1.0", " 0x1", " 9223372036854775807", " 9223372036854775808",
	" 99999999999999999999", " 1_000", " ٣", " true", " false", " True", " yes", " *", " a/b", " /", " 16", " account", " snap-declaration",
	" no-such-type", " 2024-05-06T07:08:09Z", " 2024-05-06", " 2024-05-06T07:08:09+02:00", " 2024-05-06T07:08:09.123456789Z",
	" 2024-02-30T07:08:09Z", " 2024-05-06t07:08:09z", " 0001-01-01T00:00:00Z", " 2036-05-06T07:08:09Z", " 2016-05-06T07:08:09Z",
	" " + digest, " " + digest[:63], " " + digest + "=", " " + strings.ToUpper(digest), " acme", " rival", " larder-interop", " canonical", " Acme", " a", " " + gateID, " " + targetID,
	" short", " global-upload", " rival-builds", " -x", " x-", " x--y", " x y", " x=y", " desk", " Desk", " core20", " secured", " signed", " dangerous",
	" stable", " 20/stable", " edge/branch", " unproven", " certified", " verified", " required", " invalid", " http://example.com", " ftp://example.com",
	" http://", " https://example.com/?q=1", " pat@example.com", " Pat <pat@example.com>", " $6$salt$hash", " $1$salt$hash", "\n    text", "\n    text\n    more",
	"\n  - item", "\n  - 16", "\n  - a\n  - b", "\n  -\n    - nested", "\n  -\n    name: x", "\n  key: value", "\n  key:\n    deeper: value",
	"\n  -\n    name: gate\n    id: " + gateID, "\n  - amd64\n  - amd64", "\n      text", "\n   odd", "\ttab", " trailing ", " \xff", " \x00", " é", " ﷽",
}
