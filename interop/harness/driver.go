// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os/exec"
	"testing"
	"time"
)

// driver is a program that reads a line of JSON and prints one for it, again and
// again.
type driver struct {
	name string
	in   io.WriteCloser
	out  *bufio.Scanner
}

// driverTimeout is how long a whole story may take.
const driverTimeout = 10 * time.Minute

// maxTold is the longest line that a driver may print, bytes.
const maxTold = 8 << 20

// drive starts a program that ends with the test.
func drive(t testing.TB, env []string, path string, args ...string) *driver {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), driverTimeout)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = env
	d := &driver{name: path}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	var err error
	if d.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.out = bufio.NewScanner(out)
	d.out.Buffer(nil, maxTold)
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatalf("cannot start %s: %v", path, err)
	}
	t.Cleanup(func() {
		defer stop()
		d.in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", path, err, errs.String())
		}
	})
	return d
}

// ask sends one line and reads what the program says to it.
func (d *driver) ask(t testing.TB, question, answer any) {
	t.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.in.Write(append(line, '\n')); err != nil || !d.out.Scan() {
		t.Fatalf("%s says nothing to %s: %v, %v", d.name, line, err, d.out.Err())
	}
	if err := json.Unmarshal(d.out.Bytes(), answer); err != nil {
		t.Fatalf("%s says %s: %v", d.name, d.out.Bytes(), err)
	}
}
