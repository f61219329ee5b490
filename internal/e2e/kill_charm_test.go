package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/client/charmhub"
)

// charmKills is how often the server of charms and images is killed on each
// database; a short run kills fewer.
const charmKills, fewCharmKills = 15, 5

// TestEveryAcknowledgedCharmWriteSurvivesKills kills the server at random moments
// while publishers push images, charms, resources and libraries, and release. After
// every kill the store must be sound, have all that was acknowledged, and show
// nothing but the whole of what was not; at the end, gc removes nothing of it.
func TestEveryAcknowledgedCharmWriteSurvivesKills(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			rounds := charmKills
			if testing.Short() {
				rounds = fewCharmKills
			}
			newSiege(t, p.make(t), seed).run(rounds)
		})
	}
}

// siege is a store of charms under attack, and what it has promised so far.
type siege struct {
	t       *testing.T
	n       *node
	s       *server
	dir     string        // of the charms to upload
	rand    *rand.Rand    // owned by the goroutine of run
	window  time.Duration // in which a kill falls: what one go of everything takes
	token   string
	images  repository // of the charm's image, at whichever server runs
	library string     // id

	mu       sync.Mutex // guards what follows
	fresh    []*promise // asked for since the last check
	kept     []*promise // that were found to be there
	halves   []*half
	claims   []*charmClaim
	released []pair // the last acknowledged release, then those asked for since
	count    map[string]*tally
	resumed  int // uploads that went on after a kill
}

type tally struct{ asked, acknowledged, there int }

// promise is a write whose outcome is unknown until it is acknowledged; then it
// must be there forever.
type promise struct {
	kind         string
	name         string
	acknowledged bool
	loose        bool     // no tag leads to it: gc may have it
	tag          *promise // that leads to it, once it is there
	// there fails where a part of it is there and another is not.
	there func() (bool, error)
}

// garbage reports whether nothing leads to it.
func (p *promise) garbage() bool { return p.loose || p.tag != nil && !p.tag.acknowledged }

// half is an upload of a blob in pieces.
type half struct {
	location string
	content  []byte
	size     int // that the registry said it had
}

// charmClaim is an upload that shall become a revision of the charm or its recipes.
type charmClaim struct {
	path, digest string // where its revisions are listed, and as what
	status       string // path to ask how it goes; empty until acknowledged
}

// pair is a release of a revision with its recipes to two channels at once.
type pair struct{ revision, recipes int }

// siegeName is the charm of a siege. Its first revisions are there from the start,
// with as many of the recipes and one of the image.
const siegeName, firstRevisions = "besieged", 3

// siegeChannels are those of every release.
var siegeChannels = []string{"latest/beta", "latest/candidate"}

func newSiege(t *testing.T, p place, seed uint64) *siege {
	b := &siege{
		t: t, n: newStore(t, p), dir: t.TempDir(), rand: rand.New(rand.NewPCG(seed, 1)), count: make(map[string]*tally),
	}
	b.s = b.n.serve()
	m := b.n.makerOf(b.s)
	b.token = m.token
	if err := m.ask("POST", "/v1/charm", object{"name": siegeName, "type": "charm"}, nil); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for i := range firstRevisions {
		file := b.charm(fmt.Sprintf("first-%d", i))
		for path, content := range map[string][]byte{revisionsOf(siegeName): file, b.recipesPath(): fmt.Appendf(nil, "first recipes %d", i)} {
			more := object{"type": "file"}
			if path == revisionsOf(siegeName) {
				more = nil
			}
			m.publish(t, path, content, more)
			b.claims = append(b.claims, &charmClaim{path: path, digest: sha3Hex(content)})
		}
	}
	b.images = must[repository](t)(m.repository(siegeName, "server"))
	pinned := makeImage(1 << 40)
	if err := b.images.push(digestOf(pinned.manifest), pinned); err != nil {
		t.Fatal(err)
	}
	m.soonApproved(t, must[string](t)(m.attach(siegeName, "server", pinned)))
	b.kept = append(b.kept, &promise{kind: "image", name: "that is pinned", acknowledged: true, there: b.serves(pinned)})
	var made struct {
		ID string `json:"library-id"`
	}
	if err := m.ask("POST", "/v1/charm/libraries/"+siegeName, object{"library-name": "siege"}, &made); err != nil {
		t.Fatal(err)
	}
	b.library = made.ID
	if err := b.release(pair{1, 1}); err != nil {
		t.Fatal(err)
	}
	for number := range 2 { // so that there is something to collect, and something not to
		if err := b.pushImage(fmt.Sprint("first-", number), 1<<41+number); err != nil {
			t.Fatal(err)
		}
	}
	b.window = min(max(time.Since(began)/firstRevisions, 300*time.Millisecond), time.Second)
	return b
}

