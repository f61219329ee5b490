package e2e

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pushCharmKills is how often a push is killed on each database; a short run kills
// fewer.
const pushCharmKills, fewPushCharmKills = 6, 3

// TestAKilledPushOfACharmIsRunAgain kills push-charm at random moments. What it
// leaves is the whole push or none of it, and the same command then makes it whole,
// and nothing twice.
func TestAKilledPushOfACharmIsRunAgain(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 1))
			n := newStore(t, p.make(t))
			began := time.Now()
			n.must("push-charm", pushOf(t, "unharmed")...)
			window := time.Since(began)
			kills := pushCharmKills
			if testing.Short() {
				kills = fewPushCharmKills
			}
			survived := 0
			for i := range kills {
				// Every part of the window is hit, whatever the random numbers are.
				moment := window * time.Duration(i) / time.Duration(kills)
				moment += time.Duration(random.Int64N(int64(window) / int64(kills)))
				if n.killedPush(fmt.Sprintf("push-%c", 'a'+i), moment) {
					survived++
				}
			}
			n.fsckClean()
			t.Logf("%d pushes killed within %s, of which %d were through", kills, window.Round(time.Millisecond), survived)
			if survived == kills {
				t.Error("the kills hit nothing worth hitting")
			}
		})
	}
}

// pushOf makes the arguments of push-charm for a charm with its resources and a
// bundle.
func pushOf(t testing.TB, name string) []string {
	t.Helper()
	dir := t.TempDir()
	layout := filepath.Join(dir, "layout")
	if err := writeLayout(layout, strings.Repeat(name, 20_000)); err != nil {
		t.Fatal(err)
	}
	return []string{
		makeCharm(t, dir, name, "1"), makeBundle(t, dir, name+"-bundle", name), "--register", "--channel", "edge", "--channel", "beta",
		"--resource", "recipes=" + write(t, dir, "recipes", []byte("recipes of "+name)), "--resource", "server=" + layout,
	}
}

// described is what package show says.
type described struct {
	Channels []struct {
		Revision  int
		Resources []struct{ Name string }
	}
	Revisions []struct {
		Number int `json:"revision"`
	}
}

// killedPush kills a push, looks at what is left, and pushes again. It reports
// whether the first push was through.
func (n *node) killedPush(name string, after time.Duration) (through bool) {
	n.t.Helper()
	args := append([]string{"push-charm"}, pushOf(n.t, name)...)
	cmd := n.command(args...)
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	<-time.After(after)
	cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait() // it was killed, or else is through
	acknowledged := cmd.ProcessState.Success()
	n.fsckClean("--quick")

	whole := 0
	for _, pkg := range []string{name, name + "-bundle"} {
		d := n.describedCharm(pkg)
		switch {
		case len(d.Revisions) == 1 && len(d.Channels) == 2:
			whole++
		case len(d.Revisions)+len(d.Channels) != 0:
			n.t.Errorf("%s was killed after %s and is there in part: %+v", pkg, after, d)
		}
	}
	if whole == 1 || acknowledged && whole != 2 {
		n.t.Errorf("of the push %s, that was killed after %s and acknowledged is %t, %d packages of 2 are there", name, after, acknowledged, whole)
	}

	n.must(args[0], args[1:]...)
	if out := n.must(args[0], args[1:]...); !strings.Contains(out, "nothing changed") {
		n.t.Errorf("pushed a third time, %s changes something: %s", name, out)
	}
	for _, pkg := range []string{name, name + "-bundle"} {
		d := n.describedCharm(pkg)
		if len(d.Revisions) != 1 || d.Revisions[0].Number != 1 || len(d.Channels) != 2 {
			n.t.Errorf("pushed again, %s is %+v", pkg, d)
		}
		for _, c := range d.Channels {
			if want := map[bool]int{true: 2}[pkg == name]; c.Revision != 1 || len(c.Resources) != want {
				n.t.Errorf("pushed again, a channel of %s has %+v", pkg, c)
			}
		}
	}
	var listed struct{ Images []struct{ Pinned bool } }
	n.ask(&listed, "image", "list", name)
	pinned := 0
	for _, i := range listed.Images {
		if i.Pinned {
			pinned++
		}
	}
	if pinned != 1 || len(listed.Images) != 3 { // the index, and an image for each of two architectures
		n.t.Errorf("pushed again, the images of %s are %+v", name, listed)
	}
	return whole == 2
}

// describedCharm is empty where there is no such charm.
func (n *node) describedCharm(name string) (d described) {
	n.t.Helper()
	if a := n.run("package", "show", "charm/"+name); a.code == 3 {
		return d
	}
	n.ask(&d, "package", "show", "charm/"+name)
	return d
}
