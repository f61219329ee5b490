package charmhub

import (
	"cmp"
	"errors"
	"net/http"
	"sync"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) refreshRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "POST /v2/charms/refresh", Handle: a.refresh},
	}
}

// The kinds of action are store.Action's words.
const (
	kindInstall  = string(store.ActionInstall)
	kindDownload = string(store.ActionDownload)
	kindRefresh  = string(store.ActionRefresh)
)

// Codes of requests whose actions could not be told apart, and of one that asks
// for nothing.
const (
	codeMissingContext     = "missing-context"
	codeMissingInstanceKey = "missing-instance-key"
	codeInstanceKeyTwice   = "instance-key-not-unique"
	codeBadArgument        = "bad-argument"
)

// refresh answers POST /v2/charms/refresh: what a model should have of the charms
// it names. Every action gets one result, in order, since juju's revision worker
// fails when the counts differ; what is wrong with one stays with it.
func (a *api) refresh(w http.ResponseWriter, r *http.Request) {
	work := works.Get().(*refreshWork)
	defer work.release()
	if err := work.run(a, w, r); err != nil {
		reply.Fail(w, r, consumerErrors, err)
		return
	}
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, work.out)
}

// refreshWork is everything one request needs, kept for the next.
type refreshWork struct {
	request refreshRequest
	base    string // as within a JSON string

	wishes []catalog.CharmWish // one for each action, in order
	errs   []error             // what is wrong with an action, known before it was asked
	keys   map[string]int      // index in request.context by instance-key
	seen   map[string]bool     // instance-keys of the actions
	offers int                 // told so far
	out    []byte
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
	clear(k.errs)
	clear(k.keys)
	clear(k.seen)
	*k = refreshWork{
		request: refreshRequest{context: k.request.context[:0], actions: k.request.actions[:0]},
		wishes:  k.wishes[:0], errs: k.errs[:0], keys: k.keys, seen: k.seen, out: k.out[:0],
	}
	works.Put(k)
}

