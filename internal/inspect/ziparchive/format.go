package ziparchive

import (
	"errors"
	"fmt"
)

// The kinds of fault of an archive, for errors.Is.
var (
	ErrNotZip      = errors.New("not a zip archive")
	ErrCorrupt     = errors.New("zip archive is corrupt")
	ErrUnsupported = errors.New("zip archive uses an unsupported feature")
	ErrUnsafe      = errors.New("zip archive is not safe to unpack")
	ErrLimit       = errors.New("zip archive exceeds a limit")
)

func corrupt(format string, args ...any) error { return fault(ErrCorrupt, format, args...) }
func unsafe(format string, args ...any) error  { return fault(ErrUnsafe, format, args...) }
func tooMuch(format string, args ...any) error { return fault(ErrLimit, format, args...) }

func fault(kind error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", kind, fmt.Sprintf(format, args...))
}

// Signatures and fixed lengths of the records, in bytes (PKWARE APPNOTE 4.3).
const (
	localSignature   = 0x04034b50
	centralSignature = 0x02014b50
	endSignature     = 0x06054b50

	localLength   = 30
	centralLength = 46
	endLength     = 22
	maxComment    = 1<<16 - 1
)

// Methods of compression.
const (
	stored   = 0
	deflated = 8
)

// Bits of the general purpose flags.
const (
	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3 // sizes and checksum stand behind the data
	flagPatched    = 1 << 5
	flagStrong     = 1 << 6
	flagUTF8       = 1 << 11
	flagMasked     = 1 << 13 // the local header hides what the directory says
)

// The Unix mode is in the upper half of the external attributes.
const (
	creatorUnix = 3
	modeShift   = 16
	modeType    = 0o170000
	modeFile    = 0o100000
	modeDir     = 0o040000
	modeLink    = 0o120000
)

// inZip64 stands in a 32-bit field whose value is in a zip64 record.
const inZip64 = 0xffffffff

// Limits bound what reading an archive may cost. Zero fields take the defaults named
// beside them.
type Limits struct {
	// Entries and DirectoryBytes bound the directory, which is held in memory.
	Entries        int   // 40 000
	DirectoryBytes int64 // 8 MiB
	// NameBytes is the length of a member's name.
	NameBytes int // 1024
	// UnpackedBytes is what all members together may unpack to.
	UnpackedBytes int64 // 4 GiB
	// Ratio is how many times its own size an archive may unpack to, once that is
	// more than 64 MiB. Deflate cannot reach more than 1032.
	Ratio int64 // 200
}

// ratioFree is what any archive may unpack to, in bytes.
const ratioFree = 64 << 20

func (l Limits) withDefaults() Limits {
	if l.Entries == 0 {
		l.Entries = 40_000
	}
	if l.DirectoryBytes == 0 {
		l.DirectoryBytes = 8 << 20
	}
	if l.NameBytes == 0 {
		l.NameBytes = 1024
	}
	if l.UnpackedBytes == 0 {
		l.UnpackedBytes = 4 << 30
	}
	if l.Ratio == 0 {
		l.Ratio = 200
	}
	return l
}
