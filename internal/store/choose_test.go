package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	in := func(channel string, rev int, percent float64) string { return device(t, true, channel, rev, percent) }
	out := func(channel string, rev int, percent float64) string { return device(t, false, channel, rev, percent) }
	between := func(channel string, rev int, from, to float64) string {
		return deviceBetween(t, channel, rev, from, to)
	}
	epoch := func(name string) *Epoch { e := epochs[name]; return &e }

	const notFound = "not found"
	type table []struct {
		name      string
		facts     []string
		overrides []string
		runs      map[int]string // revision to architectures it runs on
		epochs    map[int]string // revision to epoch
		rejected  []int          // revisions that lost their approval
		held      []int          // revisions the facts lack
		track     string         // the package's default track
		channel   string
		q         Query // Action install, Architecture amd64 and At day 50 unless set
		want      string
	}
	for rule, cases := range map[string]table{
		"walk": {
			{name: "an open channel answers itself",
				facts: []string{"1 edge amd64 4", "2 stable amd64 3"}, channel: "edge", want: "4 from edge"},
			{name: "nothing named is latest/stable",
				facts: []string{"1 edge amd64 4", "2 stable amd64 3"}, channel: "", want: "3 from stable"},
			{name: "edge falls to beta", facts: []string{"1 beta amd64 4", "2 stable amd64 3"}, channel: "edge", want: "4 from beta"},
			{name: "edge falls over closed levels to stable",
				facts:   []string{"1 stable amd64 3", "2 edge amd64 5", "3 beta amd64 4", "4 edge amd64 closed", "5 beta amd64 closed"},
				channel: "edge", want: "3 from stable"},
			{name: "a riskier level never answers",
				facts: []string{"1 edge amd64 4", "1 beta amd64 4", "1 candidate amd64 4"}, channel: "stable", want: notFound},
			{name: "closing stable leaves nothing to fall back to",
				facts: []string{"1 stable amd64 3", "2 stable amd64 closed"}, channel: "candidate", want: notFound},
			{name: "another track never answers",
				facts: []string{"1 stable amd64 3"}, channel: "2.0/edge", want: notFound},
			{name: "a track alone is its stable", facts: []string{"1 2.0/stable amd64 9"}, channel: "2.0", want: "9 from 2.0/stable"},
			{name: "the fallback stays in the track",
				facts: []string{"1 stable amd64 3", "1 2.0/stable amd64 9"}, channel: "2.0/edge", want: "9 from 2.0/stable"},
			{name: "latest spelled out is the same place",
				facts: []string{"1 latest/beta amd64 3"}, channel: "latest/edge", want: "3 from beta"},
			{name: "reopening takes effect at once",
				facts:   []string{"1 stable amd64 3", "2 edge amd64 4", "3 edge amd64 closed", "4 edge amd64 5"},
				channel: "edge", want: "5 from edge"},
			{name: "a roll back is a release of an older revision",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4", "3 stable amd64 3"}, channel: "stable", want: "3 from stable"},
			{name: "a revision that lost its approval closes its slot",
				facts: []string{"1 stable amd64 3", "2 edge amd64 4"}, rejected: []int{4}, channel: "edge", want: "3 from stable"},
			{name: "a revision the facts lack ends the search rather than step back",
				facts: []string{"1 stable amd64 3", "2 edge amd64 4"}, held: []int{4}, channel: "edge", want: "missing 4"},
			{name: "the device need not be told what it has: the same revision is the answer",
				facts: []string{"1 stable amd64 3"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3}, want: "3 from stable"},
		},
		"architecture": {
			{name: "each architecture has its own slot",
				facts: []string{"1 stable amd64 3", "2 stable arm64 4"}, channel: "stable",
				q: Query{Architecture: "arm64"}, want: "4 from stable"},
			{name: "another architecture's release is no answer",
				facts: []string{"1 stable arm64 3"}, channel: "stable", want: notFound},
			{name: "all serves every architecture",
				facts: []string{"1 stable all 3"}, channel: "stable", q: Query{Architecture: "riscv64"}, want: "3 from stable"},
			{name: "the architecture's own slot goes before all",
				facts: []string{"1 stable amd64 3", "2 stable all 4"}, channel: "stable", want: "3 from stable"},
			{name: "all on the level asked for goes before the own slot of a safer one",
				facts: []string{"1 stable amd64 3", "2 edge all 4"}, channel: "edge", want: "4 from edge"},
			{name: "the level is searched for one architecture at a time",
				facts:   []string{"1 edge arm64 5", "1 stable amd64 3", "1 stable arm64 3"},
				channel: "edge", want: "3 from stable"},
			{name: "a revision that does not run on the architecture of its slot closes the slot",
				facts: []string{"1 stable amd64 3", "2 edge amd64 4"}, runs: map[int]string{4: "arm64"},
				channel: "edge", want: "3 from stable"},
			{name: "a device of architecture all only sees all",
				facts: []string{"1 stable amd64 3", "2 stable all 4"}, channel: "stable",
				q: Query{Architecture: "all"}, want: "4 from stable"},
		},
		"branch": {
			{name: "an open branch answers",
				facts: []string{"1 stable amd64 3", "2 stable/fix amd64 7"}, channel: "stable/fix", want: "7 from stable/fix"},
			{name: "a branch that never was is its parent",
				facts: []string{"1 beta amd64 3"}, channel: "beta/fix", want: "3 from beta"},
			{name: "a closed branch is its parent",
				facts:   []string{"1 stable amd64 3", "2 stable/fix amd64 7", "3 stable/fix amd64 closed"},
				channel: "stable/fix", want: "3 from stable"},
			{name: "an expired branch is its parent and further down",
				facts:   []string{"1 stable amd64 3", "2 2.0/edge/fix amd64 7 until 32", "2 2.0/candidate amd64 6"},
				channel: "2.0/edge/fix", want: "6 from 2.0/candidate"},
			{name: "a branch is open until the moment it expires",
				facts: []string{"1 stable amd64 3", "2 stable/fix amd64 7 until 50.5"}, channel: "stable/fix", want: "7 from stable/fix"},
			{name: "a branch answers only who names it",
				facts: []string{"1 stable/fix amd64 7"}, channel: "stable", want: notFound},
			{name: "a branch does not fall to the same branch of a safer risk",
				facts: []string{"1 stable amd64 3", "2 stable/fix amd64 7"}, channel: "edge/fix", want: "3 from stable"},
			{name: "a branch of one architecture sends the others to the parent",
				facts: []string{"1 stable arm64 3", "2 stable/fix amd64 7"}, channel: "stable/fix",
				q: Query{Architecture: "arm64"}, want: "3 from stable"},
		},
		"default track": {
			{name: "an install without a track is redirected",
				facts: []string{"1 stable amd64 3", "1 2.0/stable amd64 9"}, track: "2.0", channel: "stable",
				q: Query{TracksDefault: true}, want: "9 from 2.0/stable redirect 2.0/stable"},
			{name: "a download too",
				facts: []string{"1 stable amd64 3", "1 2.0/stable amd64 9"}, track: "2.0", channel: "",
				q: Query{Action: ActionDownload, TracksDefault: true}, want: "9 from 2.0/stable redirect 2.0/stable"},
			{name: "the redirect names the risk asked for, not the one found",
				facts: []string{"1 2.0/stable amd64 9"}, track: "2.0", channel: "edge",
				q: Query{TracksDefault: true}, want: "9 from 2.0/stable redirect 2.0/edge"},
			{name: "latest spelled out is not redirected",
				facts: []string{"1 stable amd64 3", "1 2.0/stable amd64 9"}, track: "2.0", channel: "latest/stable",
				q: Query{TracksDefault: true}, want: "3 from stable"},
			{name: "another track spelled out is not redirected",
				facts: []string{"1 1.0/stable amd64 3", "1 2.0/stable amd64 9"}, track: "2.0", channel: "1.0/stable",
				q: Query{TracksDefault: true}, want: "3 from 1.0/stable"},
			{name: "a refresh is not redirected",
				facts: []string{"1 stable amd64 3", "1 2.0/stable amd64 9"}, track: "2.0", channel: "stable",
				q: Query{Action: ActionRefresh, TracksDefault: true}, want: "3 from stable"},
			{name: "a client without the capability is not redirected",
				facts: []string{"1 stable amd64 3", "1 2.0/stable amd64 9"}, track: "2.0", channel: "stable", want: "3 from stable"},
			{name: "a default track of latest is no redirect",
				facts: []string{"1 stable amd64 3"}, track: "latest", channel: "stable",
				q: Query{TracksDefault: true}, want: "3 from stable"},
			{name: "an empty default track does not send the client back to latest",
				facts: []string{"1 stable amd64 3"}, track: "2.0", channel: "stable",
				q: Query{TracksDefault: true}, want: notFound},
			{name: "a branch without a track is looked for in the default track",
				facts: []string{"1 stable/fix amd64 3", "1 2.0/stable/fix amd64 9"}, track: "2.0", channel: "stable/fix",
				q: Query{TracksDefault: true}, want: "9 from 2.0/stable/fix redirect 2.0/stable/fix"},
			{name: "by revision there is no redirect",
				facts: []string{"1 2.0/stable amd64 9"}, track: "2.0", channel: "stable",
				q: Query{TracksDefault: true, Revision: 9}, want: "9"},
		},
		"by revision": {
			{name: "the revision, whatever the channel says",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4"}, channel: "stable", q: Query{Revision: 3}, want: "3"},
			{name: "overrides have no say",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4"}, overrides: []string{"stable amd64 4"}, channel: "stable",
				q: Query{Revision: 3}, want: "3"},
			{name: "a revision that was never released needs the right to it",
				facts: []string{"1 stable amd64 3"}, runs: map[int]string{8: "amd64"}, q: Query{Revision: 8}, want: notFound},
			{name: "whoever may has a revision that is in no channel, as validation sets need",
				facts: []string{"1 stable amd64 3"}, runs: map[int]string{8: "amd64"},
				q: Query{Action: ActionRefresh, Revision: 8, MayByRevision: true}, want: "8"},
			{name: "a revision whose channel closed is still served",
				facts: []string{"1 stable amd64 3", "2 stable amd64 closed"}, q: Query{Revision: 3}, want: "3"},
			{name: "one that is released in the future is not released",
				facts: []string{"60 stable amd64 3"}, q: Query{Revision: 3}, want: notFound},
			{name: "it must be approved",
				facts: []string{"1 stable amd64 3"}, rejected: []int{3}, q: Query{Revision: 3, MayByRevision: true}, want: notFound},
			{name: "it must run on the device",
				facts: []string{"1 stable arm64 3"}, q: Query{Revision: 3, MayByRevision: true}, want: notFound},
			{name: "one that runs anywhere does",
				facts: []string{"1 stable all 3"}, q: Query{Revision: 3}, want: "3"},
			{name: "one that the facts lack is named as missing",
				facts: []string{"1 stable amd64 3"}, q: Query{Revision: 8, MayByRevision: true}, want: "missing 8"},
			{name: "no other revision stands in for it",
				facts: []string{"1 stable amd64 3"}, channel: "stable", held: []int{8}, q: Query{Revision: 8}, want: notFound},
		},
		"override": {
			{name: "an override replaces the tip",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4"}, overrides: []string{"stable amd64 3"}, channel: "stable",
				want: "3 from stable overridden"},
			{name: "it is exact: the same risk of another track is untouched",
				facts: []string{"1 stable amd64 3", "2 2.0/stable amd64 4"}, overrides: []string{"stable amd64 3"}, channel: "2.0/stable",
				want: "4 from 2.0/stable"},
			{name: "it takes part in the fallback",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4"}, overrides: []string{"stable amd64 3"}, channel: "edge",
				want: "3 from stable overridden"},
			{name: "it opens a closed channel",
				facts: []string{"1 stable amd64 4"}, overrides: []string{"edge amd64 3"}, channel: "edge", want: "3 from edge overridden"},
			{name: "an open channel above it answers first",
				facts: []string{"1 stable amd64 3", "2 edge amd64 5"}, overrides: []string{"stable amd64 4"}, channel: "edge", want: "5 from edge"},
			{name: "it counts after the default track",
				facts: []string{"1 stable amd64 3", "1 2.0/stable amd64 9"}, overrides: []string{"2.0/stable amd64 8", "stable amd64 2"},
				track: "2.0", channel: "stable", q: Query{TracksDefault: true},
				want: "8 from 2.0/stable overridden redirect 2.0/stable"},
			{name: "one written without latest is the same place",
				facts: []string{"1 stable amd64 4"}, overrides: []string{"latest/stable amd64 3"}, channel: "stable", want: "3 from stable overridden"},
			{name: "an expired one does not exist",
				facts: []string{"1 stable amd64 4"}, overrides: []string{"stable amd64 3 until 45"}, channel: "stable", want: "4 from stable"},
			{name: "one whose revision does not run on the device does not exist",
				facts: []string{"1 stable amd64 4"}, overrides: []string{"stable amd64 3"}, runs: map[int]string{3: "arm64"},
				channel: "stable", want: "4 from stable"},
			{name: "one whose revision lost its approval does not exist",
				facts: []string{"1 stable amd64 4"}, overrides: []string{"stable amd64 3"}, rejected: []int{3},
				channel: "stable", want: "4 from stable"},
			{name: "one whose revision the facts lack ends the search",
				facts: []string{"1 stable amd64 4"}, overrides: []string{"stable amd64 3"}, held: []int{3},
				channel: "stable", want: "missing 3"},
			{name: "two architectures are overridden side by side",
				facts: []string{"1 stable amd64 4", "1 stable arm64 5"}, overrides: []string{"stable amd64 2", "stable arm64 3"},
				channel: "stable", q: Query{Architecture: "arm64"}, want: "3 from stable overridden"},
			{name: "one for all covers every architecture",
				facts: []string{"1 stable amd64 4"}, overrides: []string{"stable all 3"}, channel: "stable", want: "3 from stable overridden"},
			{name: "the architecture's own goes before the one for all",
				facts: []string{"1 stable amd64 4"}, overrides: []string{"stable amd64 2", "stable all 3"}, channel: "stable", want: "2 from stable overridden"},
			{name: "one for an architecture covers it where only all is released",
				facts: []string{"1 stable all 4"}, overrides: []string{"stable amd64 3"}, channel: "stable", want: "3 from stable overridden"},
			{name: "a branch has its own",
				facts: []string{"1 stable amd64 4"}, overrides: []string{"stable/fix amd64 3"}, channel: "stable/fix", want: "3 from stable/fix overridden"},
			{name: "it goes to everyone, whatever the phase",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 50%"}, overrides: []string{"stable amd64 2"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Phase: in("stable", 4, 50)}, want: "2 from stable overridden"},
			{name: "the newest of two for all counts",
				facts: []string{"1 stable amd64 4"}, overrides: []string{"stable all 2", "stable all 3"}, channel: "stable", want: "3 from stable overridden"},
			{name: "the newest of two for one slot counts",
				facts: []string{"1 stable amd64 4"}, overrides: []string{"stable amd64 2", "stable amd64 3"}, channel: "stable", want: "3 from stable overridden"},
		},
		"phase": {
			{name: "a device in the phase gets the progressive release",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 50%"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Phase: in("stable", 4, 50)}, want: "4 from stable"},
			{name: "a device outside gets what is beneath",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 50%"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Phase: out("stable", 4, 50)}, want: "3 from stable"},
			{name: "a fresh install gets what is beneath",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 100%"}, channel: "stable",
				q: Query{Action: ActionInstall, Phase: in("stable", 4, 100)}, want: "3 from stable"},
			{name: "so does a download",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 100%"}, channel: "stable",
				q: Query{Action: ActionDownload, Phase: in("stable", 4, 100)}, want: "3 from stable"},
			{name: "so does a device without identity",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 100%"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3}, want: "3 from stable"},
			{name: "so does a cohort",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 100%"}, channel: "stable",
				q:    Query{Action: ActionRefresh, Installed: 3, Phase: in("stable", 4, 100), IgnorePhasing: true},
				want: "3 from stable"},
			{name: "all members of a cohort get the same, even one that was in the phase",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 50%"}, channel: "stable",
				q:    Query{Action: ActionRefresh, Installed: 4, Phase: in("stable", 4, 50), IgnorePhasing: true},
				want: "3 from stable"},
			{name: "a device that has it keeps it when the share shrinks",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 50%", "3 stable amd64 4 1%"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 4, Phase: out("stable", 4, 1)}, want: "4 from stable"},
			{name: "a device without identity that has it keeps it",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 50%"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 4}, want: "4 from stable"},
			{name: "a device in an earlier phase is not sent back by a later one",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 50%", "3 stable amd64 5 10%"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 4, Phase: out("stable", 5, 10)}, want: "4 from stable"},
			{name: "a phase that grows by itself reaches more each day",
				facts: []string{"1 stable amd64 3", "49 stable amd64 4 10% +10"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Phase: between("stable", 4, 10, 20)}, want: "4 from stable"},
			{name: "and no more before the day is over",
				facts: []string{"1 stable amd64 3", "49.1 stable amd64 4 10% +10"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Phase: between("stable", 4, 10, 20)}, want: "3 from stable"},
			{name: "when it has reached everyone, fresh installs get it, too",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 10% +30"}, channel: "stable",
				q: Query{Action: ActionInstall}, want: "4 from stable"},
			{name: "a paused phase goes to nobody new",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 50% paused"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Phase: in("stable", 4, 50)}, want: "3 from stable"},
			{name: "a paused phase takes it from nobody",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 50%", "3 stable amd64 4 50% paused"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 4, Phase: in("stable", 4, 50)}, want: "4 from stable"},
			{name: "a later plain release ends all phases, forwards",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 50%", "3 stable amd64 5"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 4, Phase: in("stable", 4, 50)}, want: "5 from stable"},
			{name: "a later plain release ends all phases, and backwards when that is what was released",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 50%", "3 stable amd64 3"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 4, Phase: in("stable", 4, 50)}, want: "3 from stable"},
			{name: "closing ends it for everyone",
				facts: []string{"1 stable amd64 3", "1 edge amd64 3", "2 edge amd64 4 50%", "3 edge amd64 closed"}, channel: "edge",
				q: Query{Action: ActionRefresh, Installed: 4, Phase: in("edge", 4, 50)}, want: "3 from stable"},
			{name: "a phase that a plain release ended keeps nobody",
				facts: []string{"1 stable amd64 3", "2 stable amd64 2 9%", "2 stable amd64 4 50%", "3 stable amd64 5", "4 stable amd64 6 10%"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 4, Phase: out("stable", 6, 10)}, want: "5 from stable"},
			{name: "a phase that a closing ended keeps nobody",
				facts:   []string{"1 stable amd64 3", "2 edge amd64 4 50%", "3 edge amd64 closed", "4 edge amd64 6 10%"},
				channel: "edge",
				q:       Query{Action: ActionRefresh, Installed: 4, Phase: out("edge", 6, 10)}, want: "3 from stable"},
			{name: "with nothing beneath the slot is closed to those outside",
				facts: []string{"1 stable amd64 3", "2 edge amd64 4 50%"}, channel: "edge",
				q: Query{Action: ActionRefresh, Installed: 3, Phase: out("edge", 4, 50)}, want: "3 from stable"},
			{name: "with nothing beneath it is open to those inside",
				facts: []string{"1 stable amd64 3", "2 edge amd64 4 50%"}, channel: "edge",
				q: Query{Action: ActionRefresh, Installed: 3, Phase: in("edge", 4, 50)}, want: "4 from edge"},
			{name: "with nothing beneath and nowhere to fall there is nothing",
				facts: []string{"2 stable amd64 4 50%"}, channel: "stable", want: notFound},
			{name: "a phased branch with nothing beneath is its parent",
				facts: []string{"1 stable amd64 3", "2 stable/fix amd64 4 50%"}, channel: "stable/fix", want: "3 from stable"},
			{name: "an expired phase uncovers what is beneath",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4 100% until 45"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Phase: in("stable", 4, 100)}, want: "3 from stable"},
		},
		"epoch": {
			{name: "no constraint, no limit",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4"}, epochs: map[int]string{3: "0", 4: "2"}, channel: "stable", want: "4 from stable"},
			{name: "a readable tip is the answer",
				facts: []string{"1 stable amd64 3", "2 stable amd64 4"}, epochs: map[int]string{3: "0", 4: "1*"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Epoch: epoch("0")}, want: "4 from stable"},
			{name: "from 0 the first step to 2 is 1*",
				facts:  []string{"1 stable amd64 3", "2 stable amd64 4", "3 stable amd64 5", "4 stable amd64 6"},
				epochs: map[int]string{3: "0", 4: "1*", 5: "1", 6: "2*"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Epoch: epoch("0")}, want: "4 from stable"},
			{name: "from 1* the second step is 2*",
				facts:  []string{"1 stable amd64 3", "2 stable amd64 4", "3 stable amd64 5", "4 stable amd64 6"},
				epochs: map[int]string{3: "0", 4: "1*", 5: "1", 6: "2*"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 4, Epoch: epoch("1*")}, want: "6 from stable"},
			{name: "a stepping stone may be younger than the tip, if it was released before",
				facts:  []string{"1 stable amd64 3", "2 stable amd64 4", "3 stable amd64 5", "4 stable amd64 4"},
				epochs: map[int]string{3: "0", 4: "2*", 5: "1*"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Epoch: epoch("0")}, want: "5 from stable"},
			{name: "the step is one that this slot had",
				facts:  []string{"1 stable amd64 3", "2 edge amd64 4", "3 stable arm64 4", "4 stable amd64 6"},
				epochs: map[int]string{3: "0", 4: "1*", 6: "2*"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Epoch: epoch("0")}, want: "3 from stable"},
			{name: "what only a phase had is no step",
				facts:  []string{"1 stable amd64 3", "2 stable amd64 4 50%", "3 stable amd64 6"},
				epochs: map[int]string{3: "0", 4: "1*", 6: "2*"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Epoch: epoch("0")}, want: "3 from stable"},
			{name: "unless the device has it: a step is no way back from a phase",
				facts:  []string{"1 stable amd64 3", "2 stable amd64 4 50%", "3 stable amd64 6"},
				epochs: map[int]string{3: "both", 4: "1*", 6: "2"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 4, Epoch: epoch("1*")}, want: "4 from stable"},
			{name: "without a step the device keeps what it has",
				facts:  []string{"1 edge amd64 3", "2 stable amd64 6"},
				epochs: map[int]string{3: "0", 6: "2*"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Epoch: epoch("0")}, want: "3 from stable"},
			{name: "without a step an install finds nothing, not even on a safer level",
				facts:  []string{"1 stable amd64 3", "2 edge amd64 6"},
				epochs: map[int]string{3: "0", 6: "2*"}, channel: "edge",
				q: Query{Action: ActionInstall, Epoch: epoch("0")}, want: notFound},
			{name: "a step that lost its approval is passed over",
				facts:  []string{"1 stable amd64 3", "2 stable amd64 4", "3 stable amd64 6"},
				epochs: map[int]string{3: "0", 4: "1*", 6: "2*"}, rejected: []int{4}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Epoch: epoch("0")}, want: "3 from stable"},
			{name: "an installed revision the facts lack is named as missing",
				facts:  []string{"2 stable amd64 6"},
				epochs: map[int]string{6: "2*"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Epoch: epoch("0")}, want: "missing 3"},
			{name: "steps beneath an override have lower numbers",
				facts:     []string{"1 stable amd64 3", "2 stable amd64 4", "3 stable amd64 6", "4 stable amd64 7"},
				overrides: []string{"stable amd64 6"},
				epochs:    map[int]string{3: "0", 4: "1*", 6: "2*", 7: "both"}, channel: "stable",
				q: Query{Action: ActionRefresh, Installed: 3, Epoch: epoch("0")}, want: "4 from stable"},
			{name: "by revision the client decides for itself",
				facts:  []string{"1 stable amd64 3", "2 stable amd64 6"},
				epochs: map[int]string{3: "0", 6: "2*"},
				q:      Query{Action: ActionRefresh, Installed: 3, Revision: 6, Epoch: epoch("0")}, want: "6"},
			{name: "a fresh epoch 0 reads epoch 0",
				facts: []string{"1 stable amd64 3"}, channel: "stable",
				q: Query{Epoch: &Epoch{Read: []uint32{0}, Write: []uint32{0}}}, want: "3 from stable"},
		},
	} {
		for _, c := range cases {
			t.Run(rule+"/"+c.name, func(t *testing.T) {
				f := factsOf(releases(t, c.facts...), overrides(t, c.overrides...))
				f.Package.DefaultTrack = c.track
				for n, architectures := range c.runs {
					f.Revisions[n] = &Revision{PackageID: "pkg", Number: n, Status: StatusApproved}
					for _, a := range strings.Fields(architectures) {
						f.Revisions[n].Platforms = append(f.Revisions[n].Platforms, Platform{Architecture: a})
					}
				}
				for n, name := range c.epochs {
					e, known := epochs[name]
					if !known {
						t.Fatalf("no epoch %q", name)
					}
					f.Revisions[n].Meta.Epoch = e
				}
				for _, n := range c.rejected {
					f.Revisions[n].Status = StatusRejected
				}
				for _, n := range c.held {
					delete(f.Revisions, n)
				}
				q := c.q
				if q.Channel = ch(t, c.channel); q.Architecture == "" {
					q.Architecture = "amd64"
				}
				if q.Action == "" {
					q.Action = ActionInstall
				}
				q.At = day(50)

				got := ""
				choice, err := Choose(f, Fold(f.Releases, day(50)), q)
				var none *NoRevision
				switch {
				case err == nil:
					got = choice.text()
				case KindOf(err) != KindNotFound || CodeOf(err) != "revision-not-found" || !errors.As(err, &none):
					t.Fatalf("unexpected error: %v", err)
				case none.Missing != 0:
					got = fmt.Sprint("missing ", none.Missing)
				default:
					got = notFound
				}
				if got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		}
	}
}

func TestChooseNothingOffersWhatIsOpen(t *testing.T) {
	f := factsOf(releases(t,
		"1 edge arm64 3", "1 stable all 4", "1 2.0/stable s390x 5", "1 beta amd64 6", "2 beta amd64 closed",
		"2 edge/fix amd64 7", "2 candidate riscv64 8 50%",
	), overrides(t, "3.0/edge armhf 9"))
	f.Revisions[4].Status = StatusApproved
	_, err := Choose(f, Fold(f.Releases, day(9)), Query{
		Action: ActionInstall, Channel: ch(t, "9.9/stable"), Architecture: "amd64", At: day(9),
	})
	var none *NoRevision
	if !errors.As(err, &none) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, o := range none.Offered {
		got = append(got, o.Architecture+" "+o.Channel.Name())
	}
	want := []string{"all stable", "arm64 edge", "s390x 2.0/stable", "armhf 3.0/edge"}
	if !slices.Equal(got, want) {
		t.Errorf("offered %q, want %q: no closed channel, no branch, no phase without a base", got, want)
	}
	if msg := err.Error(); !strings.Contains(msg, `"tool"`) || !strings.Contains(msg, "9.9/stable") || !strings.Contains(msg, "amd64") {
		t.Errorf("the error does not say what was asked for: %s", msg)
	}
}

func TestChooseAnswersBaseOfCharms(t *testing.T) {
	noble := Platform{Architecture: "amd64", BaseName: "ubuntu", BaseChannel: "24.04"}
	jammy := Platform{Architecture: "amd64", BaseName: "ubuntu", BaseChannel: "22.04"}
	f := factsOf([]Release{
		{At: day(1), Channel: ch(t, "stable"), Platform: noble, Revision: 2},
		{At: day(1), Channel: ch(t, "stable"), Platform: jammy, Revision: 1},
	}, nil)
	f.Revisions[1].Platforms, f.Revisions[2].Platforms = []Platform{jammy}, []Platform{noble}
	m := Fold(f.Releases, day(2))
	for base, want := range map[string]int{"22.04": 1, "24.04": 2} {
		c, err := Choose(f, m, Query{Action: ActionInstall, Architecture: "amd64", BaseName: "ubuntu", BaseChannel: base, At: day(2)})
		if err != nil || c.Revision.Number != want {
			t.Errorf("base %s: got %v, %v, want revision %d", base, c.Revision, err, want)
		}
	}
	if _, err := Choose(f, m, Query{Action: ActionInstall, Architecture: "amd64", BaseName: "ubuntu", BaseChannel: "20.04", At: day(2)}); KindOf(err) != KindNotFound {
		t.Errorf("a base without a release: got %v, want not found", err)
	}
}

func TestChoosePinsResources(t *testing.T) {
	f := factsOf(releases(t,
		"1 stable amd64 3", // data 1
		"2 edge amd64 4",   // data 2
		"3 beta amd64 3",   // data 3
		"60 beta amd64 3",  // data 4, not yet
	), overrides(t, "candidate amd64 4"))
	m := Fold(f.Releases, day(50))
	for _, c := range []struct {
		name string
		q    Query
		want int
	}{
		{"by channel: those of the release found", Query{Channel: ch(t, "stable")}, 1},
		{"the same revision elsewhere has other pins", Query{Channel: ch(t, "beta")}, 3},
		{"by revision: those of the newest release that names it", Query{Revision: 3}, 3},
		{"by override: those of the newest release that names its revision", Query{Channel: ch(t, "candidate")}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.q.Action, c.q.Architecture, c.q.At = ActionInstall, "amd64", day(50)
			got, err := Choose(f, m, c.q)
			if err != nil {
				t.Fatal(err)
			}
			if want := []ResourcePin{{Name: "data", Revision: c.want}}; !slices.Equal(got.Resources, want) {
				t.Errorf("got %v, want %v", got.Resources, want)
			}
		})
	}
}

func TestChooseByRevisionWithNothingKnown(t *testing.T) {
	f := &Facts{Package: Package{Name: "tool"}, Revisions: map[int]*Revision{8: nil}}
	_, err := Choose(f, nil, Query{Action: ActionRefresh, Revision: 8, MayByRevision: true, Architecture: "amd64", At: day(1)})
	var none *NoRevision
	if !errors.As(err, &none) || none.Missing != 0 || len(none.Offered) != 0 {
		t.Errorf("a revision known not to exist: got %v, want a plain not found", err)
	}
}

func TestDeltasForKeepsTheClientsPreference(t *testing.T) {
	f := &Facts{Deltas: []Delta{
		{Format: "xdelta3", Source: 3, Target: 4, Size: 1},
		{Format: "snap-1-1-xdelta3", Source: 3, Target: 4, Size: 2},
		{Format: "xdelta3", Source: 2, Target: 4, Size: 3},
		{Format: "bsdiff", Source: 3, Target: 4, Size: 4},
	}}
	var sizes []int64
	for _, d := range DeltasFor(f, 3, 4, []string{"snap-1-1-xdelta3", "xdelta3", "xdelta3", "unknown"}) {
		sizes = append(sizes, d.Size)
	}
	if want := []int64{2, 1}; !slices.Equal(sizes, want) {
		t.Errorf("got deltas of sizes %v, want %v", sizes, want)
	}
}

func TestAttachmentsFollowThePins(t *testing.T) {
	a1, b2 := &ResourceRevision{Name: "a", Revision: 1}, &ResourceRevision{Name: "b", Revision: 2}
	f := &Facts{Resources: map[ResourcePin]*ResourceRevision{{"a", 1}: a1, {"b", 2}: b2}}
	got := f.Attachments([]ResourcePin{{"b", 2}, {"gone", 1}, {"a", 1}})
	if !slices.Equal(got, []*ResourceRevision{b2, a1}) {
		t.Errorf("got %v", got)
	}
}
