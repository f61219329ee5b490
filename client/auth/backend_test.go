package auth

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zalando/go-keyring"
)

// TestBackends is what every Backend promises.
func TestBackends(t *testing.T) {
	keyring.MockInit()
	for _, b := range []Backend{&Memory{}, Keyring{}, File{Path: filepath.Join(t.TempDir(), "deep", "credentials.json")}} {
		t.Run(b.Name(), func(t *testing.T) {
			ctx := t.Context()
			if _, err := b.Get(ctx, "tool", "a.example"); !errors.Is(err, ErrCredentialsUnavailable) {
				t.Fatalf("empty: %v", err)
			}
			if err := b.Delete(ctx, "tool", "a.example"); !errors.Is(err, ErrCredentialsUnavailable) {
				t.Fatalf("delete of nothing: %v", err)
			}
			for _, secret := range []string{"one", "two"} {
				if err := b.Set(ctx, "tool", "a.example", secret); err != nil {
					t.Fatal(err)
				}
				if got, err := b.Get(ctx, "tool", "a.example"); err != nil || got != secret {
					t.Fatalf("got %q, %v", got, err)
				}
			}
			for _, other := range [][2]string{{"tool", "b.example"}, {"other", "a.example"}} {
				if _, err := b.Get(ctx, other[0], other[1]); !errors.Is(err, ErrCredentialsUnavailable) {
					t.Errorf("%v has the secret of somebody else: %v", other, err)
				}
			}
			if err := b.Delete(ctx, "tool", "a.example"); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Get(ctx, "tool", "a.example"); !errors.Is(err, ErrCredentialsUnavailable) {
				t.Fatalf("after delete: %v", err)
			}
		})
	}
}

func TestFileOfCraftStoreIsReadAndKept(t *testing.T) {
	for _, g := range readGoldens(t) {
		if g.File == "" {
			continue
		}
		data := t.TempDir()
		t.Setenv("XDG_DATA_HOME", data)
		path := filepath.Join(data, "some-tool", "credentials.json")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(g.File), 0o644); err != nil {
			t.Fatal(err)
		}
		for host, want := range map[string]string{"store.example": "c2VjcmV0LTE=", "other.example:8080": "c2VjcmV0LTI="} {
			if got, err := (File{}).Get(t.Context(), "some-tool", host); err != nil || got != want {
				t.Errorf("%s: got %q, %v", host, got, err)
			}
		}
		if err := (File{}).Set(t.Context(), "some-tool", "third.example", "x"); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.TrimSuffix(g.File, "}}") + `, "third.example": "x"}}`
		if !sameText(string(text), want) {
			t.Errorf("file %s, want %s", text, want)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v: others must not read it any more", info.Mode(), err)
		}
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(entries) != 1 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	}
}

// TestFileKeepsEveryWriter: writers beside each other lose nothing.
func TestFileKeepsEveryWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if err := (File{Path: path}).Set(t.Context(), "tool", "host"+strconv.Itoa(i), "secret"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range 20 {
		if _, err := (File{Path: path}).Get(t.Context(), "tool", "host"+strconv.Itoa(i)); err != nil {
			t.Error(err)
		}
	}
}

func TestFileDoesNotOverwriteWhatItCannotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	for _, broken := range []string{"{", "[]", `{"tool": 5}`, "null"} {
		if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := (File{Path: path}).Set(t.Context(), "tool", "host", "secret"); !errors.Is(err, ErrNotParseable) {
			t.Errorf("%s: %v", broken, err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != broken {
			t.Errorf("%s became %s, %v", broken, text, err)
		}
	}
}

func TestFileWaitsForAnotherProgramAndOutlivesADeadOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	lock := path + ".lock"
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := (File{Path: path}).Set(ctx, "tool", "host", "secret"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("with the lock held: %v", err)
	}
	old := time.Now().Add(-2 * staleLock)
	if err := os.Chtimes(lock, old, old); err != nil {
		t.Fatal(err)
	}
	if err := (File{Path: path}).Set(t.Context(), "tool", "host", "secret"); err != nil {
		t.Fatalf("with a stale lock: %v", err)
	}
	if _, err := os.Stat(lock); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock stays: %v", err)
	}
}

func TestFileRefusesAnApplicationThatIsAPath(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	for _, application := range []string{"", "..", "../other", "a/b"} {
		if err := (File{}).Set(t.Context(), application, "host", "secret"); err == nil {
			t.Errorf("%q was taken", application)
		}
	}
}

func TestEnvironmentIsReadOnly(t *testing.T) {
	e := Environment{Variable: "LARDER_TEST_CREDENTIALS"}
	t.Setenv(e.Variable, "")
	if _, err := e.Get(t.Context(), "tool", "host"); !errors.Is(err, ErrCredentialsUnavailable) {
		t.Errorf("empty: %v", err)
	}
	t.Setenv(e.Variable, "c2VjcmV0")
	if got, err := e.Get(t.Context(), "tool", "host"); err != nil || got != "c2VjcmV0" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := e.Set(t.Context(), "tool", "host", "x"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("set: %v", err)
	}
	if err := e.Delete(t.Context(), "tool", "host"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("delete: %v", err)
	}
}

func TestKeyringSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]error{
		"failed to unlock correct collection '/login'":                            ErrKeyringLocked,
		"org.freedesktop.Secret.Error.IsLocked":                                   ErrKeyringLocked,
		"The name org.freedesktop.secrets was not provided by any .service files": ErrNoKeyring,
		`exec: "dbus-launch": executable file not found in $PATH`:                 ErrNoKeyring,
	} {
		keyring.MockInitWithError(errors.New(text))
		_, err := Keyring{}.Get(t.Context(), "tool", "host")
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
		if err := (Keyring{}).Set(t.Context(), "tool", "host", "x"); !errors.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	keyring.MockInit()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := inKeyring(ended, "tool", "host", func() (string, error) { select {} }); !errors.Is(err, context.Canceled) {
		t.Errorf("a prompt that nobody answers: %v", err)
	}
}

// TestOpenChooses is the rule of selection.
func TestOpenChooses(t *testing.T) {
	const variable = "LARDER_TEST_CREDENTIALS"
	exported, err := NewToken("tok-12345").Export()
	if err != nil {
		t.Fatal(err)
	}
	noKeyring, locked := errors.New("no D-Bus"), errors.New("it is locked")
	tests := []struct {
		name    string
		env     string
		keyring error
		opts    []Option
		want    string
		err     error
		loaded  Credentials
	}{
		{name: "keyring", want: "keyring"},
		{name: "environment before all", env: exported, keyring: noKeyring, opts: []Option{FromEnvironment(variable)}, want: "memory", loaded: NewToken("tok-12345")},
		{name: "an empty variable is none", opts: []Option{FromEnvironment(variable)}, want: "keyring"},
		{name: "a variable that nobody asked for", env: exported, want: "keyring"},
		{name: "environment that is nonsense", env: "{}", opts: []Option{FromEnvironment(variable)}, err: ErrNotParseable},
		{name: "ephemeral", keyring: noKeyring, opts: []Option{Ephemeral()}, want: "memory"},
		{name: "no keyring", keyring: noKeyring, err: ErrNoKeyring},
		{name: "no keyring, file allowed", keyring: noKeyring, opts: []Option{FileFallback("")}, want: "file"},
		{name: "a file is no way around a locked keyring", keyring: locked, opts: []Option{FileFallback("")}, err: ErrKeyringLocked},
		{name: "a keyring before the file", opts: []Option{FileFallback("")}, want: "keyring"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(variable, tt.env)
			keyring.MockInit()
			if tt.keyring != nil {
				keyring.MockInitWithError(tt.keyring)
			}
			s, err := Open(t.Context(), "tool", "https://store.example:8443/publishergw", tt.opts...)
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if tt.err != nil {
				return
			}
			if (s.Variable == variable) != (tt.want == "memory" && tt.env != "") {
				t.Errorf("the credentials came from %q", s.Variable)
			}
			if s.Backend.Name() != tt.want || s.Host != "store.example:8443" || s.Application != "tool" {
				t.Errorf("chose %s for %s on %s", s.Backend.Name(), s.Application, s.Host)
			}
			got, err := s.Load(t.Context())
			if tt.loaded.Kind == None {
				if !errors.Is(err, ErrCredentialsUnavailable) {
					t.Errorf("loaded %v, %v", got, err)
				}
			} else if err != nil || !reflect.DeepEqual(got, tt.loaded) {
				t.Errorf("loaded %#v, %v", got, err)
			}
		})
	}
}

func TestStoreKeepsReplacesAndForgets(t *testing.T) {
	s := &Store{Application: "tool", Host: "host", Backend: &Memory{}}
	ctx := t.Context()
	if err := s.EnsureNone(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Credentials{NewToken("tok-12345"), NewBasic("u", "p")} {
		if err := s.Save(ctx, c); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(ctx); err != nil || !reflect.DeepEqual(got, c) {
			t.Fatalf("got %#v, %v", got, err)
		}
		if err := s.EnsureNone(ctx); !errors.Is(err, ErrCredentialsAvailable) {
			t.Fatalf("with credentials: %v", err)
		}
	}
	if err := s.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx); !errors.Is(err, ErrCredentialsUnavailable) {
		t.Fatalf("twice: %v", err)
	}
	if err := s.Save(ctx, Credentials{}); !errors.Is(err, ErrNotParseable) {
		t.Fatalf("nothing to save: %v", err)
	}
	nowhere := &Store{}
	if _, err := nowhere.Load(ctx); !errors.Is(err, ErrCredentialsUnavailable) {
		t.Errorf("no backend: %v", err)
	}
	if err := nowhere.Save(ctx, NewToken("tok-12345")); !errors.Is(err, ErrNoKeyring) {
		t.Errorf("no backend: %v", err)
	}
}
