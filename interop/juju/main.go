// SPDX-License-Identifier: AGPL-3.0-only

// Command juju asks a store with the code of juju 2.9.40: its Charmhub client,
// and the controller's way from a charm's name to an archive, with all of its
// second tries.
//
// It reads one call per line of JSON from standard input and prints one line for
// each: what the client made of the answer, or the error that it gave.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/juju/juju/charmhub"
	"github.com/juju/loggo"
)

// call is one line of standard input. Which fields count depends on Call.
type call struct {
	Call string `json:"call"`

	Name      string            `json:"name"` // of a charm; the text of a search
	ID        string            `json:"id"`
	Channel   string            `json:"channel"`
	Revision  int               `json:"revision"`
	Base      base              `json:"base"`
	Filters   map[string]string `json:"filters"` // of a search
	Resource  string            `json:"resource"`
	Resources []pin             `json:"resources"`
	Actions   []call            `json:"actions"` // of a refresh; Call says which
	URL       string            `json:"url"`
	To        string            `json:"to"` // where a download goes
	Metrics   bool              `json:"metrics"`
}

type base struct {
	Architecture string `json:"architecture"`
	Name         string `json:"name"`
	Channel      string `json:"channel"`
}

type pin struct {
	Name     string `json:"name"`
	Revision int    `json:"revision"`
}

// told is one line of standard output.
type told struct {
	Answer any    `json:"answer,omitempty"`
	Error  string `json:"error,omitempty"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url string) error {
	logger := loggo.GetLogger("charmhub")
	config, err := charmhub.CharmHubConfigFromURL(url, logger)
	if err != nil {
		return err
	}
	client, err := charmhub.NewClient(config)
	if err != nil {
		return err
	}
	a := asker{client: client, log: logger}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return err
		}
		answer, err := a.do(c)
		t := told{Answer: answer}
		if err != nil {
			t = told{Error: err.Error()}
		}
		if err := out.Encode(t); err != nil {
			return err
		}
	}
	return lines.Err()
}
