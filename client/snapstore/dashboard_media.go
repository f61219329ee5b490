package snapstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"

	"github.com/larder-store/larder/client/transport"
)

// A Picture is one of a snap's pictures in the store.
type Picture struct {
	// Type is "icon", "screenshot" or "banner".
	Type string `json:"type"`
	// Hash is SHA-256 in hex; filled in for new ones.
	Hash     string `json:"hash"`
	Filename string `json:"filename"`
	// URL is where the store has it.
	URL string `json:"url,omitempty"`
	// Content makes it a new picture; nil keeps the one with this hash.
	Content []byte `json:"-"`
}

// Pictures returns a snap's pictures, by its id.
func (d Dashboard) Pictures(ctx context.Context, snapID string) ([]Picture, error) {
	var out []Picture
	err := d.get(ctx, d.v1(path("snaps", snapID, "binary-metadata")), &out)
	return out, err
}

// SetPictures replaces a snap's pictures by this list, in this order, and
// returns the result (permission package_update). Without force the store
// answers ErrConflict where they were edited in the store. Codes: "media-*",
// for example "media-file-size-too-big".
func (d Dashboard) SetPictures(ctx context.Context, snapID string, pictures []Picture, force bool) ([]Picture, error) {
	type entry struct {
		Type     string `json:"type"`
		Hash     string `json:"hash"`
		Filename string `json:"filename"`
		Key      string `json:"key,omitempty"`
	}
	info := make([]entry, len(pictures))
	for i, p := range pictures {
		info[i] = entry{Type: p.Type, Hash: p.Hash, Filename: p.Filename}
		if p.Content != nil {
			digest := sha256.Sum256(p.Content)
			info[i].Hash, info[i].Key = hex.EncodeToString(digest[:]), "file"+strconv.Itoa(i)
		} else if p.Hash == "" {
			return nil, invalidf("picture %d has neither content nor hash", i+1)
		}
	}
	list, err := json.Marshal(info)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("info", string(list)); err != nil {
		return nil, err
	}
	for i, p := range pictures {
		if p.Content == nil {
			continue
		}
		part, err := form.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {multipart.FileContentDisposition(info[i].Key, first(p.Filename, info[i].Key))},
			"Content-Type":        {http.DetectContentType(p.Content)},
		})
		if err == nil {
			_, err = part.Write(p.Content)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot write the request: %w", err)
		}
	}
	if err := form.Close(); err != nil {
		return nil, err
	}
	method := http.MethodPost
	if force {
		method = http.MethodPut
	}
	var out optional[[]Picture]
	err = d.c.call(ctx, transport.Call{
		Method: method, URL: d.v1(path("snaps", snapID, "binary-metadata")),
		Raw: body.Bytes(), ContentType: form.FormDataContentType(), Out: &out,
	})
	return out.value, ignoreEmpty(err)
}
