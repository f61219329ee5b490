package e2e

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"
)

// client waits for answers no longer than a device would.
var client = &http.Client{Timeout: time.Minute}

// errStatus is an answer that is not 200.
type errStatus struct {
	code int
	body string
}

func (e errStatus) Error() string { return fmt.Sprintf("status %d: %.500s", e.code, e.body) }

// get asks as a device does and hands the body of a 200 to read.
func get(base, path string, read func(io.Reader) error) error {
	req, err := http.NewRequest(http.MethodGet, base+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Snap-Device-Series", "16")
	req.Header.Set("Snap-Device-Architecture", "amd64")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return errStatus{resp.StatusCode, string(body)}
	}
	return read(resp.Body)
}

// snapInfo is what a device reads of an answer to /v2/snaps/info.
type snapInfo struct {
	SnapID     string         `json:"snap-id"`
	ChannelMap []channelEntry `json:"channel-map"`
}

type channelEntry struct {
	Channel struct {
		Name         string `json:"name"`
		Architecture string `json:"architecture"`
	} `json:"channel"`
	Revision int      `json:"revision"`
	Version  string   `json:"version"`
	Download download `json:"download"`
}

type download struct {
	URL    string `json:"url"`
	Size   int64  `json:"size"`
	Digest string `json:"sha3-384"`
}

func info(base, name string) (snapInfo, error) {
	var found snapInfo
	err := get(base, "/v2/snaps/info/"+url.PathEscape(name)+"?fields=download,revision,version", func(body io.Reader) error {
		return json.NewDecoder(body).Decode(&found)
	})
	return found, err
}

// fetch downloads from where an info answer says, and fails unless the bytes
// are those that it says.
func fetch(base string, d download) error {
	at, err := url.Parse(d.URL)
	if err != nil {
		return err
	}
	sum, size := sha3.New384(), int64(0)
	err = get(base, at.Path, func(body io.Reader) error {
		size, err = io.Copy(sum, body)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot download %s: %w", d.URL, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != d.Digest || size != d.Size {
		return fmt.Errorf("%s has %d bytes with digest %s, want %d and %s", d.URL, size, got, d.Size, d.Digest)
	}
	return nil
}

// served fails unless devices find the file as a revision of the snap in the
// channel, and download these very bytes.
func served(base, name, channel, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	found, err := info(base, name)
	if err != nil {
		return fmt.Errorf("cannot ask for %s: %w", name, err)
	}
	sum := sha3.Sum384(content)
	for _, e := range found.ChannelMap {
		if e.Channel.Name == channel && e.Download.Digest == hex.EncodeToString(sum[:]) {
			return fetch(base, e.Download)
		}
	}
	return fmt.Errorf("%s does not serve %s in %s but %+v", name, file, channel, found.ChannelMap)
}

func wantServed(t testing.TB, base, name, channel, file string) {
	t.Helper()
	if err := served(base, name, channel, file); err != nil {
		t.Error(err)
	}
}

// document returns an assertion as the store serves it.
func document(base string, path string) ([]byte, error) {
	var doc bytes.Buffer
	err := get(base, "/v2/assertions/"+path, func(body io.Reader) error {
		_, err := io.Copy(&doc, io.LimitReader(body, 1<<20))
		return err
	})
	return doc.Bytes(), err
}