func (k *refreshWork) run(a *api, w http.ResponseWriter, r *http.Request) error {
	asker, err := a.asker(r)
	if err != nil {
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
	if err := k.check(); err != nil {
		return err
	}
	k.wish()
	k.base = a.base(r)
	k.out = append(k.out, `{"results":[`...)
	for from := 0; from < len(k.wishes); from += together {
		part := k.wishes[from:min(from+together, len(k.wishes))]
		answers, err := a.Catalog.ResolveCharms(r.Context(), asker, part)
		if err != nil {
			return err
		}
		for i := range answers {
			if err := k.errs[from+i]; err != nil && answers[i].Snapshot != nil {
				answers[i].Err = err
			}
			if err := k.appendResult(a, r, from+i, &answers[i]); err != nil {
				return err
			}
			k.out = append(k.out, ',')
			if err := wire.Fits(k.out); err != nil {
				return err
			}
		}
	}
	k.out = append(wire.CloseArray(k.out), `,"error-list":[]}`...)
	return nil
}

// together is how many actions are asked at once: as many packages as one query of
// the database takes.
const together = 256

// check refuses a request whose actions could not be told apart.
func (k *refreshWork) check() error {
	for i := range k.request.context {
		key := k.request.context[i].instanceKey
		if key == "" {
			return store.Invalidf(codeMissingInstanceKey, "cannot use /context/%d: it has no instance-key", i)
		}
		if _, twice := k.keys[key]; twice {
			return store.Invalidf(codeInstanceKeyTwice, "cannot use /context/%d: the instance-key %.128q occurs twice", i, key)
		}
		k.keys[key] = i
	}
	for i := range k.request.actions {
		act := &k.request.actions[i]
		_, installed := k.keys[act.instanceKey]
		switch {
		case act.kind != kindInstall && act.kind != kindDownload && act.kind != kindRefresh:
			return store.Invalidf(codeBadArgument, "cannot use /actions/%d/action: %.64q is not an action here", i, act.kind)
		case act.instanceKey == "":
			return store.Invalidf(codeMissingInstanceKey, "cannot use /actions/%d: it has no instance-key", i)
		case k.seen[act.instanceKey]:
			return store.Invalidf(codeInstanceKeyTwice, "cannot use /actions/%d: the instance-key %.128q occurs twice", i, act.instanceKey)
		case act.kind == kindRefresh && !installed:
			return store.Invalidf(codeMissingContext, "cannot use /actions/%d: the context has no charm with the instance-key %.128q", i, act.instanceKey)
		case act.kind != kindRefresh && act.name == "" && act.id == "":
			return store.Invalidf(codeBadArgument, "cannot use /actions/%d: it has neither name nor id", i)
		}
		k.seen[act.instanceKey] = true
	}
	return nil
}

// wish turns the actions into questions to the catalog.
func (k *refreshWork) wish() {
	for i := range k.request.actions {
		act := &k.request.actions[i]
		wish := catalog.CharmWish{Ref: store.Ref{ID: act.id, Name: act.name}, Pins: act.pins, Query: store.CharmQuery{
			Action: store.Action(act.kind), Revision: act.revision,
		}}
		channel, base := act.channel, act.base
		if act.kind == kindRefresh {
			have := &k.request.context[k.keys[act.instanceKey]]
			wish.Ref = store.Ref{ID: cmp.Or(act.id, have.id)}
			wish.Query.Installed = have.revision
			// juju derives the key from model and application: it stays.
			wish.Query.Phase = act.instanceKey
			channel = cmp.Or(channel, have.trackingChannel)
			if base == nil {
				base = &have.base
			}
		}
		if base != nil {
			wish.Query.Base = *base
		}
		var err error
		wish.Query.Channel, err = store.ParseChannel(channel)
		k.wishes, k.errs = append(k.wishes, wish), append(k.errs, err)
	}
}

// appendResult appends the result of the i-th action.
func (k *refreshWork) appendResult(a *api, r *http.Request, i int, answer *catalog.Answer) error {
	act, wish := &k.request.actions[i], &k.wishes[i]
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
	b = append(b, `,"id":`...)
	b = wire.AppendString(b, id)
	b = append(b, `,"name":`...)
	b = wire.AppendString(b, name)
	if answer.Err != nil {
		k.out = b
		return k.appendError(answer, wish.Query.Channel)
	}
	choice := &answer.Choice
	if effective := choice.EffectiveName(); effective != "" { // by revision there is none
		b = append(b, `,"effective-channel":"`...)
		b = append(b, effective...)
		b = append(b, '"')
		if choice.Release != nil {
			b = append(b, `,"released-at":`...)
			b = wire.AppendTime(b, choice.Release.At)
		}
	}
	sheet, err := sheetOf(answer.Snapshot, choice.Revision)
	if err != nil {
		return err
	}
	b = append(b, `,"charm":{`...)
	b = sheet.AppendTo(b, uint64(k.request.fields&^fieldResources), k.base)
	if k.request.fields&fieldResources != 0 {
		b = append(b, `"resources":`...)
		b, err = a.appendAttachments(b, r, k.base, answer.Snapshot.Package(), choice.Revision, answer.Attachments)
		if err != nil {
			return err
		}
	}
	k.out = append(wire.CloseObject(b), '}')
	return nil
}

// appendError ends a result that has failed. A failure that is not about the
// charm fails the whole request.
func (k *refreshWork) appendError(answer *catalog.Answer, asked store.Channel) error {
	switch store.KindOf(answer.Err) {
	case store.KindNotFound, store.KindInvalid, store.KindForbidden, store.KindConflict:
	default:
		return answer.Err
	}
	f := reply.Describe(answer.Err)
	b := append(k.out, `,"error":{"code":`...)
	b = wire.AppendString(b, f.Code)
	b = append(b, `,"message":`...)
	b = wire.AppendString(b, f.Message)
	var none *store.NoCharmRevision
	var base *store.NoBase
	switch {
	case errors.As(answer.Err, &none):
		b = append(b, `,"extra":{"releases":`...)
		b = appendOffers(b, k.mayOffer(none.Offered), asked, answer.Snapshot.Package().DefaultTrack)
		b = append(b, '}')
	case errors.As(answer.Err, &base):
		b = append(b, `,"extra":{"default-bases":`...)
		b = wire.AppendArray(b, base.DefaultBases, func(b []byte, p store.Platform) []byte {
			return appendMembers(b, baseMembers, p, everything)
		})
		b = append(b, '}')
	}
	k.out = append(b, "}}"...)
	return nil
}

// maxOffers bounds how many offers one answer has, beside those of the first action
// that fails: juju reads them when it deploys, which is one action.
const maxOffers = 10_000

// mayOffer is the offers as far as there is room for them: all or none.
func (k *refreshWork) mayOffer(offers []store.CharmOffer) []store.CharmOffer {
	if k.offers > 0 && k.offers+len(offers) > maxOffers {
		return nil
	}
	k.offers += len(offers)
	return offers
}

// appendOffers lists where else a charm can be had. juju looks for the channel it
// asked for by comparing texts, so that one is spelled as it was asked.
func appendOffers(b []byte, offers []store.CharmOffer, asked store.Channel, defaultTrack string) []byte {
	return wire.AppendArray(b, offers, func(b []byte, o store.CharmOffer) []byte {
		b = append(b, `{"base":`...)
		b = appendMembers(b, baseMembers, o.Base, everything)
		b = append(b, `,"channel":`...)
		b = wire.AppendString(b, store.SpellLike(asked, o.Channel, defaultTrack))
		return append(b, '}')
	})
}
