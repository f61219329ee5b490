package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

// TestScripts runs testdata/script: each file is a session at a shell, with the
// commands below besides testscript's own.
func TestScripts(t *testing.T) {
	program := larderBinary(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("LARDER", program)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("LARDER_DATA", filepath.Join(env.WorkDir, "store"))
			return writeRoots(t, env.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"larder": scriptLarder,
			"snap":   func(ts *testscript.TestScript, _ bool, args []string) { scriptSnap(t, ts, args) },
			"charm":  scriptCharm,
			"bundle": scriptBundle,
			"layout": scriptLayout,
			"json":   scriptJSON,
			"serve":  func(ts *testscript.TestScript, _ bool, args []string) { scriptServe(t, ts, args) },
			"get":    scriptGet,
			"keep":   scriptKeep,
			"root":   func(ts *testscript.TestScript, _ bool, args []string) { scriptRoot(t, ts, args) },
		},
	})
}

// larder [CODE] ARGS... runs a command, which must end with the exit code CODE,
// 0 unless given. Standard input is the file $STDIN, if that is set.
func scriptLarder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: larder [CODE] ARGS...")
	}
	want := 0
	if code, err := strconv.Atoi(args[0]); err == nil {
		want, args = code, args[1:]
	}
	cmd := exec.Command(ts.Getenv("LARDER"), args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{}
	for _, name := range []string{
		"PATH", "HOME", "LARDER_DATA", "LARDER_DB", "LARDER_BLOBS", "LARDER_SECRET",
		"LARDER_STORE", "LARDER_STORE_CREDENTIALS", "SNAPCRAFT_ADMIN_MACAROON", "CHARMCRAFT_AUTH", "CRAFT_STORE_RETRIES",
	} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	if name := ts.Getenv("STDIN"); name != "" {
		cmd.Stdin = strings.NewReader(ts.ReadFile(name))
	}
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("cannot run larder: %v", err)
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// snap FILE NAME VERSION [ARCHITECTURE] makes a snap.
func scriptSnap(t *testing.T, ts *testscript.TestScript, args []string) {
	switch len(args) {
	case 3:
		args = append(args, "amd64")
	case 4:
	default:
		ts.Fatalf("usage: snap FILE NAME VERSION [ARCHITECTURE]")
	}
	writeSnap(t, ts.MkAbs(args[0]), snapYAML(args[1], args[2], args[3]))
}

// json stdout|stderr PATH [VALUE] fails unless the text is one JSON document
// that has, at a path such as units.0.unit, the value (any, if none is given).
// ! json fails if there is something at the path.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: json stdout|stderr PATH [VALUE]")
	}
	doc := at(ts, args[0], args[1])
	if neg {
		if doc != nil {
			ts.Fatalf("there is %v at %s", doc, args[1])
		}
		return
	}
	if doc == nil {
		ts.Fatalf("there is nothing at %s", args[1])
	}
	if text, ok := doc.(string); len(args) == 3 && (!ok || text != args[2]) {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(doc); err != nil || strings.TrimSpace(b.String()) != args[2] {
			ts.Fatalf("%s is %s, want %s", args[1], b.String(), args[2])
		}
	}
}

// keep NAME stdout|FILE [PATH] sets the variable NAME to a text without the blanks
// around it, or to the text at a path of the JSON document there.
func scriptKeep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: keep NAME stdout|FILE [PATH]")
	}
	text := strings.TrimSpace(ts.ReadFile(args[1]))
	if len(args) == 3 {
		found, ok := at(ts, args[1], args[2]).(string)
		if !ok {
			ts.Fatalf("there is no text at %s", args[2])
		}
		text = found
	}
	ts.Setenv(args[0], text)
}

