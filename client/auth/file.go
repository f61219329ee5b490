package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// File keeps secrets in a JSON file of mode 0600, {application: {host: secret}},
// the one that craft-store's FileKeyring reads and writes. It is replaced as a
// whole and synced, so that a reader sees the old or the new content. Programs
// on one machine that write at the same moment wait for each other.
//
// Anybody who can read the file can act as its owner.
type File struct {
	// Path is the file. Empty is $XDG_DATA_HOME/APPLICATION/credentials.json,
	// with ~/.local/share where that variable is not set.
	Path string
}

// Name is "file".
func (f File) Name() string { return "file" }

const maxCredentialsFile = 4 << 20

type fileContent = map[string]map[string]string

func (f File) path(application string) (string, error) {
	if f.Path != "" {
		return f.Path, nil
	}
	if application == "" || application != filepath.Base(application) || application == "." || application == ".." {
		return "", fmt.Errorf("cannot keep credentials for an application named %q: it names a directory", application)
	}
	data := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(data) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("cannot tell where to keep credentials: %w", err)
		}
		data = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(data, application, "credentials.json"), nil
}

// read takes an absent file as empty. A broken one is an error, so that nothing
// in it is lost by writing.
func (f File) read(path string) (fileContent, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fileContent{}, nil
	case err != nil:
		return nil, fmt.Errorf("cannot read the credentials: %w", err)
	case info.Size() > maxCredentialsFile:
		return nil, fmt.Errorf("%w: %s is longer than %d bytes", ErrNotParseable, path, maxCredentialsFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the credentials: %w", err)
	}
	content := fileContent{}
	if len(strings.TrimSpace(string(text))) == 0 {
		return content, nil
	}
	if err := json.Unmarshal(text, &content); err != nil || content == nil {
		return nil, fmt.Errorf("%w: %s is no JSON of applications and hosts; remove it to start anew", ErrNotParseable, path)
	}
	return content, nil
}

// write goes through a temporary file in the same directory: write, sync,
// rename, sync the directory.
func (f File) write(path string, content fileContent) (err error) {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".credentials-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = temporary.Close()
			_ = os.Remove(temporary.Name())
		}
	}()
	if _, err = temporary.Write(text); err != nil {
		return err
	}
	if err = temporary.Sync(); err != nil {
		return err
	}
	if err = temporary.Close(); err != nil {
		return err
	}
	if err = os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil // renamed already; some systems cannot open a directory
	}
	defer directory.Close()
	_ = directory.Sync() // not every file system can
	return nil
}

// locks are held by this process, one per path, since a lock file only keeps
// other processes out.
var locks sync.Map // path → *sync.Mutex

// change holds a lock file while it reads, edits and writes.
func (f File) change(ctx context.Context, application string, edit func(fileContent) error) error {
	path, err := f.path(application)
	if err != nil {
		return err
	}
	mutex, _ := locks.LoadOrStore(path, &sync.Mutex{})
	mutex.(*sync.Mutex).Lock()
	defer mutex.(*sync.Mutex).Unlock()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot keep the credentials: %w", err)
	}
	unlock, err := lockFile(ctx, path+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	content, err := f.read(path)
	if err != nil {
		return err
	}
	if err := edit(content); err != nil {
		return err
	}
	if err := f.write(path, content); err != nil {
		return fmt.Errorf("cannot keep the credentials: %w", err)
	}
	return nil
}

// staleLock is the age at which a lock file is taken for one of a program that
// died: nobody holds it for more than milliseconds.
const staleLock = 10 * time.Second

func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	for {
		lock, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			_ = lock.Close()
			return func() { _ = os.Remove(path) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("cannot lock the credentials: %w", err)
		}
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > staleLock {
			_ = os.Remove(path)
			continue
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("cannot lock the credentials with %s: %w", path, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Get implements Backend.
func (f File) Get(_ context.Context, application, host string) (string, error) {
	path, err := f.path(application)
	if err != nil {
		return "", err
	}
	content, err := f.read(path)
	if err != nil {
		return "", err
	}
	secret, ok := content[application][host]
	if !ok {
		return "", unavailable(application, host)
	}
	return secret, nil
}

// Set implements Backend.
func (f File) Set(ctx context.Context, application, host, secret string) error {
	return f.change(ctx, application, func(content fileContent) error {
		if content[application] == nil {
			content[application] = map[string]string{}
		}
		content[application][host] = secret
		return nil
	})
}

// Delete implements Backend.
func (f File) Delete(ctx context.Context, application, host string) error {
	return f.change(ctx, application, func(content fileContent) error {
		if _, ok := content[application][host]; !ok {
			return unavailable(application, host)
		}
		delete(content[application], host)
		return nil
	})
}
