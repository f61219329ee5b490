package snappublisher

import (
	"errors"
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) metricsV1() []reply.Route {
	return []reply.Route{{Pattern: "POST /dev/api/snaps/metrics", Handle: a.metrics}}
}

// maxFilters bounds the questions of one request. Web pages ask about a dozen.
const maxFilters = 100

// wireFilter is one question.
type wireFilter struct {
	SnapID string `json:"snap_id"`
	Name   string `json:"metric_name"`
	Start  string `json:"start"`
	End    string `json:"end"`
}

// wireMetric is the answer to one question. Newer clients refuse any other key,
// and null among the values.
type wireMetric struct {
	Status  string       `json:"status"`
	SnapID  string       `json:"snap_id"`
	Name    string       `json:"metric_name"`
	Buckets []string     `json:"buckets"`
	Series  []wireSeries `json:"series"`
}

type wireSeries struct {
	Name     string `json:"name"`
	Values   []int  `json:"values"`
	Released *bool  `json:"currently_released,omitempty"`
}

func (a *api) metrics(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	filters, queries, err := readFilters(w, r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	results, err := a.Catalog.Metrics(r.Context(), who, store.Snap, queries)
	if err != nil {
		failV1(w, r, err)
		return
	}
	list := make([]wireMetric, len(results))
	for i, result := range results {
		m := wireMetric{
			Status: result.Status, SnapID: filters[i].SnapID, Name: filters[i].Name, Buckets: result.Buckets, Series: []wireSeries{},
		}
		for _, s := range result.Series {
			m.Series = append(m.Series, wireSeries(s))
		}
		list[i] = m
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"metrics": list})
}

func readFilters(w http.ResponseWriter, r *http.Request) ([]wireFilter, []catalog.MetricQuery, error) {
	var body struct {
		Filters []wireFilter `json:"filters"`
	}
	if err := reply.Decode(w, r, smallBody, &body); err != nil {
		return nil, nil, err
	}
	switch {
	case len(body.Filters) == 0:
		return nil, nil, store.Invalidf("required", "say under filters what to tell").With("name", "filters")
	case len(body.Filters) > maxFilters:
		return nil, nil, store.Invalidf("invalid-request", "cannot answer more than %d filters at once", maxFilters)
	}
	var faults []*store.Error
	queries := make([]catalog.MetricQuery, len(body.Filters))
	for i, f := range body.Filters {
		q := &queries[i]
		q.PackageID = f.SnapID
		var err error
		if q.Metric, err = store.ParseMetric(f.Name); err == nil {
			q.Days, err = store.ParseDays(f.Start, f.End)
		}
		var e *store.Error
		if errors.As(err, &e) {
			faults = append(faults, e.With("index", i).With("start", f.Start).With("end", f.End))
		}
	}
	return body.Filters, queries, store.Together(faults)
}
