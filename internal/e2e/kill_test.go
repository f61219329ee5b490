package e2e

import (
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// killRounds is how often a store's processes are killed on each database; a
// short run kills fewer.
const killRounds, fewKillRounds = 200, 20

// TestEveryAcknowledgedWriteSurvivesKills kills the server, or commands, or all
// of them at random moments while snaps are pushed, overridden and read. After
// every kill the store must be sound, serve all that was acknowledged, and show
// nothing of a push but the whole.
func TestEveryAcknowledgedWriteSurvivesKills(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			rounds := killRounds
			if testing.Short() {
				rounds = fewKillRounds
			}
			newMassacre(t, p.make(t), seed).run(rounds)
		})
	}
}

// massacre is a store under attack, and what it has promised so far.
type massacre struct {
	t    *testing.T
	n    *node
	s    *server
	dir  string     // of the snaps to push
	rand *rand.Rand // owned by the goroutine of run

	window time.Duration // in which a kill falls: what a few pushes take

	mu         sync.Mutex // guards what follows
	publishing publishing
	pushes     []*push                // since the last check
	settled    []*push                // that were found to be visible
	overrides  map[string]*overridden // by snap
	running    map[*exec.Cmd]bool
	count      struct{ pushes, acknowledged, overrides, reads, killed int }
}

// push is one larder push-snap. Its outcome is unknown until acknowledged; then
// it must be served forever.
type push struct {
	name, file, digest string
	alone              bool // the only revision of its snap
	acknowledged       bool
}

// overridden is what a snap's stable channel may be overridden with: the last
// acknowledged revision, or any that was asked for since.
type overridden struct {
	acknowledged int // 0: never
	asked        []int
}

// crowd are snaps that everyone pushes to; the others have one revision each.
var crowd = []string{"crowd-one", "crowd-two"}

func newMassacre(t *testing.T, p place, seed uint64) *massacre {
	m := &massacre{
		t: t, n: newStore(t, p), dir: t.TempDir(), rand: rand.New(rand.NewPCG(seed, 1)),
		overrides: make(map[string]*overridden), running: make(map[*exec.Cmd]bool),
	}
	began := time.Now()
	for _, name := range crowd {
		for _, version := range []string{"1", "2"} {
			m.n.must("push-snap", makeSnap(t, m.dir, name, version), "--register", "--channel", "stable")
		}
		m.overrides[name] = &overridden{}
	}
	m.window = min(max(time.Since(began), 100*time.Millisecond), time.Second)
	m.openPublishing()
	return m
}

func (m *massacre) run(rounds int) {
	began := time.Now()
	m.s = m.n.serve()
	for round := range rounds {
		m.round(round)
		m.s.kill()
		if round%10 == 9 {
			m.n.fsckClean()
		} else {
			m.n.fsckClean("--quick") // the blobs of this round are read by check
		}
		m.s = m.n.serve()
		m.check(m.pushes)
		m.checkReleases()
		if m.t.Failed() {
			m.t.Fatalf("failed in round %d", round)
		}
	}
	all := m.settled
	m.settled = nil
	m.check(all)
	m.checkPublished()
	c := m.count
	m.t.Logf("%d rounds in %s: %d pushes (%d acknowledged, %d visible), %d overrides acknowledged, %d reads, %d commands killed",
		rounds, time.Since(began).Round(time.Second), c.pushes, c.acknowledged, len(m.settled), c.overrides, c.reads, c.killed)
	if c.acknowledged == 0 || c.acknowledged == c.pushes || c.overrides == 0 || c.reads == 0 {
		m.t.Errorf("the kills hit nothing worth hitting")
	}
}

// round lets clients and commands loose, and kills at a random moment.
func (m *massacre) round(round int) {
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for worker := range 2 {
		workers.Go(func() { m.pushUntil(stop, fmt.Sprintf("%d-%d", round, worker)) })
	}
	shared := crowd[round%len(crowd)]
	revision := 1 + round%2
	workers.Go(func() { m.override(shared, revision) })
	workers.Go(func() { m.readUntil(stop) })
	workers.Go(func() { m.publishUntil(stop, round) })

	moment := time.After(time.Duration(m.rand.Int64N(int64(m.window))))
	<-moment
	switch m.rand.IntN(4) {
	case 0: // the server only; commands may go on without it
		m.s.kill()
	case 1: // the commands only
		m.killCommands()
	default: // the machine, as far as these processes are concerned
		m.s.cmd.Process.Signal(syscall.SIGKILL)
		m.killCommands()
	}
	close(stop)
	workers.Wait()
}

func (m *massacre) killCommands() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for cmd := range m.running {
		cmd.Process.Signal(syscall.SIGKILL)
		m.count.killed++
	}
}

// attempt runs a command that may be killed; it reports whether it succeeded.
func (m *massacre) attempt(args ...string) bool {
	cmd := m.n.command(args...)
	log := newLog()
	cmd.Stdout, cmd.Stderr = log, log
	m.mu.Lock()
	err := cmd.Start()
	m.running[cmd] = err == nil
	m.mu.Unlock()
	if err == nil {
		err = cmd.Wait()
	}
	m.mu.Lock()
	delete(m.running, cmd)
	m.mu.Unlock()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		m.t.Errorf("larder %v failed by itself: %v\n%s", args, err, log)
	}
	return err == nil
}

