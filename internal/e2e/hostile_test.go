package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/squashfs"
)

// maxHostileRSS is what a process may take on top of an idle one, whatever it is
// sent: bytes.
const maxHostileRSS = 160 << 20

// TestHostileFilesAreRefused pushes what an attacker, or a bad disk, may have
// made of snaps and archives. Each must fail with an error that names the file
// and with bounded memory, and leave nothing behind.
func TestHostileFilesAreRefused(t *testing.T) {
	n := newStore(t, place{})
	s := n.serve()
	dir := t.TempDir()
	good := makeSnap(t, dir, "good", "1.0", noise(300_000))
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(at int) []byte {
		b := bytes.Clone(whole)
		b[at] ^= 0x10
		return b
	}
	assertions := forgeries(t, good)
	tests := []struct {
		name string
		file string
		make func(path string)
		code int
		says string
	}{
		{"a squashfs that ends early", "cut.snap", content(whole[:len(whole)/2]), 5, "cut.snap"},
		{"a squashfs of its first block only", "head.snap", content(whole[:100]), 5, "head.snap"},
		{"a squashfs whose tables are elsewhere", "super.snap", content(flipped(64 + 2)), 5, "super.snap"},
		{"a squashfs with a damaged inode table", "inodes.snap", content(flipped(int(binary.LittleEndian.Uint64(whole[64:])) + 12)), 5, "inodes.snap"},
		{"a snap that is not the one its assertions are about", "other.snap", func(path string) {
			content(flipped(150_000))(path)
			content(assertions.good)(strings.TrimSuffix(path, ".snap") + ".assert")
		}, 5, "is about other bytes"},
		{"an empty file", "empty.snap", content(nil), 5, "empty.snap"},
		{"a file that is no snap", "text.snap", content([]byte("hello\n")), 5, "text.snap"},
		{"a snap.yaml that grows out of proportion", "yamlbomb.snap", func(path string) {
			writeSnap(t, path, snapYAML("bomb", "1", "amd64")+"x: "+strings.Repeat("a", 100<<20))
		}, 5, "yamlbomb.snap"},
		{"an icon that grows out of proportion", "iconbomb.snap", func(path string) {
			writeSnap(t, path, snapYAML("bomb", "1", "amd64")+"confinement: none\n",
				squashfs.File{Path: "meta/gui/icon.png", Size: 1 << 30, Content: io.LimitReader(zeros{}, 1<<30)})
		}, 5, "iconbomb.snap"},
		{"aliases of aliases in a snap.yaml", "aliases.snap", func(path string) { writeSnap(t, path, aliases()) }, 5, "aliases.snap"},
		{"links in place of the metadata", "link.snap", func(path string) { linked(t, path) }, 5, "link.snap"},
		{"an archive that inflates without end", "bomb.tar.gz", func(path string) { bomb(t, path) }, 8, "bomb.tar.gz"},
		{"an archive member above the root", "dotdot.tar.gz", archive(t, tar.Header{Name: "../../etc/cron.d/x"}), 5, "leads out of the archive"},
		{"an archive member with an absolute path", "absolute.tar.gz", archive(t, tar.Header{Name: "/etc/passwd"}), 5, "absolute path"},
		{"a symbolic link in an archive", "symlink.tar.gz", archive(t, tar.Header{Name: "a.snap", Typeflag: tar.TypeSymlink, Linkname: "/etc/shadow"}), 5, "is a link"},
		{"a hard link in an archive", "hardlink.tar.gz", archive(t, tar.Header{Name: "a.snap", Typeflag: tar.TypeLink, Linkname: "../secret"}), 5, "is a link"},
		{"a device in an archive", "device.tar.gz", archive(t, tar.Header{Name: "a.snap", Typeflag: tar.TypeChar}), 5, "neither a file nor a directory"},
		{"an archive that ends early", "cut.tar.gz", func(path string) {
			archive(t, tar.Header{Name: "a.txt"})(path)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			content(b[:len(b)-10])(path)
		}, 5, "cut.tar.gz"},
		{"an assertion with a changed word", "forged.assert", content(assertions.forged), 5, "signature"},
		{"an assertion of an account that may not say this", "wrong.assert", content(assertions.wrongAuthority), 6, "account brand signed it and may not"},
		{"an assertion that nobody trusted signed", "stranger.assert", content(assertions.untrusted), 5, "is not known"},
		{"an assertion signed with an expired key", "expired.assert", content(assertions.expired), 5, "is outside the validity of its signing key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, tt.file)
			tt.make(path)
			before := n.must("changes", "--limit", "1000")
			began := time.Now()
			a, rss := n.measure(n.command("push-snap", path, "--register", "--channel", "stable"))
			if a.code != tt.code || !strings.Contains(a.errOut, tt.says) {
				t.Errorf("want exit code %d and an error with %q: %s", tt.code, tt.says, a)
			}
			if rss > maxHostileRSS {
				t.Errorf("it took %d MiB of memory", rss>>20)
			}
			if took := time.Since(began); took > time.Minute {
				t.Errorf("it took %s", took)
			}
			if after := n.must("changes", "--limit", "1000"); after != before {
				t.Errorf("it changed the store\nbefore:\n%s\nafter:\n%s", before, after)
			}
		})
	}
	n.must("push-snap", good, "--register", "--channel", "stable")
	soonServed(t, s.url, "good", "stable", good)
	n.fsckClean()
}

