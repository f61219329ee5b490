package inspect

import (
	"github.com/larder-store/larder/internal/inspect/squashfs"
	"github.com/larder-store/larder/internal/inspect/ziparchive"
)

// Limits bound what inspecting one upload may cost in memory and time. Zero fields
// take the defaults named beside them; real snaps stay far below.
type Limits struct {
	// YAMLBytes is the length of snap.yaml, component.yaml, or one document of a charm.
	// A parsed document takes about a hundred times its text at worst.
	YAMLBytes int64 // 256 KiB
	// YAMLExpanded is the length a document would have with every alias written
	// out, counting 16 bytes for each value.
	YAMLExpanded int64 // 4 MiB
	// YAMLKeys is how many keys one map may have; the parser compares them pairwise.
	YAMLKeys int // 4096
	// YAMLDepth is how deep lists and maps may nest.
	YAMLDepth int // 64
	// IconBytes is the size of an icon; devices refuse icons above 300 000 bytes.
	IconBytes int64 // 300 000
	// DesktopFiles and DesktopBytes bound the .desktop files and the size of each.
	DesktopFiles int   // 64
	DesktopBytes int64 // 64 KiB
	// ReadmeBytes is the length of a charm's README.md.
	ReadmeBytes int64 // 512 KiB
	// Image bounds the squashfs reader, Archive that of zip archives.
	Image   squashfs.Limits
	Archive ziparchive.Limits
}

func (l Limits) withDefaults() Limits {
	orDefault(&l.YAMLBytes, 256<<10)
	orDefault(&l.YAMLExpanded, 4<<20)
	orDefault(&l.YAMLKeys, 4096)
	orDefault(&l.YAMLDepth, 64)
	orDefault(&l.IconBytes, 300_000)
	orDefault(&l.DesktopFiles, 64)
	orDefault(&l.DesktopBytes, 64<<10)
	orDefault(&l.ReadmeBytes, 512<<10)
	return l
}

func orDefault[T int | int64](v *T, fallback T) {
	if *v == 0 {
		*v = fallback
	}
}
