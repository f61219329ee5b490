package inspect_test

import (
	"testing"

	"github.com/larder-store/larder/internal/inspect/charmtest"
)

func BenchmarkSnap(b *testing.B) {
	for name, image := range small(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := snapOf(image); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCharm(b *testing.B) {
	archives := map[string][]byte{"bundle": charmtest.BundleBytes(b, charmtest.BundleYAML)}
	for name, spec := range charmtest.Specimens() {
		archives[name] = charmtest.CharmBytes(b, spec)
	}
	for name, archive := range archives {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := charmOf(archive); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
