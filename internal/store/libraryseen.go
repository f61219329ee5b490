package store

// SeesLibraries reports whether who may fetch the libraries of a charm when asking
// store v: everybody who sees the charm, and whoever may publish libraries of it.
func SeesLibraries(v View, p Package, who Principal) bool {
	return Visible(v, p, who) || who.NeedOn(PermLibrary, &p) == nil
}
