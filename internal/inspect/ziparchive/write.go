package ziparchive

import (
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
)

// File is one member to write.
type File struct {
	Path    string
	Mode    fs.FileMode // permissions, and fs.ModeSymlink; zero stands for 0644
	Content []byte      // of a symbolic link its target
}

// The time of all members, since equal files are to give equal bytes: the first that
// the format knows, 1980-01-01 00:00.
const (
	writtenTime = 0
	writtenDate = 1<<5 | 1
)

// Write writes an archive as charmcraft makes it, with deflate and without entries for
// directories, and returns its size. Equal files give equal bytes. It packs what it is
// given, in that order, so that tests can make archives that Open refuses.
func Write(w io.Writer, files []File) (int64, error) {
	var size int64
	var directory []byte
	var packed bytes.Buffer
	z, err := flate.NewWriter(&packed, flate.DefaultCompression)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		packed.Reset()
		z.Reset(&packed)
		if _, err := z.Write(f.Content); err != nil {
			return size, err
		}
		if err := z.Close(); err != nil {
			return size, err
		}
		local, central, err := f.encode(packed.Bytes(), size)
		if err != nil {
			return size, err
		}
		n, err := w.Write(local)
		if size += int64(n); err != nil {
			return size, err
		}
		directory = append(directory, central...)
	}
	if len(files) >= 0xffff || size+int64(len(directory)) >= inZip64 {
		return size, fmt.Errorf("cannot write %d files in %d bytes: that needs zip64", len(files), size)
	}
	end := le.AppendUint32(nil, endSignature)
	end = append(end, 0, 0, 0, 0) // volumes
	end = le.AppendUint16(end, uint16(len(files)))
	end = le.AppendUint16(end, uint16(len(files)))
	end = le.AppendUint32(end, uint32(len(directory)))
	end = le.AppendUint32(end, uint32(size))
	end = le.AppendUint16(end, 0)
	n, err := w.Write(append(directory, end...))
	return size + int64(n), err
}

// encode gives a member with its local header, and its entry of the directory.
func (f File) encode(packed []byte, at int64) (local, central []byte, err error) {
	if len(f.Path) > 0xffff || len(f.Content) >= inZip64 || at >= inZip64 {
		return nil, nil, fmt.Errorf("cannot write %.120q: that needs zip64", f.Path)
	}
	shared := le.AppendUint16(nil, 20) // version that reading needs: 2.0, for deflate
	shared = le.AppendUint16(shared, flagsOf(f.Path))
	shared = le.AppendUint16(shared, deflated)
	shared = le.AppendUint16(shared, writtenTime)
	shared = le.AppendUint16(shared, writtenDate)
	shared = le.AppendUint32(shared, crc32.ChecksumIEEE(f.Content))
	shared = le.AppendUint32(shared, uint32(len(packed)))
	shared = le.AppendUint32(shared, uint32(len(f.Content)))
	shared = le.AppendUint16(shared, uint16(len(f.Path)))
	shared = le.AppendUint16(shared, 0) // extra fields

	local = append(le.AppendUint32(nil, localSignature), shared...)
	local = append(append(local, f.Path...), packed...)

	central = le.AppendUint32(nil, centralSignature)
	central = le.AppendUint16(central, creatorUnix<<8|20)
	central = append(central, shared...)
	central = append(central, 0, 0, 0, 0, 0, 0) // comment, volume, internal attributes
	central = le.AppendUint32(central, f.unixMode()<<modeShift)
	central = le.AppendUint32(central, uint32(at))
	return local, append(central, f.Path...), nil
}

func (f File) unixMode() uint32 {
	mode := uint32(f.Mode.Perm())
	if mode == 0 {
		mode = 0o644
	}
	if f.Mode&fs.ModeSymlink != 0 {
		return modeLink | mode
	}
	return modeFile | mode
}

// flagsOf marks names that are not ASCII, as Python does.
func flagsOf(name string) uint16 {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return flagUTF8
		}
	}
	return 0
}
