package snapdevice

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/device"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// The kinds of action. The first three are store.Action's words.
const (
	kindInstall         = string(store.ActionInstall)
	kindDownload        = string(store.ActionDownload)
	kindRefresh         = string(store.ActionRefresh)
	kindRefreshAll      = "refresh-all"
	kindFetchAssertions = "fetch-assertions"
)

// refresh answers POST /v2/snaps/refresh: what a device should have of the
// snaps it names, and which assertions are newer than its own. Every action
// gets one result, in order; what is wrong with one stays with it.
//
// A session that has ended is not held against the call, nor a user's login: it
// is answered as if they were not there, with the codes that make snapd renew
// them and ask again. So a device whose session cannot be renewed, for want of its
// brand's serial authority here, still gets what is public.
func (a *api) refresh(w http.ResponseWriter, r *http.Request) {
	work := works.Get().(*refreshWork)
	defer work.release()
	if err := work.run(a, w, r); err != nil {
		fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, work.out)
}

// refreshWork is everything one request needs, kept for the next.
type refreshWork struct {
	request refreshRequest
	asker   catalog.Asker
	arch    string
	base    string   // as within a JSON string
	deltas  []string // formats the device takes, dearest first

	// wishes are the actions on snaps, in their order; pending says of each
	// what the wish does not.
	wishes  []catalog.Wish
	pending []pending
	keys    map[string]int // index in request.context by instance-key
	seen    map[string]bool
	has     []store.Installed // what Options.Seen is told
	out     []byte
}

// pending is a wish on its way.
type pending struct {
	err    error  // what is wrong with it, known before it was asked
	cohort string // a key that can only be read once the snap's id is known
}

var works = sync.Pool{New: func() any {
	return &refreshWork{keys: make(map[string]int), seen: make(map[string]bool)}
}}

// release keeps the memory of an ordinary request, and nothing it refers to.
func (k *refreshWork) release() {
	const ordinary = 256
	if cap(k.out) > wire.MaxPooled || cap(k.request.actions) > ordinary || cap(k.request.context) > ordinary {
		return
	}
	clear(k.request.context)
	clear(k.request.actions)
	clear(k.wishes)
	clear(k.pending)
	clear(k.keys)
	clear(k.seen)
	clear(k.has)
	*k = refreshWork{
		request: refreshRequest{context: k.request.context[:0], actions: k.request.actions[:0]},
		wishes:  k.wishes[:0], pending: k.pending[:0], keys: k.keys, seen: k.seen, has: k.has[:0], out: k.out[:0],
	}
	works.Put(k)
}

func (k *refreshWork) run(a *api, w http.ResponseWriter, r *http.Request) error {
	var err error
	k.asker, err = a.asker(r)
	var ended error
	if isEnded(err) {
		ended, err = err, nil
	}
	if err != nil {
		return err
	}
	if k.arch, err = architecture(r); err != nil {
		return err
	}
	done, err := a.memory.Take(r, maxRefreshBody)
	if err != nil {
		return err
	}
	defer done()
	body, err := wire.ReadBody(w, r, maxRefreshBody)
	if err != nil {
		return err
	}
	if err := parseRefresh(body, &k.request); err != nil {
		return err
	}
	k.request.expand()
	if err := k.check(); err != nil {
		return err
	}
	k.tell(a, r)
	k.base = a.jsonBase(r)
	if formats := r.Header.Get(headerDeltaFormats); formats != "" && len(formats) <= maxIdentity {
		for format := range strings.SplitSeq(formats, ",") {
			k.deltas = append(k.deltas, strings.TrimSpace(format))
		}
	}

	if err := k.wish(a, r); err != nil {
		return err
	}
	answers, err := k.resolve(a, r)
	if err != nil {
		return err
	}
	k.out = append(k.out, `{"results":[`...)
	n := 0
	for i := range k.request.actions {
		act := &k.request.actions[i]
		if act.kind == kindFetchAssertions {
			if k.out, err = a.appendAssertions(k.out, r, act, k.request.maxFormats); err != nil {
				return err
			}
		} else {
			if err := k.appendResult(act, &k.wishes[n], &answers[n]); err != nil {
				return err
			}
			n++
		}
		k.out = append(k.out, ',')
		if err := wire.Fits(k.out); err != nil {
			return err
		}
	}
	k.out = wire.CloseArray(k.out)
	k.out = append(k.out, `,"error-list":[`...)
	if ended != nil {
		k.out = appendEnded(k.out, reply.Describe(ended))
	}
	k.out = append(k.out, "]}"...)
	return nil
}