func (b *siege) recipesPath() string { return resourceRevisionsOf(siegeName, "recipes") }

func (b *siege) charm(version string) []byte {
	content, err := os.ReadFile(makeCharm(b.t, b.dir, siegeName, version))
	if err != nil {
		b.t.Fatal(err)
	}
	return content
}

func (b *siege) maker() maker { return maker{b.s.url, b.token} }

func (b *siege) repository() repository {
	r := b.images
	r.base = b.s.url
	return r
}

func (b *siege) serves(i image) func() (bool, error) {
	return func() (bool, error) { return b.repository().serves(i) }
}

func (b *siege) run(rounds int) {
	began := time.Now()
	for round := range rounds {
		b.round(round)
		if round%10 == 9 {
			b.n.fsckClean()
		} else {
			b.n.fsckClean("--quick")
		}
		b.s = b.n.serve()
		b.check()
		if b.t.Failed() {
			b.t.Fatalf("failed in round %d", round)
		}
	}
	b.checkAll()
	b.collect()
	b.n.fsckClean()
	b.t.Logf("%d rounds in %s; %d uploads went on after a kill", rounds, time.Since(began).Round(time.Second), b.resumed)
	var all tally
	for kind, c := range b.count {
		b.t.Logf("%s: %d asked for, %d acknowledged, %d there", kind, c.asked, c.acknowledged, c.there)
		all.asked, all.acknowledged = all.asked+c.asked, all.acknowledged+c.acknowledged
	}
	if all.asked == all.acknowledged {
		b.t.Error("the kills hit nothing worth hitting")
	}
}

// round lets publishers loose until the server is killed.
func (b *siege) round(round int) {
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for _, w := range []struct {
		most int // in one round, so that the checks take no longer than the attack
		work func(id string, i int) error
	}{{8, b.pushImage}, {8, b.pushPieces}, {3, b.publishCharm}, {8, b.publishLibrary}, {20, b.releasePair}} {
		workers.Go(func() {
			for i := range w.most {
				select {
				case <-stop:
					return
				default:
				}
				err := w.work(fmt.Sprintf("%d-%d", round, i), round*1000+i)
				if errors.Is(err, errDead) {
					return
				}
				if err != nil {
					b.t.Errorf("a publisher got: %v", err)
					return
				}
			}
		})
	}
	<-time.After(time.Duration(b.rand.Int64N(int64(b.window))))
	b.s.kill()
	close(stop)
	workers.Wait()
}

