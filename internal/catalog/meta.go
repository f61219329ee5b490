package catalog

import (
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// metaOf turns what inspection read into what the domain keeps.
func metaOf(i *inspect.SnapInfo) store.Meta {
	m := store.Meta{
		Type: i.Type, Base: i.Base, Confinement: i.Confinement, Grade: i.Grade,
		Epoch: store.Epoch{Read: i.Epoch.Read, Write: i.Epoch.Write},
		Title: i.Title, Summary: i.Summary, Description: i.Description, License: i.License,
		Links: i.Links, CommonIDs: i.CommonIDs, Assumes: i.Assumes,
	}
	for _, app := range i.Apps {
		m.Apps = append(m.Apps, app.Name)
		for _, alias := range app.Aliases {
			m.Aliases = append(m.Aliases, store.Alias{Name: alias, Target: app.Name})
		}
	}
	for _, plug := range i.Plugs {
		if plug.DefaultProvider != "" {
			m.Providers = append(m.Providers, plug.DefaultProvider)
		}
	}
	for _, c := range i.Components {
		if m.Components == nil {
			m.Components = make(map[string]string)
		}
		m.Components[c.Name] = c.Type
	}
	return m
}
