// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/snapcore/snapd/asserts"
)

// difference is a way in which snapd and larder are known to decide
// differently about the same bytes, and why that is right.
type difference struct {
	// said matches what is reported: who refuses, and with what error.
	said *regexp.Regexp
	why  string
	// A specimen that shows it when one text in it is replaced by another.
	specimen, old, new string
}

// stricter is what larder does not even read.
var stricter = []difference{
	{said(`^larder refuses: .*must be an integer without leading zeros or plus: "[-+]`),
		"a number has one way to be written, or one document could have several keys; snapd reads +1 as 1",
		"repair", "repair-id: 42", "repair-id: +42"},
	{said(`^larder refuses: .*account-key-request: not signed with the key it carries`),
		"the key is in the request, so parsing can tell; snapd leaves it to its database, which refuses too",
		"account-key-request", "sign-key-sha3-384: " + deviceKeyID, "sign-key-sha3-384: " + digest},
	{said(`^larder refuses: .*must be a SHA3-384 digest .*\\r`),
		"Go's base64 decoder passes over carriage returns; a digest with one in it is another key for the same thing",
		"snap-build", digest, digest[:7] + "\r" + digest[7:]},
	{said(`^larder refuses: .*public key: packet is cut short`),
		"a packet that announces more bytes than there are is not read as if they did not matter",
		"serial-request", "AcbATQRWhcGA", "AcbETQRWhcGA"},
	{said(`^larder refuses: .*the signature is none: put a blank line after each assertion`),
		"snapd looks at a signature when it verifies; larder tells early who joined two assertions without a blank line",
		"snap-build", "\n\nAcLA", "\n\ntype: snap-build\nAcLA"},
	{said(`^larder refuses: .*"password" must have the form`),
		"snapd does not look before the first dollar sign; crypt(3) does",
		"system-user", "password: $6$", "password: x$6$"},
	{said(`^larder refuses: .*"?integrity"?`),
		"this snapd does not know the integrity header, newer ones check it",
		"snap-revision", "developer-id: acme", "developer-id: acme\nintegrity: yes"},
	{said(`^larder refuses: .*validation-set: .*component`),
		"this snapd does not know components in validation sets, newer ones check them",
		"validation-set of a later revision", "    name: gate", "    components: none\n    name: gate"},
	{said(`^larder refuses: .*"type" in "snaps" item . must be base for the base of the model`),
		"a snap of a model cannot be its base and its kernel at once",
		"model core-20", "name: pc-kernel", "name: core20"},
}

// looser is what larder reads and snapd does not.
var looser = []difference{
	{said(`^snapd refuses: .*preseed: authority-id and brand-id must match`),
		"newer snapd lets a model name other preseed authorities, which is checked at use",
		"preseed", "brand-id: acme", "brand-id: rival"},
	{said(`^snapd refuses: unknown assertion type: "(snap-resource-(revision|pair)|cluster|confdb-(control|schema)|hardware-identity|(request|response)-message)"`),
		"larder knows types that this snapd does not",
		"store", "type: store", "type: cluster\ncluster-id: one\nsequence: 1"},
	{said(`^snapd refuses: .*cannot specify not well-known base`),
		"each snapd has its own list of well-known bases, and a store outlives many",
		"model core-20", "base: core20", "base: core99"},
	{said(`^snapd refuses: .*on-classic in .* contains an invalid element`),
		"newer snapd (format 7) takes distribution/variant",
		"snap-declaration with rules", "- ubuntu", "- ubuntu/desktop"},
	{said(`^snapd refuses, larder keeps for its newer format: `),
		"what has a newer format is kept and relayed unread; this snapd reads it with the rules it knows",
		"store", "operator-id: acme\n", "format: 3\n"},
}

// trusting is what both read and only one trusts.
var trusting = []difference{
	{said(`^snapd refuses: proposed ("snap-declaration" assertion has format [67] but 5|"account-key" assertion has format 1 but 0) is latest supported`),
		"larder knows formats that this snapd does not",
		"snap-declaration with alternatives", "format: 5", "format: 6"},
	{said(`^snapd refuses, larder keeps for its newer format: proposed`),
		"a newer format is kept and relayed; that it cannot be used here is for the reader to see",
		"snap-declaration with alternatives", "format: 5", "format: 8"},
}

// signatures are about the signature packet.
var signatures = []difference{
	{said(`^larder refuses: cannot verify the signature of .*: packet is cut short`),
		"a packet that announces more bytes than there are is not read as if they did not matter",
		"snap-build", "\n\nAcLA", "\n\nAcLE"},
}

// deviceKeyID is the id of the device key.
const deviceKeyID = "k32CeXk4PdsHwf2oZRnewl5jr2J7trTRe7HQ_W-vjrpjY2MAudu_Oxb44nYMFo9f"

func said(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

// shown is the specimen of a difference with the replacement made. It keeps
// its signature, or is signed again.
func (d difference) shown(t *testing.T, again bool) []byte {
	t.Helper()
	for _, s := range specimens(theWorld()) {
		if s.String() != d.specimen {
			continue
		}
		encoded := asserts.Encode(snapdSigns(t, s))
		changed := bytes.Replace(encoded, []byte(d.old), []byte(d.new), 1)
		if bytes.Equal(encoded, changed) {
			t.Fatalf("%s has no %q", d.specimen, d.old)
		}
		if again {
			return signAgain(changed, s.by)
		}
		return changed
	}
	t.Fatalf("there is no specimen %q", d.specimen)
	return nil
}
