package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/squashfs"
)

// buildLarder builds the program under test as it is released.
func buildLarder(ctx context.Context, dir string) (string, error) {
	const module = "github.com/larder-store/larder"
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("cannot find the module %s, is this its directory bench: %w", module, err)
	}
	binary := filepath.Join(dir, "larder")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, "./cmd/larder")
	cmd.Dir = string(bytes.TrimSpace(root))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build larder: %w\n%s", err, out)
	}
	return binary, nil
}

// larder is a store of its own in a directory.
type larder struct {
	binary string
	dir    string   // data, logs and what is pushed
	env    []string // names the database if it is not the default one
}

// store is one that several benchmarks push their snaps to.
func (b *lab) store(ctx context.Context) (_ *larder, err error) {
	if b.shared == nil {
		b.shared, err = b.newLarder(ctx, "store")
	}
	return b.shared, err
}

func (b *lab) newLarder(ctx context.Context, name string) (*larder, error) {
	l := &larder{binary: b.binary, dir: filepath.Join(b.dir, name)}
	if b.newDatabase != nil {
		url, err := b.newDatabase(ctx, name)
		if err != nil {
			return nil, err
		}
		l.env = append(l.env, "LARDER_DB="+url)
	}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, err
	}
	flags, err := rootFlags(l.dir)
	if err != nil {
		return nil, err
	}
	return l, l.run(ctx, append([]string{"init"}, flags...)...)
}

func (l *larder) data() string { return filepath.Join(l.dir, "data") }

// run runs a command of larder.
func (l *larder) run(ctx context.Context, args ...string) error {
	_, err := l.runWith(ctx, "", args...)
	return err
}

// runWith runs a command with something on standard input, and returns what it
// prints.
func (l *larder) runWith(ctx context.Context, input string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, l.binary, append(args, "--data", l.data())...)
	cmd.Env = append(os.Environ(), l.env...)
	cmd.Stdin = strings.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("larder %s: %w\n%s%s", args[0], err, out.Bytes(), errs.Bytes())
	}
	return out.Bytes(), nil
}

// A publisher of a store, who may do everything.
const (
	publisherAddress  = "ann@example.com"
	publisherName     = "ann"
	publisherPassword = "correct horse battery staple"
)

// employ makes the publisher's account and returns a token of it.
func (l *larder) employ(ctx context.Context) (token string, err error) {
	_, err = l.runWith(ctx, publisherPassword+"\n",
		"account", "create", publisherAddress, "--username", publisherName, "--role", "admin", "--password-stdin")
	if err != nil {
		return "", err
	}
	text, err := l.runWith(ctx, "", "token", "create", publisherName, "--format", "json",
		"--permission", "package_access", "--permission", "package_push", "--permission", "package_release")
	if err != nil {
		return "", err
	}
	var made struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(text, &made); err != nil || made.Token == "" {
		return "", fmt.Errorf("cannot read the new token: %w", cmp.Or(err, errors.New("there is none")))
	}
	return made.Token, nil
}

// server is a running larder.
type server struct {
	*process
	address string // host:port
}

var listening = regexp.MustCompile(`http://(127\.0\.0\.1:[1-9][0-9]*)`)

const startTimeout = 30 * time.Second

// serve starts the server on a free port and waits until it says which.
func (l *larder) serve(ctx context.Context, cores string) (*server, error) {
	log := filepath.Join(l.dir, "serve.log")
	p, address, err := startListener(ctx, listening, cores, log, l.env,
		l.binary, "serve", "--data", l.data(), "--listen", "127.0.0.1:0")
	if err != nil {
		text, _ := os.ReadFile(log)
		return nil, fmt.Errorf("cannot serve: %w\n%s", err, text)
	}
	return &server{p, address}, nil
}

// startListener starts a program and waits until it says where it listens: the
// first group of pattern.
func startListener(ctx context.Context, pattern *regexp.Regexp, cores, log string, env []string, args ...string) (*process, string, error) {
	said := make(chan string, 1)
	found := false
	p, err := start(cores, log, env, func(line string) {
		if m := pattern.FindStringSubmatch(line); m != nil && !found {
			found = true
			said <- m[1]
		}
	}, args...)
	if err != nil {
		return nil, "", err
	}
	select {
	case address := <-said:
		return p, address, nil
	case <-p.done:
		return nil, "", fmt.Errorf("%s ended: %w", args[0], p.err)
	case <-time.After(startTimeout):
		return nil, "", errors.Join(fmt.Errorf("%s did not say where it listens", args[0]), p.stop())
	case <-ctx.Done():
		return nil, "", errors.Join(ctx.Err(), p.stop())
	}
}

// snapYAML is about as long as those of the public store are.
const snapYAML = `name: %[1]s
version: 2.%[2]d.1
title: Sample number %[2]d
summary: One of several sample snaps that a device has installed
description: |
  This text is as long as the descriptions that people write. It says what the
  program does, and for whom, in a few sentences that nobody reads twice.

  - It does one thing, and does it well
  - It does another thing that not everybody needs
  - It has a daemon, of which nobody is quite sure what it waits for

  Bugs are reported where bugs are reported, and pull requests are welcome.
base: core24
grade: stable
confinement: strict
license: Apache-2.0
contact: https://example.com/%[1]s/contact
website: https://example.com/%[1]s
source-code: https://example.com/%[1]s.git
architectures: [amd64]
apps:
  %[1]s:
    command: bin/run
    plugs: [home, network, network-bind, removable-media]
    environment:
      LC_ALL: C.UTF-8
  daemon:
    command: bin/daemon
    daemon: simple
    restart-condition: on-failure
    plugs: [network, network-bind, hardware-observe]
plugs:
  config-files:
    interface: personal-files
    read: [$HOME/.config/sample]
`

// makeSnap writes a snap of about size bytes that do not compress.
func makeSnap(dir, name string, number int, size int64) (string, error) {
	path := filepath.Join(dir, name+".snap")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	_, err = snapbuild.Snap(f, snapbuild.Spec{
		YAML: fmt.Sprintf(snapYAML, name, number),
		Files: []squashfs.File{
			snapbuild.Program("bin/run", "#!/bin/sh\n"),
			snapbuild.Program("bin/daemon", "#!/bin/sh\n"),
			snapbuild.Noise("data", size, uint64(number)),
		},
		Options: squashfs.Options{Compression: squashfs.None},
	})
	return path, errors.Join(err, f.Close())
}

// push makes n snaps and brings them into the store. It returns their names.
func (l *larder) push(ctx context.Context, prefix string, n int, size int64) ([]string, error) {
	args := []string{"push-snap", "--register", "--channel", "stable"}
	var names []string
	for i := range n {
		name := fmt.Sprintf("%s-%d", prefix, i)
		path, err := makeSnap(l.dir, name, i, size)
		if err != nil {
			return nil, err
		}
		defer os.Remove(path)
		names, args = append(names, name), append(args, path)
	}
	return names, l.run(ctx, args...)
}
