package transfer

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/store"
)

// Limits bound what one archive may bring. The zero value takes the defaults.
type Limits struct {
	Members       int   // members of an archive, directories included; default 20,000
	DocumentBytes int64 // of one JSON document; default 4 MiB
	Assertions    int   // in one archive; default 100,000
	// AssertionBytes of all assertions of one archive; default 64 MiB.
	AssertionBytes int64
	ImageBytes     int64 // of one snap or component; default 64 GiB
	// Inflation is how many bytes one byte of a compressed archive may become,
	// once more than 64 MiB have been read; default 200. Snaps are compressed
	// already and stay near 1.
	Inflation int64
}

func (l Limits) withDefaults() Limits {
	def := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	if l.Members == 0 {
		l.Members = 20_000
	}
	if l.Assertions == 0 {
		l.Assertions = 100_000
	}
	def(&l.DocumentBytes, 4<<20)
	def(&l.AssertionBytes, 64<<20)
	def(&l.ImageBytes, 64<<30)
	def(&l.Inflation, 200)
	return l
}

// freeInflation is how much an archive may inflate before Inflation counts.
const freeInflation = 64 << 20

// bundle is what was found in an archive or in files that belong together.
type bundle struct {
	images     []image
	assertions []*assertion.Assertion
	facts      facts // from all its documents
}

// image is a staged squashfs: a snap or a component.
type image struct {
	name   string // of the member or file, for messages
	staged blob.Staged
}

// discard drops what was staged and not committed.
func (b *bundle) discard() {
	for _, i := range b.images {
		i.staged.Discard()
	}
}

// What the first bytes of a member tell.
var (
	squashfsMagic = []byte("hsqs")
	gzipMagic     = []byte{0x1f, 0x8b}
)

// reader takes members in and sorts them by what they are, never by what they
// are called.
type reader struct {
	blobs  blob.Store
	limits Limits
	onRead func(n int64) // progress: bytes of the source that were read; may be nil
	bundle bundle
	// asserted is how many bytes the assertions have.
	asserted int64
	in       *bufio.Reader // of the member that is being read
}

// blockSize is that of tar.
const blockSize = 512

// archive reads a tar file, compressed or not.
func (r *reader) archive(ctx context.Context, name string, src io.Reader) error {
	counted := &countingReader{r: src, on: r.onRead}
	in := bufio.NewReaderSize(counted, 256<<10)
	var tarball io.Reader = in
	if head, _ := in.Peek(2); bytes.Equal(head, gzipMagic) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return damaged(name, err)
		}
		defer z.Close()
		tarball = &inflating{z: z, packed: counted, limit: r.limits.Inflation, name: name}
	} else if len(head) == 0 && counted.err != nil {
		return fmt.Errorf("cannot read %s: %w", name, counted.err)
	}
	blocks := &countingReader{r: tarball}
	t := tar.NewReader(blocks)
	var end int64 // of the last member
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if err == io.EOF && blocks.n >= end+blockSize {
			break
		}
		if err == io.EOF { // without the empty block that ends an archive
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return notArchive(name, err)
		}
		end = blocks.n + (h.Size+blockSize-1)/blockSize*blockSize
		if n == r.limits.Members {
			return store.TooLargef("archive-too-large", "cannot use %s: it has more than %d members", name, r.limits.Members).
				Try("split it, or push the files in it")
		}
		if err := checkMember(name, h); err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := r.member(ctx, path.Base(name)+":"+h.Name, t); err != nil {
			return err
		}
	}
	// What a truncated download lacks may be only the checksum behind the tar.
	if _, err := io.Copy(io.Discard, io.LimitReader(tarball, freeInflation)); err != nil {
		return notArchive(name, err)
	}
	return nil
}

