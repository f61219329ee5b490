package snappublisher

import (
	"errors"
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// smallBody bounds requests that hold a few words.
const smallBody = 64 << 10

func (a *api) namesV1() []reply.Route {
	return []reply.Route{
		{Pattern: "POST /dev/api/register-name", Handle: a.registerName},
		{Pattern: "POST /dev/api/register-name-dispute", Handle: a.disputeName},
	}
}

// registerName answers POST register-name. Series is of no account: there is
// only one.
func (a *api) registerName(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Name    string `json:"snap_name"`
		Private bool   `json:"is_private"`
		Store   string `json:"store"`
	}
	who, err := a.asks(w, r, smallBody, &body)
	if err == nil {
		err = a.ready(r, who)
	}
	if err != nil {
		failV1(w, r, err)
		return
	}
	_, try := r.URL.Query()["dry_run"]
	made, err := a.Catalog.Register(r.Context(), who, catalog.Registration{
		Name: body.Name, StoreID: body.Store, Private: body.Private, Try: try,
	})
	if err != nil {
		failV1(w, r, a.registration(r, body.Name, err))
		return
	}
	status, id := http.StatusCreated, any(made.ID)
	if try {
		status, id = http.StatusOK, nil
	}
	reply.JSON(w, r, status, map[string]any{"snap_id": id, "snap_name": made.Name})
}

// registration adds what older clients look for besides the code of a name that
// cannot be had.
func (a *api) registration(r *http.Request, name string, err error) error {
	switch store.CodeOf(err) {
	case catalog.CodeReservedName, catalog.CodeAlreadyRegistered, catalog.CodeAlreadyClaimed:
		return with(err, "register_name_url", a.BaseURL(r)+disputeOf(name))
	}
	return err
}

func disputeOf(name string) string { return "/dev/api/register-name-dispute/?snap_name=" + name }

func (a *api) disputeName(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Name    string `json:"snap_name"`
		Comment string `json:"comment"`
	}
	who, err := a.asks(w, r, smallBody, &body)
	if err != nil {
		failV1(w, r, err)
		return
	}
	d, err := a.Catalog.Dispute(r.Context(), who, body.Name, body.Comment)
	if err != nil {
		failV1(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusCreated, map[string]any{
		"snap_name": d.Name, "status_url": a.BaseURL(r) + disputeOf(d.Name),
	})
}

// asks reads who asks, and then the JSON that it sends.
func (a *api) asks(w http.ResponseWriter, r *http.Request, limit int64, body any) (store.Principal, error) {
	who, err := a.who(r)
	if err == nil {
		err = reply.Decode(w, r, limit, body)
	}
	return who, err
}

// with adds what programs need to a store error.
func with(err error, key string, value any) error {
	var e *store.Error
	if errors.As(err, &e) {
		return e.With(key, value)
	}
	return err
}