// appendEnded appends the codes that make snapd renew its credentials.
func appendEnded(b []byte, f reply.Failure) []byte {
	for i, one := range append([]reply.Failure{f}, f.Also...) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"code":`...)
		b = wire.AppendString(b, one.Code)
		b = append(b, `,"message":`...)
		b = wire.AppendString(b, one.Message)
		b = append(b, '}')
	}
	return b
}

// tell says what the device has to whoever counts it.
func (k *refreshWork) tell(a *api, r *http.Request) {
	device := k.asker.Who.Device
	if a.seen == nil || device.IsZero() {
		return
	}
	for i := range k.request.context {
		s := &k.request.context[i]
		k.has = append(k.has, store.Installed{PackageID: s.snapID, Revision: s.revision, Channel: s.trackingChannel})
	}
	a.seen(device, k.arch, r.UserAgent(), k.has)
}

// check refuses a request whose actions could not be told apart, or that no
// version of the protocol knows.
func (k *refreshWork) check() error {
	groups := 0
	for i := range k.request.context {
		key := k.request.context[i].instanceKey
		if _, twice := k.keys[key]; twice {
			return store.Invalidf(codeInstanceKeyTwice, "cannot use /context/%d: the instance-key %.128q occurs twice", i, key)
		}
		k.keys[key] = i
	}
	for i := range k.request.actions {
		act := &k.request.actions[i]
		switch act.kind {
		case kindInstall, kindDownload, kindRefresh:
			switch {
			case act.instanceKey == "":
				return store.Invalidf(codeMissingInstanceKey, "cannot use /actions/%d: it has no instance-key", i)
			case k.seen[act.instanceKey]:
				return store.Invalidf(codeInstanceKeyTwice, "cannot use /actions/%d: the instance-key %.128q occurs twice", i, act.instanceKey)
			}
			k.seen[act.instanceKey] = true
			if k.arch == "" {
				return store.Invalidf(codeMissingHeader, "cannot choose revisions without the header %s", headerArchitecture.v2)
			}
			if err := k.checkSnap(i, act); err != nil {
				return err
			}
		case kindFetchAssertions:
			// A space cannot begin an instance-key of snapd's, so one set serves both.
			group := " " + act.key
			if groups++; groups > maxGroups {
				return store.Invalidf(reply.CodeBadJSON, "cannot use /actions/%d: more than %d groups of assertions", i, maxGroups)
			}
			switch {
			case act.key == "":
				return store.Invalidf(codeMissingAssertionsKey, "cannot use /actions/%d: it has no key", i)
			case k.seen[group]:
				return store.Invalidf(codeAssertionsKeyTwice, "cannot use /actions/%d: the key %.128q occurs twice", i, act.key)
			}
			k.seen[group] = true
		default:
			return store.Invalidf(reply.CodeBadJSON, "cannot use /actions/%d/action: %.64q is not an action here", i, act.kind)
		}
	}
	return nil
}

func (k *refreshWork) checkSnap(i int, act *action) error {
	_, installed := k.keys[act.instanceKey]
	switch {
	case act.kind == kindRefresh && !installed:
		return store.Invalidf(codeMissingContext, "cannot use /actions/%d: the context has no snap with the instance-key %.128q", i, act.instanceKey)
	case act.kind != kindRefresh && act.name == "" && act.snapID == "":
		return store.Invalidf(reply.CodeBadJSON, "cannot use /actions/%d: it has neither name nor snap-id", i)
	}
	return nil
}

// wish turns the actions on snaps into questions to the catalog.
func (k *refreshWork) wish(a *api, r *http.Request) error {
	byDefault := tracksDefault(r)
	// Only the serial in a session tells one machine from another; an
	// instance-key is the snap's id, or keyed with a salt of the device.
	phase := device.PhaseIdentity(k.asker.Who)
	for i := range k.request.actions {
		act := &k.request.actions[i]
		if act.kind == kindFetchAssertions {
			continue
		}
		var p pending
		wish := catalog.Wish{Ref: store.Ref{ID: act.snapID, Name: act.name}, Query: store.Query{
			Action: store.Action(act.kind), TracksDefault: byDefault, Architecture: k.arch,
			Revision: act.revision, Epoch: act.epoch, Phase: phase,
		}}
		channel, cohort := act.channel, act.cohortKey
		if act.kind == kindRefresh {
			have := &k.request.context[k.keys[act.instanceKey]]
			wish.Ref = store.Ref{ID: cmp.Or(act.snapID, have.snapID)}
			wish.Query.Installed = have.revision
			wish.Query.Epoch = &have.epoch
			channel = cmp.Or(channel, have.trackingChannel)
			cohort = cmp.Or(cohort, have.cohortKey)
		}
		var err error
		if wish.Query.Channel, err = store.ParseChannel(channel); err != nil {
			p.err = err
		}
		if cohort != "" {
			if err := k.join(a, r, &wish, &p, cohort); err != nil {
				return err
			}
		}
		k.wishes, k.pending = append(k.wishes, wish), append(k.pending, p)
	}
	return nil
}

// join puts a wish under a cohort's view, or notes why it cannot yet.
func (k *refreshWork) join(a *api, r *http.Request, wish *catalog.Wish, p *pending, key string) error {
	if wish.Ref.ID == "" && key != device.LatestCohort {
		p.cohort = key
		return nil
	}
	cohort, err := a.devices.ParseCohort(r.Context(), key, wish.Ref.ID)
	switch {
	case store.KindOf(err) == store.KindInvalid:
		p.err = cmp.Or(p.err, err)
		return nil
	case err != nil:
		return err
	}
	wish.Query.IgnorePhasing = true
	if !cohort.Latest {
		wish.AsOf = store.CohortView(cohort.Created, a.now())
	}
	return nil
}

// resolve asks the catalog: once, and once more for the snaps whose cohort
// key could not be read before their id was known.
func (k *refreshWork) resolve(a *api, r *http.Request) ([]catalog.Answer, error) {
	if len(k.wishes) == 0 {
		return nil, nil
	}
	answers, err := a.catalog.Resolve(r.Context(), k.asker, store.Snap, k.wishes)
	if err != nil {
		return nil, err
	}
	var again []catalog.Wish
	var at []int
	for i := range k.pending {
		if p := &k.pending[i]; p.cohort != "" && p.err == nil && answers[i].Snapshot != nil {
			k.wishes[i].Ref = store.Ref{ID: answers[i].Snapshot.Package().ID}
			if err := k.join(a, r, &k.wishes[i], p, p.cohort); err != nil {
				return nil, err
			}
			again, at = append(again, k.wishes[i]), append(at, i)
		}
	}
	if len(again) > 0 {
		late, err := a.catalog.Resolve(r.Context(), k.asker, store.Snap, again)
		if err != nil {
			return nil, err
		}
		for n, i := range at {
			answers[i] = late[n]
		}
	}
	for i := range k.pending {
		if err := k.pending[i].err; err != nil && answers[i].Snapshot != nil {
			answers[i].Err = err
		}
	}
	return answers, nil
}

// appendResult appends the result of one action on a snap.
func (k *refreshWork) appendResult(act *action, wish *catalog.Wish, answer *catalog.Answer) error {
	name, id := act.name, wish.Ref.ID
	if s := answer.Snapshot; s != nil {
		name, id = s.Package().Name, s.Package().ID
	}
	b := append(k.out, `{"result":"`...)
	if answer.Err == nil {
		b = append(b, act.kind...)
	} else {
		b = append(b, "error"...)
	}
	b = append(b, `","instance-key":`...)
	b = wire.AppendString(b, act.instanceKey)
	b = append(b, `,"snap-id":`...)
	b = wire.AppendNullable(b, id)
	b = append(b, `,"name":`...)
	// Without a name snapd would not know which snap has failed.
	b = wire.AppendString(b, cmp.Or(name, id))
	if answer.Err != nil {
		k.out = b
		return k.appendError(answer.Err)
	}
	choice := &answer.Choice
	b = append(b, `,"effective-channel":"`...)
	if choice.Effective.Track != "" { // by revision there is none
		b = append(b, choice.Effective.Name()...)
	}
	b = append(b, '"')
	if choice.Redirect != nil {
		b = append(b, `,"redirect-channel":"`...)
		b = append(b, choice.Redirect.Name()...)
		b = append(b, '"')
	}
	var deltas []store.Delta
	facts := answer.Snapshot.Facts
	if have := wish.Query.Installed; have != 0 && have != choice.Revision.Number && len(k.deltas) > 0 && len(facts.Deltas) > 0 {
		deltas = store.DeltasFor(facts, have, choice.Revision.Number, k.deltas)
	}
	b = append(b, `,"snap":{`...)
	b, err := snapObject(b, answer.Snapshot, choice.Revision, k.request.fields, k.base, choice.Resources, deltas)
	if err != nil {
		return err
	}
	b = wire.CloseObject(b)
	k.out = append(b, '}')
	return nil
}

// appendError ends a result that has failed. A failure that is not about the
// snap fails the whole request.
func (k *refreshWork) appendError(err error) error {
	switch store.KindOf(err) {
	case store.KindNotFound, store.KindInvalid, store.KindForbidden, store.KindConflict:
	default:
		return err
	}
	f := reply.Describe(err)
	b := append(k.out, `,"error":{"code":`...)
	b = wire.AppendString(b, f.Code)
	b = append(b, `,"message":`...)
	b = wire.AppendString(b, f.Message)
	var detail *store.NoRevision
	if errors.As(err, &detail) {
		b = append(b, `,"extra":{"releases":`...)
		b = wire.AppendArray(b, detail.Offered, func(b []byte, s store.Slot) []byte {
			b = append(b, `{"architecture":`...)
			b = wire.AppendString(b, s.Architecture)
			b = append(b, `,"channel":`...)
			b = wire.AppendString(b, s.Channel.Name())
			return append(b, '}')
		})
		b = append(b, '}')
	}
	k.out = append(b, "}}"...)
	return nil
}