// checkMember refuses what no tool writes into an archive of snaps. Nothing is
// ever unpacked under a member's name, so such a name could do no harm here;
// but whoever made it meant some.
func checkMember(archive string, h *tar.Header) error {
	bad := func(why string) error {
		return store.Invalidf("unsafe-archive", "cannot use %s: its member %.200q %s", archive, h.Name, why).
			Try("make the archive again with the export tool")
	}
	clean := path.Clean(h.Name)
	switch {
	case strings.HasPrefix(h.Name, "/") || strings.Contains(h.Name, `\`):
		return bad("has an absolute path")
	case clean == ".." || strings.HasPrefix(clean, "../") || strings.Contains("/"+h.Name+"/", "/../"):
		return bad("leads out of the archive")
	}
	for record := range h.PAXRecords {
		// A hole of any size takes no room in the archive.
		if strings.HasPrefix(record, "GNU.sparse.") {
			return bad("is a sparse file")
		}
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeXGlobalHeader:
		return nil
	case tar.TypeSymlink, tar.TypeLink:
		return bad("is a link")
	}
	return bad("is neither a file nor a directory")
}

// member takes in one file, by what its first bytes say it is.
func (r *reader) member(ctx context.Context, name string, src io.Reader) error {
	if r.in == nil {
		r.in = bufio.NewReaderSize(src, 64<<10)
	}
	in := r.in
	in.Reset(src)
	head, err := in.Peek(512)
	if err != nil && err != io.EOF {
		return notArchive(name, err)
	}
	switch {
	case bytes.HasPrefix(head, squashfsMagic):
		staged, err := r.blobs.Stage(ctx, in, blob.PutOptions{MaxSize: r.limits.ImageBytes})
		if err != nil {
			return r.notTaken(name, err)
		}
		r.bundle.images = append(r.bundle.images, image{name, staged})
		return nil
	case bytes.HasPrefix(head, []byte("type: ")):
		return r.assertions(name, in)
	case looksLikeJSON(head):
		text, err := io.ReadAll(io.LimitReader(in, r.limits.DocumentBytes+1))
		if err != nil {
			return notArchive(name, err)
		}
		if int64(len(text)) > r.limits.DocumentBytes {
			return store.TooLargef("document-too-large", "cannot use %s: it is larger than %d bytes", name, r.limits.DocumentBytes)
		}
		return r.bundle.facts.readJSON(text)
	case looksLikeYAML(head):
		text, err := io.ReadAll(io.LimitReader(in, maxYAML+1))
		if err != nil {
			return notArchive(name, err)
		}
		if len(text) <= maxYAML { // a longer text is a log or a script, not a list of packages
			return r.bundle.facts.readYAML(text)
		}
	}
	// Anything else is none of ours: a note, a checksum file, a script.
	return nil
}

func (r *reader) assertions(name string, in io.Reader) error {
	d := assertion.NewDecoder(in, assertion.RepairLimits)
	for {
		a, err := d.Decode()
		if err == io.EOF {
			return nil
		}
		if known := new(store.Error); errors.As(err, &known) {
			return err
		}
		if err != nil {
			return store.Invalidf("invalid-assertion", "cannot read the assertions in %s", name).
				Try("copy or download it again").Because(err)
		}
		r.asserted += int64(len(a.Encoded()))
		if len(r.bundle.assertions) == r.limits.Assertions || r.asserted > r.limits.AssertionBytes {
			return store.TooLargef("archive-too-large", "cannot use %s: it brings more than %d assertions or %d bytes of them",
				name, r.limits.Assertions, r.limits.AssertionBytes)
		}
		r.bundle.assertions = append(r.bundle.assertions, a)
	}
}

// looksLikeJSON reports whether text may be a JSON document that can hold facts.
func looksLikeJSON(head []byte) bool {
	text := bytes.TrimSpace(head)
	return len(text) > 0 && (text[0] == '{' || text[0] == '[') && !bytes.ContainsRune(head, 0)
}

// looksLikeYAML reports whether text may be a YAML document that can hold facts.
func looksLikeYAML(head []byte) bool {
	return bytes.Contains(head, []byte(":")) && !bytes.ContainsRune(head, 0)
}

// notTaken says why an image was not taken in.
func (r *reader) notTaken(name string, err error) error {
	switch {
	case errors.Is(err, blob.ErrTooLarge):
		return store.TooLargef("snap-too-large", "cannot take in %s: it is larger than %d bytes", name, r.limits.ImageBytes)
	case errors.Is(err, blob.ErrNoSpace):
		return store.Unavailablef("no-space", "cannot take in %s: there is no room left for blobs", name).
			Try("free some disk space and push again").Because(err)
	}
	return notArchive(name, err)
}

// notArchive says what is wrong with bytes that cannot be read on.
func notArchive(name string, err error) error {
	var known *store.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return damaged(name, err)
	}
	return fmt.Errorf("cannot read %s: %w", name, err)
}

func damaged(name string, err error) error {
	return store.Invalidf("invalid-archive", "cannot read %s: it is damaged, cut off or no tar archive", name).
		Try("copy or make it again").Because(err)
}

// countingReader counts the bytes of the source that were read.
type countingReader struct {
	r  io.Reader
	n  int64
	on func(int64)
	// err is what ended the source, if it was not its end.
	err error
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.on != nil && n > 0 {
		c.on(int64(n))
	}
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// inflating stops a compressed archive that grows out of proportion.
type inflating struct {
	z      io.Reader
	packed *countingReader
	n      int64
	limit  int64
	name   string
}

func (i *inflating) Read(p []byte) (int, error) {
	n, err := i.z.Read(p)
	i.n += int64(n)
	if i.n > freeInflation && i.n/i.limit > i.packed.n {
		return n, store.TooLargef("archive-bomb", "cannot read %s: it inflates to more than %d times its size", i.name, i.limit).
			Try("push the files in it instead")
	}
	if err != nil && err != io.EOF && i.packed.err == nil {
		return n, damaged(i.name, err)
	}
	return n, err
}