// write does what p promises.
func (b *siege) write(p *promise, do func() error) error {
	b.mu.Lock()
	b.fresh = append(b.fresh, p)
	b.tallied(p.kind).asked++
	b.mu.Unlock()
	if err := do(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p.acknowledged = true
	b.tallied(p.kind).acknowledged++
	return nil
}

// tallied wants mu.
func (b *siege) tallied(kind string) *tally {
	if b.count[kind] == nil {
		b.count[kind] = &tally{}
	}
	return b.count[kind]
}

func (b *siege) blob(content []byte) *promise {
	return &promise{kind: "blob", name: digestOf(content), there: func() (bool, error) {
		return b.repository().holds("blobs", content)
	}}
}

// pushImage pushes blobs, then their manifest: by a tag, or by its digest only.
func (b *siege) pushImage(id string, number int) error {
	r, i := b.repository(), makeImage(uint64(number))
	whole := &promise{kind: "tag", name: "round-" + id}
	reference := whole.name
	whole.there = func() (bool, error) { return b.tagged(whole.name, i) }
	if number%2 == 1 {
		reference = digestOf(i.manifest)
		whole = &promise{kind: "image", name: id, loose: true, there: b.serves(i)}
	}
	for _, content := range [][]byte{i.config, i.layer} {
		part := b.blob(content)
		part.loose, part.tag = whole.loose, whole
		if err := b.write(part, func() error { return r.pushAtOnce(content) }); err != nil {
			return err
		}
	}
	return b.write(whole, func() error { return r.putManifest(reference, i.manifest) })
}

// tagged fails where a tag is there and does not lead to all of its image.
func (b *siege) tagged(tag string, i image) (bool, error) {
	got, err := b.repository().get("manifests", tag)
	whole, unsound := b.repository().serves(i)
	switch {
	case missing(err) && !whole:
		return false, unsound
	case err != nil || unsound != nil:
		return false, errors.Join(err, unsound)
	case !whole || string(got) != string(i.manifest):
		return false, fmt.Errorf("the tag leads to %.200q", got)
	}
	return true, nil
}

// pushPieces uploads a blob in pieces, some of them to the end.
func (b *siege) pushPieces(_ string, number int) error {
	r := b.repository()
	content := makeImage(1<<32 + uint64(number)).layer
	location, err := r.begin()
	if err != nil {
		return err
	}
	h := &half{location: location, content: content}
	b.mu.Lock()
	b.halves = append(b.halves, h)
	b.mu.Unlock()
	third := len(content) / 3
	for at := 0; at < 2*third; at += third {
		size, err := r.piece(location, content[at:at+third])
		if err != nil {
			return err
		}
		if size != at+third {
			return fmt.Errorf("the registry has %d bytes of %d", size, at+third)
		}
		b.mu.Lock()
		h.size = size
		b.mu.Unlock()
	}
	b.mu.Lock() // from here on it is a blob, or an upload still
	b.halves = slices.DeleteFunc(b.halves, func(other *half) bool { return other == h })
	b.mu.Unlock()
	whole := b.blob(content)
	whole.loose = true
	return b.write(whole, func() error { return r.finish(location, digestOf(content), content[2*third:]) })
}

// publishCharm uploads a revision of the charm and one of its recipes.
func (b *siege) publishCharm(id string, _ int) error {
	m := b.maker()
	for path, content := range map[string][]byte{revisionsOf(siegeName): b.charm(id), b.recipesPath(): []byte("recipes " + id)} {
		var more object
		if path == b.recipesPath() {
			more = object{"type": "file"}
		}
		upload, err := m.upload(content)
		if err != nil {
			return err
		}
		c := &charmClaim{path: path, digest: sha3Hex(content)}
		b.mu.Lock()
		b.claims = append(b.claims, c)
		b.tallied("claim").asked++
		b.mu.Unlock()
		status, err := m.claim(path, upload, more)
		if err != nil {
			return err
		}
		b.mu.Lock()
		c.status = status
		b.tallied("claim").acknowledged++
		b.mu.Unlock()
	}
	return nil
}

type wireLibrary struct {
	Patch   int
	Content string
}

// publishLibrary publishes the next version of the library.
func (b *siege) publishLibrary(id string, _ int) error {
	m := b.maker()
	path := "/v1/charm/libraries/" + siegeName + "/" + b.library
	var tip wireLibrary
	if err := m.ask("GET", path+"?api=0", nil, &tip); err != nil && !missing(err) {
		return err
	}
	patch := tip.Patch + 1
	content := fmt.Sprintf("LIBID = %q\nLIBAPI = 0\nLIBPATCH = %d\nNAME = %q\n", b.library, patch, id)
	return b.write(&promise{kind: "library", name: fmt.Sprint("0.", patch, " of ", id), there: func() (bool, error) {
		var got wireLibrary
		err := b.maker().ask("GET", fmt.Sprintf("%s?api=0&patch=%d", path, patch), nil, &got)
		if missing(err) {
			return false, nil
		}
		// Where this one was lost, the next round publishes another of its number.
		return got.Content == content, err
	}}, func() error {
		return m.ask("POST", path, object{"api": 0, "patch": patch, "content": content, "hash": charmhub.ContentHash([]byte(content))}, nil)
	})
}

func (b *siege) releasePair(_ string, number int) error {
	return b.release(pair{1 + number%firstRevisions, 1 + number/firstRevisions%firstRevisions})
}

func (b *siege) release(p pair) error {
	b.mu.Lock()
	b.released = append(b.released, p)
	b.tallied("release").asked++
	b.mu.Unlock()
	var moves []object
	for _, channel := range siegeChannels {
		moves = append(moves, object{"channel": channel, "revision": p.revision, "resources": pins(p.recipes)})
	}
	if err := b.maker().ask("POST", "/v1/charm/"+siegeName+"/releases", moves, nil); err != nil {
		return err
	}
	b.mu.Lock()
	b.released = []pair{p}
	b.tallied("release").acknowledged++
	b.mu.Unlock()
	return nil
}

func pins(recipes int) []object {
	return []object{{"name": "recipes", "revision": recipes}, {"name": "server", "revision": 1}}
}

// check asks the restarted server about everything since the last kill.
func (b *siege) check() {
	for _, p := range b.fresh {
		there, err := p.there()
		switch {
		case err != nil:
			b.t.Errorf("the %s %s is there in part: %v", p.kind, p.name, err)
		case p.acknowledged && !there:
			b.t.Errorf("the %s %s was acknowledged and is not there", p.kind, p.name)
		case there:
			p.acknowledged = true // what clients saw once must stay
			b.kept = append(b.kept, p)
			b.tallied(p.kind).there++
		}
	}
	b.fresh = nil
	b.checkHalves()
	b.checkReleased()
}

// checkHalves lets uploads go on where the registry said that they are.
func (b *siege) checkHalves() {
	r := b.repository()
	for _, h := range b.halves {
		size, err := r.uploaded(h.location)
		if err != nil || size < h.size || size >= len(h.content) {
			b.t.Errorf("an upload that had %d bytes has %d: %v", h.size, size, err)
			continue
		}
		if size > 0 {
			b.resumed++
		}
		if err := r.finish(h.location, digestOf(h.content), h.content[size:]); err != nil {
			b.t.Errorf("an upload of %d bytes does not go on: %v", size, err)
			continue
		}
		whole := b.blob(h.content)
		whole.loose = true
		b.kept = append(b.kept, whole)
	}
	b.halves = nil
}

// checkReleased wants both channels to have one release, the last acknowledged or
// one asked for since.
func (b *siege) checkReleased() {
	var found []pair
	for _, channel := range siegeChannels {
		d, err := b.maker().deploy(siegeName, channel)
		if err != nil {
			b.t.Errorf("juju gets nothing from %s: %v", channel, err)
			return
		}
		recipes, file := d.resource(b.t, "recipes")
		for _, f := range []wireFile{d.Charm.Download, file} {
			if _, err := b.maker().fetch(f); err != nil {
				b.t.Error(err)
			}
		}
		found = append(found, pair{d.Charm.Revision, recipes})
	}
	if found[0] != found[1] || !slices.Contains(b.released, found[0]) {
		b.t.Errorf("released is %v, want one of %v in both channels", found, b.released)
	}
	b.released = found[:1]
}

// checkAll wants, at the end, everything that ever was there, every claim as one
// revision, and no other revisions; then it releases them all, and downloads them.
func (b *siege) checkAll() {
	b.checkKept()
	m := b.maker()
	known := make(map[string]bool)
	for _, c := range b.claims {
		known[c.path+c.digest] = true
		if c.status != "" {
			m.soonApproved(b.t, c.status)
		}
	}
	newest := make(map[string]int) // by path
	for _, path := range []string{revisionsOf(siegeName), b.recipesPath()} {
		found, err := m.listed(path)
		if err != nil {
			b.t.Fatal(err)
		}
		for digest, numbers := range found {
			if len(numbers) != 1 || !known[path+digest] {
				b.t.Errorf("%s has %s as the revisions %v, and that it was uploaded is %t", path, digest, numbers, known[path+digest])
			}
			newest[path] = max(newest[path], slices.Max(numbers))
		}
		for _, c := range b.claims {
			if c.path == path && c.status != "" && found[c.digest] == nil {
				b.t.Errorf("a claim was acknowledged, and is no revision of %s", path)
			}
		}
		if newest[path] != len(found) {
			b.t.Errorf("%s has %d revisions up to %d", path, len(found), newest[path])
		}
		b.tallied("claim").there += len(found)
	}
	recipes := newest[b.recipesPath()]
	for revision := range max(newest[revisionsOf(siegeName)], recipes) {
		p := pair{min(revision+1, newest[revisionsOf(siegeName)]), min(revision+1, recipes)}
		if err := b.release(p); err != nil {
			b.t.Fatal(err)
		}
		b.checkReleased()
	}
}

func (b *siege) checkKept() {
	for _, p := range b.kept {
		if there, err := p.there(); err != nil || !there {
			b.t.Errorf("the %s %s was there once and is no more: %v", p.kind, p.name, err)
		}
	}
}

// collect lets the store grow old, and wants gc to take what nothing leads to and
// nothing else.
func (b *siege) collect() {
	b.s.stop()
	b.n.must("gc")
	b.s = b.n.serve()
	b.checkKept() // nothing is old enough
	b.s.stop()
	b.n.age(48 * time.Hour)
	b.n.must("gc")
	b.s = b.n.serve()
	garbage := make(map[bool][]*promise)
	for _, p := range b.kept {
		garbage[p.garbage()] = append(garbage[p.garbage()], p)
	}
	for _, p := range garbage[true] {
		if there, err := p.there(); err != nil || there {
			b.t.Errorf("the %s %s, to which nothing leads, is there: %v", p.kind, p.name, err)
		}
	}
	b.kept = garbage[false]
	b.checkKept()
	b.checkReleased()
	var found struct{ Orphans int }
	b.n.ask(&found, "fsck")
	if b.n.place.blobs == "" && found.Orphans != 0 { // what S3 keeps cannot be made old
		b.t.Errorf("gc left %d blobs that belong to nothing", found.Orphans)
	}
	if len(garbage[true]) == 0 {
		b.t.Error("there was nothing to collect")
	}
}
