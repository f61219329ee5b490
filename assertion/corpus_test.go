package assertion_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Run with -write-corpus after a type was added. Signatures carry their time, so
// that only what is not there yet is written.
var writeCorpus = flag.Bool("write-corpus", false, "add what testdata/corpus lacks")

func TestCorpusHasEveryType(t *testing.T) {
	docs := make(map[string]string)
	for typ, s := range sound() {
		docs["sound-"+typ] = string(mustSign(t, typ, s).Encoded())
	}
	for _, file := range []string{"canonical", "generic"} {
		for _, a := range readAll(t, "../roots/"+file+".assert") {
			docs["sound-public-"+file+"-"+a.Type().Name] = string(a.Encoded())
		}
	}
	docs["sound-empty-body"] = strings.Replace(document(""), "\n\nAXNT", "\n\n\n\nAXNT\n", 1)
	docs["sound-nested"] = document("x:\n  -\n    - a\n    -\n        b\n        c\n  -\n    k: v\n") + "\n"
	for name, text := range map[string]string{
		"no-signature":    strings.TrimSuffix(document(""), "\n\nAXNT"),
		"blank-first":     "\n" + document(""),
		"blank-after":     document("") + "\n\n",
		"body-announced":  document("body-length: 3\n"),
		"body-unsaid":     strings.Replace(document(""), "\n\nAXNT", "\n\nbody\n\nAXNT", 1),
		"repeated-header": document("x: a\nx: b\n"),
		"upper-case":      document("X: a\n"),
		"no-space":        document("x:a\n"),
		"dangling":        document("x:\n"),
		"not-utf8":        document("x: \xff\n"),
		"leading-zeros":   document("revision: 01\n"),
		"slash-in-key":    strings.Replace(document(""), "account-id: acme", "account-id: a/b", 1),
	} {
		docs["broken-"+name] = text
	}
	for name, doc := range docs {
		file := filepath.Join("testdata", "corpus", name+".assert")
		if _, err := os.Stat(file); err == nil {
			continue
		}
		if !*writeCorpus {
			t.Errorf("%s is missing: run this test with -write-corpus", file)
			continue
		}
		if err := os.WriteFile(file, []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
