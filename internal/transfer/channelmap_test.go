package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/larder-store/larder/internal/blob"
)

func TestChannelMapsAreReadInEveryShape(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"info", `{"channel-map":[{"channel":{"architecture":"amd64","name":"stable","risk":"stable","track":"latest"},"revision":7}]}`,
			[]string{"latest/stable amd64 7"}},
		{"text channels", `[{"channel":"1.0/edge","architecture":"arm64","revision":3},{"channel":"beta","revision":2}]`,
			[]string{"1.0/edge arm64 3", "latest/beta  2"}},
		{"parts", `[{"track":"2","risk":"candidate","branch":"fix","arch":"i386","revision":9}]`, []string{"2/candidate/fix i386 9"}},
		{"nested revision", `{"x":{"channel_map":[{"channel":{"name":"edge"},"revision":{"revision":4}}]}}`, []string{"latest/edge  4"}},
		{"packages", "packages:\n- name: hello\n  revision: 5\n  push_channel: 3.0/stable\n", []string{"3.0/stable  5"}},
		{"the map before history", `{"history":[{"channel":"stable","revision":1}],"channel-map":[{"channel":"stable","revision":2}]}`,
			[]string{"latest/stable  2"}},
		{"the first of two", `[{"channel":"stable","revision":8},{"channel":"stable","revision":1}]`, []string{"latest/stable  8"}},
		{"nonsense", `[{"channel":"a/b/c/d","revision":1},{"channel":"stable","revision":0},{"channel":"stable","revision":-1},
			{"channel":"stable","revision":1.5},{"channel":"stable","revision":1e300},{"channel":"stable","revision":9999999999},
			{"channel":7,"revision":1},{"channel":"stable","revision":null}]`, nil},
		{"closed", `{"channel-map":[{"channel":"stable","revision":null}]}`, nil},
		{"text", "just: words", nil},
	}
	for _, tt := range tests {
		var f facts
		err := f.readYAML([]byte(tt.text))
		if tt.text[0] == '{' || tt.text[0] == '[' {
			f = facts{}
			err = f.readJSON([]byte(tt.text))
		}
		if err != nil {
			t.Fatal(err)
		}
		lines, err := f.lines([]string{"hello"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range lines {
			got = append(got, fmt.Sprintf("%s %s %d", l.channel, l.architecture, l.revision))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: lines %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzChannelMap(f *testing.F) {
	f.Add([]byte(channelMapJSON))
	f.Add([]byte("packages:\n- name: hello\n  revision: 5\n  push_channel: 3.0/stable\n"))
	f.Add([]byte(`[{"track":"2","risk":"candidate","branch":"fix","arch":"i386","revision":9}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 16<<10 {
			return
		}
		for _, read := range []func(*facts, []byte) error{(*facts).readJSON, (*facts).readYAML} {
			var got facts
			if err := read(&got, text); err != nil {
				t.Fatal(err)
			}
			lines, err := got.lines([]string{"hello"})
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range lines {
				if l.revision < 1 || l.name != "hello" || l.channel != l.channel.Normal() {
					t.Fatalf("line %+v", l)
				}
			}
		}
	})
}

// sink stages nothing. Unlike a real store it has no goroutines, which would make
// the coverage that guides the fuzzer differ from run to run.
type sink struct{ blob.Store }

type sunk struct {
	blob.Staged
	size int64
}

func (sink) Stage(_ context.Context, r io.Reader, o blob.PutOptions) (blob.Staged, error) {
	n, err := io.Copy(io.Discard, o.Bound(r))
	return sunk{size: n}, err
}

func (s sunk) Digests() blob.Digests { return blob.Digests{Size: s.size} }

func (sunk) Discard() {}

func FuzzArchive(f *testing.F) {
	plain := tarOf(f, member{name: "a", data: []byte("hsqs and more")}, member{name: "b", data: []byte(channelMapJSON)},
		member{name: "c", data: []byte("type: account\n")})
	f.Add(plain)
	f.Add(gzipped(f, plain))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := reader{blobs: sink{}, limits: Limits{Members: 100, DocumentBytes: 64 << 10, ImageBytes: 1 << 20}.withDefaults()}
		defer r.bundle.discard()
		var read int64
		r.onRead = func(n int64) { read += n }
		_ = r.archive(t.Context(), "a.tar.gz", bytes.NewReader(data)) // any error will do; the limits are what counts
		if read > int64(len(data)) || len(r.bundle.images) > 100 {
			t.Fatalf("read %d of %d bytes, %d images", read, len(data), len(r.bundle.images))
		}
		for _, image := range r.bundle.images {
			if image.staged.Digests().Size > 1<<20 {
				t.Fatal("an image larger than the limit was staged")
			}
		}
	})
}
