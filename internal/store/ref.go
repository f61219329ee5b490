package store

// Ref names a package: by id, or else by name within a namespace.
type Ref struct {
	ID   string
	Name string
}

func (r Ref) String() string {
	if r.ID != "" {
		return r.ID
	}
	return r.Name
}
