// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/asserts/snapasserts"
	"github.com/snapcore/snapd/dirs"
	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/snap/naming"
	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/interop/harness"
)

// TestDevicesFollowAPublisher takes a snap through its life: what a publisher
// does over HTTP is what snapd's devices see.
func TestDevicesFollowAPublisher(t *testing.T) {
	t.Parallel()
	for _, place := range places {
		if place.name != "sqlite-file" && place.name != "postgresql-s3" {
			continue
		}
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			r := newRoundTrip(t, place.at(t))
			for _, step := range []struct {
				name string
				run  func(*testing.T)
			}{
				{"the first revision goes to everyone", r.first},
				{"the second goes to half of the devices", r.half},
				{"it comes as a delta", r.delta},
				{"the second goes to everyone", r.everyone},
				{"a validation set pins the first", r.pinned},
				{"the first comes back", r.back},
				{"the validation set moves on to the second", r.pinnedAnew},
				{"the channel is closed", r.closed},
				{"the history has every step", r.history},
			} {
				if !t.Run(step.name, step.run) {
					t.FailNow() // the next ones rest on it
				}
			}
		})
	}
}

// crowdSize is how many devices look at a release to a half of them. That
// fewer than a sixth or more than five sixths get it happens to one run in
// many millions.
const crowdSize = 48

// roundTrip is a store with a publisher of one snap and devices that want it.
type roundTrip struct {
	*shop
	name, snapID string
	set          string // the validation set's name
	alice        *snapstore.Client
	signer       *harness.Publisher
	crowd        []*harness.Device
	clients      []*store.Store // of crowd
	lucky        *store.Store   // one that gets the second revision early
	asserts      *asserts.Database
}