func content(b []byte) func(path string) {
	return func(path string) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			panic(err)
		}
	}
}

// archive makes one with a single member.
func archive(t *testing.T, h tar.Header) func(path string) {
	return func(path string) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		text := []byte("type: note\n")
		if h.Typeflag == 0 {
			h.Size = int64(len(text))
		}
		h.Mode = 0o644
		err := w.WriteHeader(&h)
		if err == nil && h.Size > 0 {
			_, err = w.Write(text)
		}
		if err = errors.Join(err, w.Close(), z.Close()); err != nil {
			t.Fatal(err)
		}
		content(b.Bytes())(path)
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// bomb is an archive with a member of 64 GiB of zeros in a few kilobytes: its
// gzip members are the same megabytes again and again.
func bomb(t *testing.T, path string) {
	t.Helper()
	compress := func(r io.Reader) []byte {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if _, err := io.Copy(z, r); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	var head bytes.Buffer
	if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "a.snap", Size: 64 << 30, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	chunk := compress(io.LimitReader(zeros{}, 64<<20))
	packed := append(compress(&head), bytes.Repeat(chunk, 64)...)
	content(packed)(path)
}

// aliases is a snap.yaml that names ten times ten times ten things.
func aliases() string {
	var b strings.Builder
	b.WriteString(snapYAML("bomb", "1", "amd64") + "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := range 12 {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	return b.String()
}

// linked is a squashfs whose meta/snap.yaml points out of it.
func linked(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := squashfs.Write(f, []squashfs.File{snapbuild.Link("meta/snap.yaml", "/etc/passwd")}, squashfs.Options{}); err != nil {
		t.Fatal(err)
	}
}

// forged are assertions that must not enter the store of newStore.
type forged struct{ good, forged, wrongAuthority, untrusted, expired []byte }

func forgeries(t *testing.T, snap string) forged {
	t.Helper()
	root := assertiontest.NewRoot(t, "acme", assertiontest.RootKey)
	brand := root.Certify(t, "brand", assertiontest.BrandKey)
	stranger := assertiontest.NewRoot(t, "stranger", assertiontest.DeviceKey)
	model := brand.Sign(t, assertiontest.ModelHeaders("brand", "kiosk"), nil)
	id := assertiontest.SnapID(1)

	old := &assertiontest.Authority{AccountID: "brand", Signer: assertiontest.Signer(assertiontest.StoreKey), Account: brand.Account}
	old.Key = root.Sign(t, assertiontest.With(assertiontest.AccountKeyHeaders("brand", assertiontest.StoreKey),
		"since", "2020-02-02T20:20:20Z", "until", "2020-03-03T20:20:20Z"), old.Signer.PublicKey().Encode())
	late := old.Sign(t, assertiontest.With(assertiontest.ModelHeaders("brand", "late"), "timestamp", "2024-01-01T00:00:00Z"), nil)
	file, err := os.Stat(snap)
	if err != nil {
		t.Fatal(err)
	}
	declaration := root.Sign(t, assertiontest.DeclarationHeaders(id, "good", "acme"), nil)
	revision := root.Sign(t, assertiontest.RevisionHeaders(id, assertionDigest(t, snap), uint64(file.Size()), 1, "acme"), nil)
	return forged{
		good:           encode(declaration, revision),
		forged:         append(encode(brand.Account, brand.Key), bytes.Replace(model.Encoded(), []byte("kiosk"), []byte("crook"), 1)...),
		wrongAuthority: encode(brand.Account, brand.Key, brand.Sign(t, assertiontest.DeclarationHeaders(id, "good", "brand"), nil)),
		untrusted:      encode(stranger.Sign(t, assertiontest.ModelHeaders("stranger", "kiosk"), nil)),
		expired:        encode(old.Account, old.Key, late),
	}
}

// TestHostileRequestsAreRefusedInBoundedMemory sends the server what clients
// never send.
func TestHostileRequestsAreRefusedInBoundedMemory(t *testing.T) {
	n := newStore(t, place{})
	s := n.serve()
	idle := peak(s.cmd.Process.Pid)
	tests := []struct {
		name, method, path string
		body               func() io.Reader
		status             []int
	}{
		{"a JSON body of 1 GiB", http.MethodPost, "/v2/snaps/refresh", func() io.Reader {
			return io.MultiReader(strings.NewReader(`{"context":[],"actions":[{"x":"`), io.LimitReader(letters{}, 1<<30), strings.NewReader(`"}]}`))
		}, []int{413}},
		{"JSON nested a million deep", http.MethodPost, "/v2/snaps/refresh", func() io.Reader {
			return strings.NewReader(`{"actions":` + strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000) + `}`)
		}, []int{400, 413}},
		{"a hundred thousand actions", http.MethodPost, "/v2/snaps/refresh", func() io.Reader {
			one := `{"action":"install","instance-key":"i","name":"x"}`
			return strings.NewReader(`{"context":[],"actions":[` + strings.Repeat(one+",", 100_000) + one + `]}`)
		}, []int{400, 413}},
		{"a body that is no JSON", http.MethodPost, "/v2/snaps/refresh", func() io.Reader { return letters{}.some(1000) }, []int{400}},
		{"a session request of 1 GiB", http.MethodPost, "/api/v1/snaps/auth/sessions", func() io.Reader { return io.LimitReader(letters{}, 1<<30) }, []int{400, 413}},
		{"a serial request of 1 GiB", http.MethodPost, "/api/v1/snaps/auth/devices", func() io.Reader { return io.LimitReader(letters{}, 1<<30) }, []int{400, 413}},
		{"a path above the root", http.MethodGet, "/api/v1/snaps/download/..%2f..%2f..%2fsecret", nil, []int{400, 404}},
		{"a very long path", http.MethodGet, "/v2/snaps/info/" + strings.Repeat("a", 1<<20), nil, []int{400, 404, 414, 431}},
		{"a very long query", http.MethodGet, "/v2/snaps/find?q=" + strings.Repeat("a", 100_000), nil, []int{200, 400, 414, 431}},
		{"a key of a hundred parts", http.MethodGet, "/v2/assertions/model/" + strings.Repeat("a/", 100) + "b", nil, []int{400, 404}},
		{"a type that nobody knows", http.MethodGet, "/v2/assertions/nonsense/a/b", nil, []int{400, 404}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var body io.Reader
			if tt.body != nil {
				body = tt.body()
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, tt.method, s.url+tt.path, body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Snap-Device-Series", "16")
			req.Header.Set("Snap-Device-Architecture", "amd64")
			resp, err := http.DefaultTransport.RoundTrip(req)
			// A server may hang up on what it will not read to the end.
			if err == nil {
				defer resp.Body.Close()
				answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
				if !slices.Contains(tt.status, resp.StatusCode) {
					t.Errorf("status %d, want one of %d: %.300s", resp.StatusCode, tt.status, answer)
				}
				if resp.StatusCode >= 400 && !json.Valid(answer) && resp.StatusCode != 431 {
					t.Errorf("the error is no JSON: %.300s", answer)
				}
			} else if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("no answer: %v", err)
			}
			if grown := peak(s.cmd.Process.Pid) - idle; grown > maxHostileRSS {
				t.Errorf("the server grew by %d MiB", grown>>20)
			}
		})
	}
	if err := get(s.url, "/_status/check", func(io.Reader) error { return nil }); err != nil {
		t.Errorf("the server is unwell: %v", err)
	}
	if strings.Contains(s.log.String(), "panic") {
		t.Errorf("a handler panicked:\n%s", s.log)
	}
	t.Logf("idle %d MiB, after all %d MiB", idle>>20, peak(s.cmd.Process.Pid)>>20)
}

// letters never ends.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func (l letters) some(n int64) io.Reader { return io.LimitReader(l, n) }

var peakLine = regexp.MustCompile(`(?m)^VmHWM:\s+([0-9]+) kB$`)

// peak is the most memory that a process has held since it began, bytes; 0 when
// it is gone.
func peak(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	m := peakLine.FindSubmatch(text)
	if m == nil {
		return 0 // it has ended and waits to be buried
	}
	kib, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return kib << 10
}

// measure runs a command and watches its memory. What the kernel reports at the
// end of a process would include that of the test before it became a larder.
func (n *node) measure(cmd *exec.Cmd) (answer, int64) {
	n.t.Helper()
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	guard := time.After(commandTimeout)
	var most int64
	for {
		select {
		case <-ended:
			return answer{cmd.Args[1:], out.String(), errOut.String(), cmd.ProcessState.ExitCode()}, most
		case <-tick.C:
			most = max(most, peak(cmd.Process.Pid))
		case <-guard:
			cmd.Process.Kill()
			n.t.Errorf("larder %s did not end within %s", strings.Join(cmd.Args[1:], " "), commandTimeout)
		}
	}
}

// TestAFullDiskFailsThePushOnly makes the disk full in the middle of a push.
func TestAFullDiskFailsThePushOnly(t *testing.T) {
	n := newStore(t, place{})
	small := makeSnap(t, t.TempDir(), "small", "1.0")
	big := makeSnap(t, t.TempDir(), "big", "1.0", noise(24<<20))
	disk, limited := fullDisk(t, n)
	t.Log(disk)
	s := n.startServer() // not healthy: it says that the disk is small
	t.Cleanup(s.stop)
	s.url = <-s.log.url

	a := n.finish(limited("push-snap", big, "--register", "--channel", "stable"))
	if a.code == 0 || a.code < 0 || !strings.HasPrefix(a.errOut, "error: ") || !strings.Contains(a.errOut, "big_1.0.snap") {
		t.Errorf("want an error that names the file: %s", a)
	}
	t.Logf("exit code %d: %s", a.code, a.errOut)
	if _, err := info(s.url, "big"); err == nil {
		t.Error("devices see the half push")
	}
	n.must("push-snap", small, "--register", "--channel", "stable")
	soonServed(t, s.url, "small", "stable", small)
	n.fsckClean()
	var report struct {
		Orphans int `json:"orphans"`
	}
	n.ask(&report, "fsck")
	if report.Orphans != 0 {
		t.Errorf("the push left %d blobs behind", report.Orphans)
	}
}

// fullDisk moves the store to a disk of 16 MiB where mounting is allowed, and
// else limits the size of the files that commands may write.
func fullDisk(t *testing.T, n *node) (how string, limited func(args ...string) *exec.Cmd) {
	t.Helper()
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=16m"); err == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(mount, syscall.MNT_DETACH); err != nil {
				t.Errorf("cannot unmount: %v", err)
			}
		})
		dir := filepath.Join(mount, "store")
		if out, err := exec.Command("cp", "-a", n.dir, dir).CombinedOutput(); err != nil {
			t.Fatalf("cannot copy the store: %v\n%s", err, out)
		}
		n.dir = dir
		return "on a disk of 16 MiB", n.command
	}
	return "with a limit of 16 MiB for a file", func(args ...string) *exec.Cmd {
		cmd := n.command(args...)
		limit := exec.Command("prlimit", append([]string{"--fsize=16777216", cmd.Path}, args...)...)
		limit.Env = cmd.Env
		return limit
	}
}
