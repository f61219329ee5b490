// SPDX-License-Identifier: AGPL-3.0-only

package main

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/juju/juju/charmhub"
	"github.com/juju/juju/core/charm/metrics"
	"github.com/juju/loggo"
	"github.com/juju/names/v4"
)

type asker struct {
	client *charmhub.Client
	log    loggo.Logger
}

func (a asker) do(c call) (any, error) {
	ctx := context.Background()
	switch c.Call {
	case "info":
		var options []charmhub.InfoOption
		if c.Channel != "" {
			options = append(options, charmhub.WithInfoChannel(c.Channel))
		}
		return a.client.Info(ctx, c.Name, options...)
	case "find":
		return a.find(ctx, c)
	case "refresh":
		return a.refresh(ctx, c)
	case "metrics":
		return "accepted", a.client.RefreshWithMetricsOnly(ctx, someMetrics)
	case "resource-revisions":
		return a.client.ListResourceRevisions(ctx, c.Name, c.Resource)
	case "download":
		return a.download(ctx, c)
	case "download-bundle":
		return a.downloadBundle(ctx, c)
	case "download-resource":
		return a.downloadResource(ctx, c)
	case "resolve", "deploy", "list-resources", "metadata":
		return a.controller(c)
	}
	return nil, fmt.Errorf("no such call: %q", c.Call)
}

func (a asker) find(ctx context.Context, c call) (any, error) {
	filters := map[string]func(string) charmhub.FindOption{
		"category": charmhub.WithFindCategory, "channel": charmhub.WithFindChannel, "type": charmhub.WithFindType,
		"platforms": charmhub.WithFindPlatforms, "publisher": charmhub.WithFindPublisher,
		"relation-requires": charmhub.WithFindRelationRequires, "relation-provides": charmhub.WithFindRelationProvides,
	}
	var options []charmhub.FindOption
	for name, value := range c.Filters {
		filter, ok := filters[name]
		if !ok {
			return nil, fmt.Errorf("no such filter: %q", name)
		}
		options = append(options, filter(value))
	}
	return a.client.Find(ctx, c.Name, options...)
}

// someMetrics are what a controller tells of itself.
var someMetrics = map[metrics.MetricKey]map[metrics.MetricKey]string{
	metrics.Controller: {metrics.UUID: "11111111-2222-4333-8444-555555555555", metrics.JujuVersion: "2.9.40"},
	metrics.Model:      {metrics.Cloud: "lxd", metrics.UUID: "66666666-7777-4888-8999-aaaaaaaaaaaa"},
}

func (a asker) refresh(ctx context.Context, c call) (any, error) {
	configs := make([]charmhub.RefreshConfig, len(c.Actions))
	for i, action := range c.Actions {
		var err error
		if configs[i], err = refreshConfig(action, i); err != nil {
			return nil, err
		}
	}
	config := configs[0]
	if len(configs) > 1 {
		config = charmhub.RefreshMany(configs...)
	}
	if c.Metrics {
		return a.client.RefreshWithRequestMetrics(ctx, config, someMetrics)
	}
	return a.client.Refresh(ctx, config)
}

// refreshConfig builds one action with juju's constructors.
func refreshConfig(c call, nth int) (config charmhub.RefreshConfig, err error) {
	on := charmhub.RefreshBase{Architecture: c.Base.Architecture, Name: c.Base.Name, Channel: c.Base.Channel}
	switch c.Call {
	case "install":
		if c.Revision != 0 {
			config, err = charmhub.InstallOneFromRevision(c.Name, c.Revision)
		} else {
			config, err = charmhub.InstallOneFromChannel(c.Name, c.Channel, on)
		}
	case "download":
		switch {
		case c.Revision != 0 && c.ID != "":
			config, err = charmhub.DownloadOneFromRevision(c.ID, c.Revision)
		case c.Revision != 0:
			config, err = charmhub.DownloadOneFromRevisionByName(c.Name, c.Revision)
		case c.ID != "":
			config, err = charmhub.DownloadOneFromChannel(c.ID, c.Channel, on)
		default:
			config, err = charmhub.DownloadOneFromChannelByName(c.Name, c.Channel, on)
		}
	case "refresh":
		key := charmhub.CreateInstanceKey(
			names.NewApplicationTag(fmt.Sprintf("app%d", nth)), names.NewModelTag("66666666-7777-4888-8999-aaaaaaaaaaaa"))
		config, err = charmhub.RefreshOne(key, c.ID, c.Revision, c.Channel, on)
	default:
		err = fmt.Errorf("no such action: %q", c.Call)
	}
	for _, r := range c.Resources {
		if err == nil {
			config, _ = charmhub.AddResource(config, r.Name, r.Revision)
		}
	}
	return config, err
}

// fetched is what came of a download.
type fetched struct {
	Name   string   `json:"name,omitempty"` // that the archive gives itself
	Charms []string `json:"charms,omitempty"`
	Size   int64    `json:"size"`
	SHA256 string   `json:"sha256"`
	SHA384 string   `json:"sha384"`
	Text   string   `json:"text,omitempty"` // of a small resource
}

func (a asker) download(ctx context.Context, c call) (any, error) {
	at, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	archive, err := a.client.DownloadAndRead(ctx, at, c.To)
	if err != nil {
		return nil, err
	}
	f, err := digest(c.To)
	f.Name = archive.Meta().Name
	return f, err
}

func (a asker) downloadBundle(ctx context.Context, c call) (any, error) {
	at, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	bundle, err := a.client.DownloadAndReadBundle(ctx, at, c.To)
	if err != nil {
		return nil, err
	}
	f, err := digest(c.To)
	for _, app := range bundle.Data().Applications {
		f.Charms = append(f.Charms, app.Charm)
	}
	return f, err
}

func (a asker) downloadResource(ctx context.Context, c call) (any, error) {
	at, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	r, err := a.client.DownloadResource(ctx, at)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return digestOf(r)
}

func digest(name string) (fetched, error) {
	f, err := os.Open(name)
	if err != nil {
		return fetched{}, err
	}
	defer f.Close()
	return digestOf(f)
}

// maxText is how much of a resource is shown, bytes.
const maxText = 4096

func digestOf(r io.Reader) (fetched, error) {
	short, long, text := sha256.New(), sha512.New384(), new(head)
	n, err := io.Copy(io.MultiWriter(short, long, text), r)
	return fetched{
		Size: n, SHA256: hex.EncodeToString(short.Sum(nil)), SHA384: hex.EncodeToString(long.Sum(nil)), Text: string(*text),
	}, err
}

// head keeps the beginning of what is written to it.
type head []byte

func (h *head) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), maxText-len(*h))]...)
	return len(p), nil
}