// at is what a JSON document has at a path such as units.0.unit; nil is nothing.
func at(ts *testscript.TestScript, file, path string) any {
	var doc any
	if err := json.Unmarshal([]byte(ts.ReadFile(file)), &doc); err != nil {
		ts.Fatalf("%s is no JSON: %v", file, err)
	}
	for _, step := range strings.Split(path, ".") {
		var next any
		switch at := doc.(type) {
		case map[string]any:
			next = at[step]
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i < len(at) {
				next = at[i]
			} else if step == "length" {
				next = len(at)
			}
		}
		doc = next
	}
	return doc
}

// serve [ARGS...] starts a server on the script's store, and sets $URL to where
// it answers. It is stopped at the end.
func scriptServe(t *testing.T, ts *testscript.TestScript, args []string) {
	n := &node{t: t, dir: ts.Getenv("LARDER_DATA"), place: place{db: ts.Getenv("LARDER_DB"), blobs: ts.Getenv("LARDER_BLOBS")}}
	s := n.startServer(args...)
	ts.Defer(s.stop)
	select {
	case s.url = <-s.log.url:
		ts.Setenv("URL", s.url)
	case <-s.done:
		ts.Fatalf("larder serve ended: %s", s.log)
	}
}

// get PATH asks the server as a device does and prints the answer; ! get wants
// any status but 200.
func scriptGet(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: get PATH")
	}
	err := get(ts.Getenv("URL"), args[0], func(body io.Reader) error {
		_, err := io.Copy(ts.Stdout(), body)
		return err
	})
	var status errStatus
	switch {
	case neg && errors.As(err, &status):
		io.WriteString(ts.Stdout(), status.body)
	case neg:
		ts.Fatalf("the answer is 200: %v", err)
	case err != nil:
		ts.Fatalf("%v", err)
	}
}

// root ID KEYFILE makes the account ID-account.assert and ID-key.assert of a root
// that signs itself with the key in KEYFILE.
func scriptRoot(t *testing.T, ts *testscript.TestScript, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: root ID KEYFILE")
	}
	keys, err := assertion.ParsePrivateKeys([]byte(ts.ReadFile(args[1])), nil)
	ts.Check(err)
	signer, err := assertion.NewSigner(keys[0])
	ts.Check(err)
	root := &assertiontest.Authority{AccountID: args[0], Signer: signer}
	account := root.Sign(t, assertiontest.AccountHeaders(args[0]), nil)
	key := root.Sign(t, assertiontest.With(assertiontest.AccountKeyHeaders(args[0], assertiontest.RootKey),
		"public-key-sha3-384", signer.PublicKey().ID()), signer.PublicKey().Encode())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+"-account.assert"), account.Encoded(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+"-key.assert"), key.Encoded(), 0o600))
}

// writeRoots leaves files of assertions and keys in a script's directory:
// acme signs for itself, partner is another root, brand is vouched for by
// partner, and nobody knows who stranger is.
func writeRoots(t *testing.T, dir string) error {
	acme := assertiontest.NewRoot(t, "acme", assertiontest.RootKey)
	partner := assertiontest.NewRoot(t, "partner", assertiontest.StoreKey)
	stranger := assertiontest.NewRoot(t, "stranger", assertiontest.DeviceKey)
	brand := partner.Certify(t, "brand", assertiontest.BrandKey)
	model := brand.Sign(t, assertiontest.ModelHeaders("brand", "kiosk"), nil)
	worker := acme.Certify(t, "acme", assertiontest.BrandKey)
	for name, content := range map[string][]byte{
		"acme-account.assert":   acme.Account.Encoded(),
		"acme-key.assert":       acme.Key.Encoded(),
		"acme-both-keys.assert": encode(acme.Key, worker.Key),
		"acme.pem":              assertiontest.PEM(assertiontest.RootKey),
		"acme-worker.pem":       assertiontest.PEM(assertiontest.BrandKey),
		"partner.assert":        encode(partner.Account, partner.Key),
		"stranger.assert":       encode(stranger.Account, stranger.Key),
		"brand.assert":          encode(brand.Account, brand.Key),
		"model.assert":          model.Encoded(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
