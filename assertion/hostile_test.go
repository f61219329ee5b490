package assertion_test

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

// Documents of the largest size, made to cost as much as they can.
func TestHostileDocumentsCostLittle(t *testing.T) {
	const size = 127 << 10
	fill := func(line func(i int) string) string {
		var lines strings.Builder
		for i := 0; ; i++ {
			next := line(i)
			if lines.Len()+len(next) > size-2000 {
				return lines.String()
			}
			lines.WriteString(next)
		}
	}
	key := assertiontest.Signer(assertiontest.StoreKey).PublicKey()
	keyDocument := func(lines string) string {
		return "type: account-key\nformat: 1\nauthority-id: root-one\npublic-key-sha3-384: " + key.ID() + "\naccount-id: acme\nname: k\nsince: " + when +
			"\n" + lines + "body-length: " + strconv.Itoa(len(key.Encode())) + "\nsign-key-sha3-384: " + digest("key") + "\n\n" + string(key.Encode()) + "\n\nAXNT"
	}
	declaration := func(lines string) string {
		return "type: snap-declaration\nformat: 5\nauthority-id: root-one\nseries: 16\nsnap-id: x\nsnap-name: x\npublisher-id: y\ntimestamp: " + when +
			"\n" + lines + "sign-key-sha3-384: " + digest("key") + "\n\nAXNT"
	}
	schema := func(body string) string {
		return "type: confdb-schema\nauthority-id: acme\naccount-id: acme\nname: n\ntimestamp: " + when +
			"\nviews:\n  v:\n    rules:\n      -\n        storage: a\nbody-length: " + strconv.Itoa(len(body)) +
			"\nsign-key-sha3-384: " + digest("key") + "\n\n" + body + "\n\nAXNT"
	}
	attribute := func(pattern string) func(int) string {
		return func(i int) string {
			return "  i" + strconv.Itoa(i) + ":\n    allow-connection:\n      plug-attributes:\n        a: " + pattern + "\n"
		}
	}
	for name, doc := range map[string]string{
		"headers":    document(fill(func(i int) string { return "h" + strconv.Itoa(i) + ": \n" })),
		"list":       document("x:\n" + fill(func(int) string { return "  - \n" })),
		"map":        document("x:\n" + fill(func(i int) string { return "  k" + strconv.Itoa(i) + ": \n" })),
		"text":       document("x:\n" + fill(func(int) string { return "    \n" })),
		"nesting":    document(nested(340)),
		"aliases":    declaration("aliases:\n" + fill(func(i int) string { return "  -\n    name: a" + strconv.Itoa(i) + "\n    target: b\n" })),
		"rules":      declaration("plugs:\n" + fill(func(i int) string { return "  i" + strconv.Itoa(i) + ": true\n" })),
		"classes":    declaration("plugs:\n" + fill(attribute(strings.Repeat(`\pL`, 1300)))),
		"repeats":    declaration("plugs:\n" + fill(attribute(strings.Repeat("a{1000}", 20)))),
		"parens":     declaration("plugs:\n" + fill(attribute(strings.Repeat("(", 2000)+strings.Repeat(")", 2000)))),
		"body":       schema(`{"storage":` + strings.Repeat("[", 5000) + strings.Repeat("1,", 50_000) + "1" + strings.Repeat("]", 5000) + "}"),
		"key limits": keyDocument("constraints:\n" + fill(func(int) string { return "  -\n    headers:\n      type: model\n      a: b{1000}\n" })),
		"key class":  keyDocument("constraints:\n" + fill(func(int) string { return "  -\n    headers:\n      type: model\n      a: \\pL\\pN\n" })),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := assertion.Parse([]byte(doc))
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d KiB, %s, %d KiB allocated, error: %.100v", len(doc)>>10, took, allocated>>10, err)
			if allocated > 64<<20 {
				t.Errorf("%d MiB allocated", allocated>>20)
			}
			if took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}
