package squashfs

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// memory is an image in memory.
type memory struct{ data []byte }

func (m *memory) WriteAt(p []byte, pos int64) (int, error) {
	if need := int(pos) + len(p); need > len(m.data) {
		m.data = append(m.data, make([]byte, need-len(m.data))...)
	}
	return copy(m.data[pos:], p), nil
}

// plain writes an image without compression, so that tests can bend its bytes.
func plain(t testing.TB, files ...File) []byte {
	t.Helper()
	var m memory
	if _, err := Write(&m, files, Options{Compression: None}); err != nil {
		t.Fatal(err)
	}
	return m.data
}

func file(path, content string) File {
	return File{Path: path, Size: int64(len(content)), Content: strings.NewReader(content)}
}

func link(path, target string) File {
	return File{Path: path, Mode: fs.ModeSymlink, Target: target}
}

func read(image []byte, name string, limits Limits) ([]byte, error) {
	im, err := Open(bytes.NewReader(image), int64(len(image)), limits)
	if err != nil {
		return nil, err
	}
	return im.ReadFile(context.Background(), name, 1<<20)
}

// bend changes the superblock of an image.
func bend(t testing.TB, image []byte, change func(*superblock)) []byte {
	t.Helper()
	var sb superblock
	if _, err := binary.Decode(image, binary.LittleEndian, &sb); err != nil {
		t.Fatal(err)
	}
	change(&sb)
	return append(encode(sb), image[superblockSize:]...)
}

// replace exchanges bytes that occur exactly once after the superblock.
func replace(t testing.TB, image []byte, old, new any) []byte {
	t.Helper()
	o, n := encode(old), encode(new)
	if len(o) != len(n) || bytes.Count(image[superblockSize:], o) != 1 {
		t.Fatalf("cannot bend image: %x occurs %d times", o, bytes.Count(image[superblockSize:], o))
	}
	return bytes.Replace(bytes.Clone(image), o, n, 1)
}

