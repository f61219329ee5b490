package assertion

// Cluster describes devices that work together.
type Cluster struct {
	ClusterID string
	Sequence  int
	Devices   []ClusterDevice
}

// ClusterDevice is a member of a cluster.
type ClusterDevice struct {
	ID        int
	Addresses []string
}

func readCluster(a *Assertion, h *fields) (any, error) {
	v := &Cluster{ClusterID: a.key[0], Sequence: h.positive("sequence")}
	seen := make(map[int]bool)
	h.each("devices", func(f *fields) {
		d := ClusterDevice{ID: f.positive("id"), Addresses: f.texts("addresses")}
		if seen[d.ID] {
			f.fail("id", "is listed twice: %d", d.ID)
		}
		seen[d.ID] = true
		v.Devices = append(v.Devices, d)
	})
	h.each("subclusters", func(f *fields) { f.text("name") })
	return v, h.err
}
