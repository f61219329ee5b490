package inspect_test

import "testing"

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