// allocated is how many bytes f takes from the heap, collected or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestSuperblockLiesAreRefused(t *testing.T) {
	good := plain(t, file("a", "content"))
	for name, c := range map[string]struct {
		want   error
		change func(*superblock)
	}{
		"magic":                       {ErrNotSquashfs, func(sb *superblock) { sb.Magic++ }},
		"version 3":                   {ErrUnsupported, func(sb *superblock) { sb.Major = 3 }},
		"version 4.1":                 {ErrUnsupported, func(sb *superblock) { sb.Minor = 1 }},
		"lzma":                        {ErrUnsupported, func(sb *superblock) { sb.Compression = compressionLZMA }},
		"unknown compression":         {ErrUnsupported, func(sb *superblock) { sb.Compression = 99 }},
		"block size zero":             {ErrCorrupt, func(sb *superblock) { sb.BlockSize, sb.BlockLog = 0, 0 }},
		"block size huge":             {ErrCorrupt, func(sb *superblock) { sb.BlockSize, sb.BlockLog = 1<<31, 31 }},
		"block size odd":              {ErrCorrupt, func(sb *superblock) { sb.BlockSize = 5000 }},
		"block size and logarithm":    {ErrCorrupt, func(sb *superblock) { sb.BlockLog = 65535 }},
		"larger than the file":        {ErrCorrupt, func(sb *superblock) { sb.BytesUsed = 1 << 40 }},
		"smaller than its tables":     {ErrCorrupt, func(sb *superblock) { sb.BytesUsed = 100 }},
		"no inodes":                   {ErrCorrupt, func(sb *superblock) { sb.Inodes = 0 }},
		"too many inodes":             {ErrCorrupt, func(sb *superblock) { sb.Inodes = 1<<32 - 1 }},
		"fewer inodes than there are": {ErrCorrupt, func(sb *superblock) { sb.Inodes = 1 }},
		"inode table in superblock":   {ErrCorrupt, func(sb *superblock) { sb.InodeTable = 8 }},
		"inode table past the end":    {ErrCorrupt, func(sb *superblock) { sb.InodeTable = 1 << 63 }},
		"tables in the wrong order":   {ErrCorrupt, func(sb *superblock) { sb.InodeTable, sb.DirTable = sb.DirTable, sb.InodeTable }},
		"directory table at the end":  {ErrCorrupt, func(sb *superblock) { sb.DirTable = sb.BytesUsed }},
		"fragment table missing":      {ErrCorrupt, func(sb *superblock) { sb.Fragments = 1 }},
		"root outside the table":      {ErrCorrupt, func(sb *superblock) { sb.RootInode = 1<<64 - 1 }},
		"root inside a record":        {ErrCorrupt, func(sb *superblock) { sb.RootInode++ }},
		"root is a file":              {ErrCorrupt, func(sb *superblock) { sb.RootInode = 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := read(bend(t, good, c.change), "a", Limits{}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestFilesThatAreNoImageAreRefused(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty":   {},
		"short":   []byte("hsqs"),
		"zip":     append([]byte("PK\x03\x04"), make([]byte, 200)...),
		"zeros":   make([]byte, 5000),
		"shebang": []byte(strings.Repeat("#!/bin/sh\n", 50)),
	} {
		if _, err := read(data, "a", Limits{}); !errors.Is(err, ErrNotSquashfs) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileShorterThanAnnouncedIsCorrupt(t *testing.T) {
	image := plain(t, file("a", "content"))
	im, err := Open(bytes.NewReader(image[:110]), int64(len(image)), Limits{})
	if err == nil {
		_, err = im.ReadFile(context.Background(), "a", 100)
	}
	if !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}

func TestReadErrorsAreNotCalledCorruption(t *testing.T) {
	broken := errors.New("disk on fire")
	_, err := Open(failing{broken}, 4096, Limits{})
	if !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func TestCancellingStopsReading(t *testing.T) {
	image := plain(t, file("a", "content"))
	im, err := Open(bytes.NewReader(image), int64(len(image)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := im.ReadFile(ctx, "a", 100); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestInodeAndDirectoryLiesAreRefused(t *testing.T) {
	good := plain(t, file("dir/aaa", "content"), file("dir/bbb", "more"))
	// Number order: root 1, dir 2, aaa 3, bbb 4. Reading order: see writeDir.
	type run struct{ Count, Block, Number uint32 }
	type entry struct {
		Offset, Delta, Type, Size uint16
		Name                      [3]byte
	}
	aaa := entry{0, 0, typeFile, 2, [3]byte{'a', 'a', 'a'}}
	with := func(change func(*entry)) []byte {
		e := aaa
		change(&e)
		return replace(t, good, aaa, e)
	}
	withRun := func(r run) []byte {
		type start struct {
			Run   run
			First entry
		}
		return replace(t, good, start{run{1, 0, 3}, aaa}, start{r, aaa})
	}
	for name, image := range map[string][]byte{
		"run of 2^32 entries":    withRun(run{1<<32 - 1, 0, 3}),
		"run longer than listed": withRun(run{2, 0, 3}),
		"inode in another block": withRun(run{1, 500, 3}),
		"inode offset":           with(func(e *entry) { e.Offset = 7000 }),
		"name too long":          with(func(e *entry) { e.Size = 300 }),
		"name runs over":         with(func(e *entry) { e.Size = 200 }),
		"name of two dots":       with(func(e *entry) { e.Size, e.Name = 1, [3]byte{'.', '.', 0} }),
		"name with a slash":      with(func(e *entry) { e.Name = [3]byte{'a', '/', 'a'} }),
		"name with a zero":       with(func(e *entry) { e.Name = [3]byte{'a', 0, 'a'} }),
		"same name twice":        with(func(e *entry) { e.Name = [3]byte{'b', 'b', 'b'} }),
		"names out of order":     with(func(e *entry) { e.Name = [3]byte{'c', 'c', 'c'} }),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := read(image, "dir/aaa", Limits{}); !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v", err)
			}
			if _, err := read(image, "dir/bbb", Limits{}); !errors.Is(err, ErrCorrupt) {
				if name != "inode offset" { // of the other file
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestFileLiesAreRefused(t *testing.T) {
	good := plain(t, file("a", "content"))
	body := fileBody{Start: superblockSize, Size: 7, Fragment: noFragment}
	type withMark struct {
		Body fileBody
		Mark uint32
	}
	honest := withMark{body, 7 | storedBlock}
	with := func(change func(*withMark)) []byte {
		w := honest
		change(&w)
		return replace(t, good, honest, w)
	}
	for name, image := range map[string][]byte{
		"longer than its block":      with(func(w *withMark) { w.Body.Size = 9 }),
		"shorter than its block":     with(func(w *withMark) { w.Body.Size = 3 }),
		"block before the data":      with(func(w *withMark) { w.Body.Start = 10 }),
		"block past the end":         with(func(w *withMark) { w.Body.Start = 1<<32 - 1 }),
		"block larger than legal":    with(func(w *withMark) { w.Mark = storedBlock - 1 }),
		"stored block too large":     with(func(w *withMark) { w.Mark = storedBlock | 100 }),
		"block is not compressed":    with(func(w *withMark) { w.Mark = 7 }),
		"fragment that is not there": with(func(w *withMark) { w.Body.Fragment = 0 }),
		"fragment index huge":        with(func(w *withMark) { w.Body.Fragment = noFragment - 1 }),
		"more blocks than listed":    with(func(w *withMark) { w.Body.Size = 1 << 20 }),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := read(image, "a", Limits{}); !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestALongFileIsRefusedBeforeItIsRead(t *testing.T) {
	const size = 1 << 30
	image := plain(t, File{Path: "a", Size: size, Content: io.LimitReader(zeros{}, size)})
	var err error
	if n := allocated(func() { _, err = read(image, "a", Limits{}) }); n > 1<<20 {
		t.Errorf("took %d bytes", n)
	}
	if !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestDirectoryThatContainsItselfEnds(t *testing.T) {
	image := plain(t, file("loop/file", "content"))
	// The root's only entry, "loop", is turned to the root's own inode.
	var sb superblock
	if _, err := binary.Decode(image, binary.LittleEndian, &sb); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(image, []byte("loop")) - listingPerName
	binary.LittleEndian.PutUint16(image[at:], uint16(sb.RootInode))
	if _, err := read(image, "loop/loop/loop/file", Limits{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := read(image, strings.Repeat("loop/", 1000)+"file", Limits{}); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
}

func TestSymbolicLinks(t *testing.T) {
	image := plain(t,
		file("dir/file", "content"), link("dir/up", "../dir/./file"), link("to-dir", "dir"), link("twice", "to-dir/up"),
		link("out", "../etc/passwd"), link("dir/out", "../../etc/passwd"), link("absolute", "/dir/file"),
		link("self", "self"), link("ping", "pong"), link("pong", "ping"), link("dangling", "nothing"),
		link("deep", strings.Repeat("dir/../", 100)+"dir/file"),
	)
	for name, want := range map[string]error{
		"dir/up": nil, "to-dir/file": nil, "twice": nil,
		"out": ErrSymlink, "dir/out": ErrSymlink, "absolute": ErrSymlink, "self": ErrSymlink, "ping": ErrSymlink,
		"dangling": fs.ErrNotExist, "dir/file/x": fs.ErrNotExist, "deep": ErrLimit, "to-dir": ErrNotRegular, "../dir/file": ErrSymlink,
	} {
		got, err := read(image, name, Limits{})
		if !errors.Is(err, want) || (want == nil) != (string(got) == "content") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestLimitsHold(t *testing.T) {
	var files []File
	for i := range 600 {
		files = append(files, file("dir/"+strings.Repeat("x", 40)+string(rune('a'+i/26))+string(rune('a'+i%26)), "y"))
	}
	image := plain(t, files...)
	for name, limits := range map[string]Limits{
		"entries": {Entries: 599}, "decompressed": {Decompressed: 16 << 10}, "depth": {Depth: 1},
	} {
		if _, err := read(image, files[0].Path, limits); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := read(image, files[0].Path, Limits{Entries: 600}); err != nil || string(got) != "y" {
		t.Errorf("within the limits: %q, %v", got, err)
	}
}

// bombs are blocks that decompress to very much more than a metadata block holds.
func bombs(t *testing.T) map[uint16][]byte {
	const size = 2 << 20
	made := map[uint16][]byte{}
	pack := func(id uint16, w io.WriteCloser, out *bytes.Buffer) {
		if _, err := io.CopyN(w, zeros{}, size); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		made[id] = out.Bytes()
	}
	var gz, zs, x bytes.Buffer
	pack(compressionGzip, zlib.NewWriter(&gz), &gz)
	zw, err := zstd.NewWriter(&zs, zstd.WithWindowSize(512<<10))
	if err != nil {
		t.Fatal(err)
	}
	pack(compressionZstd, zw, &zs)
	xw, err := xz.WriterConfig{DictCap: 1 << 20, CheckSum: xz.CRC32}.NewWriter(&x)
	if err != nil {
		t.Fatal(err)
	}
	pack(compressionXZ, xw, &x)
	l := make([]byte, lz4.CompressBlockBound(size))
	n, err := new(lz4.Compressor).CompressBlock(make([]byte, size), l)
	if err != nil {
		t.Fatal(err)
	}
	made[compressionLZ4] = l[:n]
	// LZO: one literal, then a match as long as its run of zero bytes says.
	lzoBomb := append([]byte{18, 'x', 0x20}, make([]byte, size/255)...)
	made[compressionLZO] = append(lzoBomb, 1, 0, 0, 0x11, 0, 0)
	return made
}

func TestBombsStopAtTheBlockSize(t *testing.T) {
	for id, bomb := range bombs(t) {
		t.Run(codecs[id].name, func(t *testing.T) {
			dst := make([]byte, metadataSize)
			if _, err := codecs[id].inflate(dst[:16], codecs[id].pack16(t)); err != nil {
				t.Fatalf("an honest block gives %v", err) // also warms the decoder up
			}
			var err error
			n := allocated(func() { _, err = codecs[id].inflate(dst, bomb) })
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v", err)
			}
			if n > 1<<20 {
				t.Errorf("took %d bytes for a block of %d", n, metadataSize)
			}
		})
	}
}

// pack16 is an honest block of sixteen zero bytes.
func (c codec) pack16(t testing.TB) []byte {
	t.Helper()
	zeros := make([]byte, 16)
	switch c.name {
	case "gzip":
		return newZlib()(zeros)
	case "xz":
		return deflateXZ(zeros)
	case "zstd":
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.EncodeAll(zeros, nil)
	case "lz4":
		return append([]byte{0xf0, 1}, zeros...)
	case "lzo":
		return append(append([]byte{17 + 16}, zeros...), 0x11, 0, 0)
	}
	t.Fatalf("no block for %s", c.name)
	return nil
}

// An xz header may ask for a dictionary of 4 GiB.
func TestXZDictionaryIsNotAllocatedAsAskedFor(t *testing.T) {
	block := deflateXZ(make([]byte, 16))
	header := block[xzHeaderSize : xzHeaderSize+12]
	at := bytes.Index(header, []byte{xzFilterLZMA2, 1}) + 2
	header[at] = 40 // 4 GiB - 1
	binary.LittleEndian.PutUint32(header[8:], crc32.ChecksumIEEE(header[:8]))
	dst := make([]byte, 16)
	var err error
	if n := allocated(func() { _, err = inflateXZ(dst, block) }); n > 1<<20 || err != nil {
		t.Errorf("took %d bytes, %v", n, err)
	}
}

func TestXZRefusesWhatItCannotUndo(t *testing.T) {
	good := deflateXZ([]byte(strings.Repeat("content ", 10)))
	dst := make([]byte, 80)
	if n, err := inflateXZ(dst, good); n != 80 || err != nil {
		t.Fatalf("honest block: %d, %v", n, err)
	}
	for i := range len(good) {
		if _, err := inflateXZ(dst, good[:i]); err == nil && i < len(good)-32 {
			t.Errorf("cut to %d of %d bytes: no error", i, len(good))
		}
	}
	bcj := bytes.Clone(good)
	header := bcj[xzHeaderSize : xzHeaderSize+12]
	header[2] = 0x04 // x86
	binary.LittleEndian.PutUint32(header[8:], crc32.ChecksumIEEE(header[:8]))
	if _, err := codecs[compressionXZ].inflate(dst, bcj); !errors.Is(err, ErrUnsupported) {
		t.Errorf("x86 filter: %v", err)
	}
}

func TestMetadataBombInAnImageIsRefused(t *testing.T) {
	bomb := newZlib()(make([]byte, 7<<20))
	if len(bomb) > metadataSize {
		t.Fatalf("bomb of %d bytes does not fit a metadata block", len(bomb))
	}
	sb := superblock{
		Magic: magic, Inodes: 1, BlockSize: 4096, BlockLog: 12, Compression: compressionGzip, Major: 4,
		InodeTable: superblockSize, DirTable: superblockSize + 2 + uint64(len(bomb)),
		BytesUsed: superblockSize + 2 + uint64(len(bomb)) + 10, FragmentTable: noTable, XattrTable: noTable, ExportTable: noTable,
	}
	image := binary.LittleEndian.AppendUint16(encode(sb), uint16(len(bomb)))
	image = append(append(image, bomb...), make([]byte, 10)...)
	var err error
	if n := allocated(func() { _, err = read(image, "a", Limits{}) }); n > 1<<20 {
		t.Errorf("took %d bytes", n)
	}
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), errOutputTooLong.Error()) {
		t.Error(err)
	}
}

func TestADecoderThatPanicsIsAnError(t *testing.T) {
	c := codec{"odd", func(dst, src []byte) (int, error) { return len(dst[:len(src)+1]), nil }}
	if _, err := c.inflate(make([]byte, 1), make([]byte, 1)); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}