func newRoundTrip(t *testing.T, place harness.Place) *roundTrip {
	s := &shop{Larder: harness.Start(t, place, harness.Root()), brand: acme()}
	s.Run("push-account-keys", harness.WriteAssertions(t, filepath.Join(t.TempDir(), "acme.assert"), s.brand.Account, s.brand.Key))
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := &roundTrip{
		shop: s, set: "tested-together", asserts: harness.OpenDatabase(t),
		name: "round-trip-" + at.Port(), // snapd's directory of installed snaps is shared by all places
	}
	r.crowd = s.brand.NewDevices(s.brand.Model("desk", ""), crowdSize)
	for _, d := range r.crowd {
		r.clients = append(r.clients, d.Client(t, s.URL))
	}

	person := s.Person("alice", "publisher")
	r.alice = &snapstore.Client{Endpoints: snapstore.At(s.URL)}
	_, err = r.alice.Login(t.Context(), auth.UbuntuOneLogin{Email: person.Email, Password: person.Password}, auth.Grant{
		Permissions: []string{"package_access", "package_register", "package_push", "package_release", "modify_account_key"},
	})
	if err != nil {
		t.Fatal(err)
	}
	who, err := r.alice.Whoami(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.signer = harness.NewPublisher(who.Account.ID)
	registered, err := r.alice.Dashboard().RegisterName(t.Context(), snapstore.DashboardName{Name: r.name})
	if err != nil {
		t.Fatal(err)
	}
	r.snapID = registered.SnapID
	for i, summary := range []string{"Before", "After"} {
		r.publish(t, i+1, harness.Snap{Name: r.name, Summary: summary, Ballast: 300_000})
	}
	return r
}

// publish uploads a revision and waits until the store has accepted it.
func (r *roundTrip) publish(t *testing.T, revision int, made harness.Snap) {
	t.Helper()
	id, err := r.alice.UploadFile(t.Context(), made.Build(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := r.alice.Dashboard().Push(t.Context(), snapstore.Push{Name: r.name, UploadID: id})
	if err != nil {
		t.Fatal(err)
	}
	review, err := r.alice.WaitForReview(t.Context(), pushed.StatusURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !review.Accepted() || !review.CanRelease || review.Revision != revision {
		t.Fatalf("the review ended as %+v", review)
	}
}

// release points stable at a revision; percentage 0 leaves it out.
func (r *roundTrip) release(t *testing.T, revision int, percentage float64) {
	t.Helper()
	wanted := snapstore.DashboardRelease{Name: r.name, Revision: revision, Channels: []string{"stable"}}
	if percentage > 0 {
		wanted.Progressive = &snapstore.ProgressiveRelease{Percentage: percentage}
	}
	if got, err := r.alice.Dashboard().Release(t.Context(), wanted); err != nil || !got.Success {
		t.Fatalf("release of %d: %+v, %v", revision, got, err)
	}
}

func (r *roundTrip) current(revision int) *store.CurrentSnap {
	return &store.CurrentSnap{
		InstanceName: r.name, SnapID: r.snapID, Revision: snap.R(revision), TrackingChannel: "latest/stable", Epoch: snap.E("0"),
	}
}

// offered is what a device with a revision is told to refresh to; 0 is nothing.
func (r *roundTrip) offered(t *testing.T, client *store.Store, revision int) int {
	t.Helper()
	current := r.current(revision)
	results, _, err := client.SnapAction(context.Background(), []*store.CurrentSnap{current}, []*store.SnapAction{refresh(current)}, nil, nil, nil)
	if failed, ok := err.(*store.SnapActionError); ok && errors.Is(failed.Refresh[r.name], store.ErrNoUpdateAvailable) {
		return 0
	}
	if err != nil || len(results) != 1 {
		t.Fatalf("a refresh from %d: %d results, %v", revision, len(results), err)
	}
	return results[0].Revision.N
}

// wantOffered checks what every device with a revision is told.
func (r *roundTrip) wantOffered(t *testing.T, revision, want int) {
	t.Helper()
	for i, client := range append(r.clients, r.anonymous(t)) {
		if got := r.offered(t, client, revision); got != want {
			t.Errorf("device %d with revision %d is offered %d, want %d", i, revision, got, want)
		}
	}
}

func (r *roundTrip) wantInstalled(t *testing.T, want int) {
	t.Helper()
	for _, client := range []*store.Store{r.anonymous(t), r.clients[0]} {
		wantRevision(t, act(t, client, nil, install(r.name, "stable"))[0].Info, want)
	}
}

func (r *roundTrip) first(t *testing.T) {
	_, failed := actFails(t, r.clients[0], nil, install(r.name, "stable"))
	if failed.Install[r.name] == nil {
		t.Errorf("before any release: %v", failed)
	}
	r.release(t, 1, 0)
	r.wantInstalled(t, 1)
	r.wantOffered(t, 1, 0)
	info := act(t, r.clients[0], nil, install(r.name, "stable"))[0].Info
	if info.Publisher.Username != "alice" || info.Publisher.ID != r.signer.ID {
		t.Errorf("the publisher is %+v", info.Publisher)
	}
	path := download(t, r.clients[0], info, nil)
	verify(t, r.clients[0], harness.OpenDatabase(t), path, info)
	if err := os.MkdirAll(dirs.SnapBlobDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, filepath.Join(dirs.SnapBlobDir, r.name+"_1.snap")); err != nil {
		t.Fatal(err)
	}
}

// A device's place is its own: it is told the same today and tomorrow, and the
// one who has the new revision keeps it.
func (r *roundTrip) half(t *testing.T) {
	r.release(t, 2, 50)
	early := 0
	for i, client := range r.clients {
		got := r.offered(t, client, 1)
		switch got {
		case 2:
			early++
			r.lucky = client
		case 0:
		default:
			t.Errorf("device %d is offered %d", i, got)
		}
		renewed := r.crowd[i].Client(t, r.URL)
		r.crowd[i].SetSession("")
		if again := r.offered(t, renewed, 1); again != got {
			t.Errorf("device %d was offered %d, and is offered %d in a new session", i, got, again)
		}
		if got := r.offered(t, client, 2); got != 0 {
			t.Errorf("device %d has revision 2 and is offered %d", i, got)
		}
	}
	t.Logf("%d of %d devices are offered the new revision", early, crowdSize)
	if early < crowdSize/6 || early > crowdSize*5/6 {
		t.Errorf("%d of %d devices are offered the new revision", early, crowdSize)
	}
	if got := r.offered(t, r.anonymous(t), 1); got != 0 {
		t.Errorf("who has no session is offered %d", got)
	}
	r.wantInstalled(t, 1)
	again := 0
	for _, client := range r.clients {
		if r.offered(t, client, 1) == 2 {
			again++
		}
	}
	if again != early {
		t.Errorf("first %d devices are offered the new revision, then %d", early, again)
	}
}

// The whole snap cannot be had, so that snapd must apply the delta.
func (r *roundTrip) delta(t *testing.T) {
	info := refreshPatched(t, r.lucky, r.current(1))
	if d := info.Deltas[0]; info.Revision != snap.R(2) || d.FromRevision != 1 || d.ToRevision != 2 || d.Format != "xdelta3" || d.Size > info.Size/10 {
		t.Errorf("revision %s is offered with %+v", info.Revision, d)
	}
	info.DownloadURL = "http://127.0.0.1:1/nowhere"
	verify(t, r.lucky, harness.OpenDatabase(t), download(t, r.lucky, info, nil), info)
}

func (r *roundTrip) everyone(t *testing.T) {
	r.release(t, 2, 100)
	r.wantInstalled(t, 2)
	r.wantOffered(t, 1, 2)
	r.wantOffered(t, 2, 0)
}

// publishSet has the store write down what the set says, signs it as snapcraft
// does, and publishes it.
func (r *roundTrip) publishSet(t *testing.T, sequence, revision int) {
	t.Helper()
	dashboard := r.alice.Dashboard()
	headers, err := dashboard.BuildValidationSet(t.Context(), snapstore.ValidationSetDraft{
		AccountID: r.signer.ID, Name: r.set, Sequence: sequence,
		Snaps: []snapstore.ValidationSetSnap{{Name: r.name, Presence: "required", Revision: revision}},
	})
	if err != nil {
		t.Fatal(err)
	}
	signed := r.signer.Sign(asserts.ValidationSetType, headers, nil)
	if _, err := dashboard.PostValidationSet(t.Context(), asserts.Encode(signed)); err != nil {
		t.Fatal(err)
	}
}

func (r *roundTrip) setKey(sequence ...int) []string {
	key := []string{"16", r.signer.ID, r.set}
	for _, n := range sequence {
		key = append(key, fmt.Sprint(n))
	}
	return key
}

// enforce is what snapd does with a set that it enforces: the set comes along
// with the refresh, must rest on what the device trusts, and names the
// revision that is asked for.
func (r *roundTrip) enforce(t *testing.T, sequence, have, want int) {
	t.Helper()
	a := wantFound(t, r.asserts, &asserts.Ref{Type: asserts.ValidationSetType, PrimaryKey: r.setKey(sequence)})
	if t.Failed() {
		t.FailNow()
	}
	sets := snapasserts.NewValidationSets()
	if err := sets.Add(a.(*asserts.ValidationSet)); err != nil {
		t.Fatal(err)
	}
	installed := func(revision int) error {
		return sets.CheckInstalledSnaps([]*snapasserts.InstalledSnap{snapasserts.NewInstalledSnap(r.name, r.snapID, snap.R(revision))}, nil)
	}
	var wrong *snapasserts.ValidationSetsValidationError
	if err := installed(have); !errors.As(err, &wrong) || wrong.WrongRevisionSnaps[r.name][snap.R(want)] == nil {
		t.Errorf("with revision %d installed: %v", have, err)
	}
	keys, required, err := sets.CheckPresenceRequired(naming.NewSnapRef(r.name, r.snapID))
	if err != nil || required != snap.R(want) || len(keys) != 1 {
		t.Fatalf("the sets %v require revision %s, %v", keys, required, err)
	}

	current := r.current(have)
	current.ValidationSets = keys
	action := refresh(current)
	action.Revision, action.ValidationSets, action.Flags = required, keys, store.SnapActionEnforceValidation
	got := act(t, r.lucky, []*store.CurrentSnap{current}, action)[0].Info
	wantRevision(t, got, want)
	verify(t, r.lucky, harness.OpenDatabase(t), download(t, r.lucky, got, nil), got)
	if err := installed(got.Revision.N); err != nil {
		t.Error(err)
	}
	// One that is installed anew is held to the same.
	anew := installRevision(r.name, required.N)
	anew.ValidationSets, anew.Flags = keys, store.SnapActionEnforceValidation
	wantRevision(t, act(t, r.lucky, nil, anew)[0].Info, want)
}

func (r *roundTrip) pinned(t *testing.T) {
	request := asserts.Encode(r.signer.KeyRequest(t, "release-key"))
	key, err := r.alice.Dashboard().RegisterKey(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if key.PublicKeySHA3_384 != r.signer.PublicKey().ID() || key.AccountID != r.signer.ID {
		t.Errorf("registered: %+v", key)
	}
	r.publishSet(t, 1, 1)

	pool := asserts.NewPool(r.asserts, 16)
	if err := pool.AddUnresolvedSequence(&asserts.AtSequence{
		Type: asserts.ValidationSetType, SequenceKey: r.setKey(), Revision: asserts.RevisionNotKnown,
	}, "set"); err != nil {
		t.Fatal(err)
	}
	r.resolve(t, pool, 2)
	r.enforce(t, 1, 2, 1)
}

// resolve fills the pool beside a refresh that brings nothing, and keeps what
// came.
func (r *roundTrip) resolve(t *testing.T, pool *asserts.Pool, have int) {
	t.Helper()
	resolveWith(t, r.lucky, pool, []*store.CurrentSnap{r.current(have)})
	if errs := pool.Errors(); errs != nil {
		t.Fatalf("groups in error: %v", errs)
	}
	if err := pool.CommitTo(r.asserts); err != nil {
		t.Fatal(err)
	}
}

func (r *roundTrip) back(t *testing.T) {
	r.release(t, 1, 0)
	r.wantInstalled(t, 1)
	r.wantOffered(t, 2, 1)
	r.wantOffered(t, 1, 0)
}

func (r *roundTrip) pinnedAnew(t *testing.T) {
	r.publishSet(t, 2, 2)
	pool := asserts.NewPool(r.asserts, 16)
	if err := pool.AddSequenceToUpdate(&asserts.AtSequence{
		Type: asserts.ValidationSetType, SequenceKey: r.setKey(), Sequence: 1,
	}, "set"); err != nil {
		t.Fatal(err)
	}
	r.resolve(t, pool, 1)
	r.enforce(t, 2, 1, 2)
}

func (r *roundTrip) closed(t *testing.T) {
	closed, err := r.alice.Dashboard().Close(t.Context(), r.snapID, "stable")
	if err != nil || len(closed.ClosedChannels) != 1 {
		t.Fatalf("%+v, %v", closed, err)
	}
	for _, client := range append(r.clients, r.anonymous(t)) {
		_, failed := actFails(t, client, nil, install(r.name, "stable"))
		if _, ok := failed.Install[r.name].(*store.RevisionNotAvailableError); !ok {
			t.Errorf("an install: %v", failed)
		}
		current := r.current(2)
		_, failed = actFails(t, client, []*store.CurrentSnap{current}, refresh(current))
		if _, ok := failed.Refresh[r.name].(*store.RevisionNotAvailableError); !ok {
			t.Errorf("a refresh: %v", failed)
		}
	}
}

func (r *roundTrip) history(t *testing.T) {
	var steps []string
	for h, err := range r.alice.Dashboard().Releases(t.Context(), r.name) {
		if err != nil {
			t.Fatal(err)
		}
		step := h.Channel + " closed"
		if h.Revision != nil {
			step = fmt.Sprintf("%s %d", h.Channel, *h.Revision)
		}
		if h.Progressive != nil && h.Progressive.Percentage != nil {
			step += fmt.Sprintf(" %v%%", *h.Progressive.Percentage)
		}
		steps = append(steps, step)
	}
	want := []string{"latest/stable closed", "latest/stable 1", "latest/stable 2", "latest/stable 2 50%", "latest/stable 1"}
	if fmt.Sprint(steps) != fmt.Sprint(want) {
		t.Errorf("the history, newest first, is %q, want %q", steps, want)
	}
}