// pushUntil pushes a new snap, then a new revision of one of the crowd.
func (m *massacre) pushUntil(stop <-chan struct{}, id string) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		version := fmt.Sprintf("%s-%d", id, i)
		p := &push{name: "solo-" + version, alone: true}
		channel := "stable"
		if i%2 == 1 {
			p.name, p.alone, channel = crowd[i/2%len(crowd)], false, "edge"
		}
		p.file = makeSnap(m.t, m.dir, p.name, version, noise(int64(20_000+i)))
		p.digest = assertionDigest(m.t, p.file)
		m.mu.Lock()
		m.pushes = append(m.pushes, p)
		m.count.pushes++
		m.mu.Unlock()
		done := m.attempt("push-snap", p.file, "--register", "--channel", channel)
		m.mu.Lock()
		p.acknowledged = done
		if done {
			m.count.acknowledged++
		}
		m.mu.Unlock()
	}
}

func (m *massacre) override(name string, revision int) {
	m.mu.Lock()
	o := m.overrides[name]
	o.asked = append(o.asked, revision)
	m.mu.Unlock()
	if !m.attempt("override", name, fmt.Sprintf("candidate=%d", revision)) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count.overrides++
	o.acknowledged, o.asked = revision, nil
}

// readUntil reads what the crowd's channels serve. An answer must be whole even
// while everything around it dies: an interrupted one is an error of the
// connection, never a wrong or missing blob.
func (m *massacre) readUntil(stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		found, err := info(m.s.url, crowd[i%len(crowd)])
		for _, e := range found.ChannelMap {
			if err == nil {
				err = fetch(m.s.url, e.Download)
			}
		}
		var status errStatus
		if errors.As(err, &status) && status.code != http.StatusServiceUnavailable {
			m.t.Errorf("a reader got: %v", err)
		}
		if err != nil {
			return // the server is dead
		}
		m.mu.Lock()
		m.count.reads++
		m.mu.Unlock()
	}
}

// check asks the restarted server about every push: an acknowledged one is
// served, any other is served as a whole or has left no trace.
func (m *massacre) check(pushes []*push) {
	var listed struct {
		Packages []struct {
			Name string `json:"name"`
		} `json:"packages"`
	}
	m.n.ask(&listed, "package", "list")
	registered := make(map[string]bool)
	for _, p := range listed.Packages {
		registered[p.Name] = true
	}
	m.pushes = nil
	for _, p := range pushes {
		visible, err := m.visible(p)
		if err != nil {
			m.t.Errorf("%s is there in part: %v", p.file, err)
		}
		if p.acknowledged && !visible {
			m.t.Errorf("%s was acknowledged and is not there", p.file)
		}
		if p.alone && registered[p.name] != visible {
			m.t.Errorf("%s: registered is %t, visible is %t", p.name, registered[p.name], visible)
		}
		if visible {
			p.acknowledged = true // what devices saw once must stay
			m.settled = append(m.settled, p)
		}
	}
	m.checkOverrides()
}

var revisionLine = regexp.MustCompile(`(?m)^snap-revision: ([0-9]+)$`)
var idLine = regexp.MustCompile(`(?m)^snap-id: ([A-Za-z0-9]{32})$`)

// visible reports whether the store knows the pushed file, and fails where it
// knows only a part of what it must.
func (m *massacre) visible(p *push) (bool, error) {
	doc, err := document(m.s.url, "snap-revision/"+p.digest)
	var status errStatus
	switch {
	case errors.As(err, &status) && status.code == http.StatusNotFound:
		if !p.alone {
			return false, nil
		}
		if _, err := info(m.s.url, p.name); errors.As(err, &status) && status.code == http.StatusNotFound {
			return false, nil
		}
		return false, fmt.Errorf("there is no snap-revision, but info answers: %v", err)
	case err != nil:
		return false, err
	}
	id, revision := idLine.FindSubmatch(doc), revisionLine.FindSubmatch(doc)
	if id == nil || revision == nil {
		return false, fmt.Errorf("not a snap-revision: %s", doc)
	}
	if _, err := document(m.s.url, fmt.Sprintf("snap-declaration/16/%s", id[1])); err != nil {
		return false, fmt.Errorf("cannot get the declaration: %w", err)
	}
	content, err := os.ReadFile(p.file)
	if err != nil {
		return false, err
	}
	sum := sha3.Sum384(content)
	want := download{
		URL:  fmt.Sprintf("%s/api/v1/snaps/download/%s_%s.snap", m.s.url, id[1], revision[1]),
		Size: int64(len(content)), Digest: hex.EncodeToString(sum[:]),
	}
	if err := fetch(m.s.url, want); err != nil {
		return false, err
	}
	if p.alone {
		return true, served(m.s.url, p.name, "stable", p.file)
	}
	return true, nil
}

// checkOverrides compares what is overridden with what was asked for.
func (m *massacre) checkOverrides() {
	var listed struct {
		Overrides []struct {
			Name     string `json:"snap"`
			Revision int    `json:"revision"`
		} `json:"overrides"`
	}
	m.n.ask(&listed, "list-overrides")
	found := make(map[string]int)
	for _, o := range listed.Overrides {
		found[o.Name] = o.Revision
	}
	for name, o := range m.overrides {
		revision := found[name]
		if revision != o.acknowledged && !slices.Contains(o.asked, revision) {
			m.t.Errorf("%s is overridden with %d, want %d, or one of %d", name, revision, o.acknowledged, o.asked)
		}
		o.acknowledged, o.asked = revision, nil
	}
}
