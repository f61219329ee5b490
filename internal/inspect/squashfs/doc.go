// Package squashfs reads and writes squashfs 4.0 images, the container of
// snaps and components.
//
// The reader ([Open]) is for hostile input. It loads no table up front, believes no
// size it has not compared with the image, decompresses one block at a time into
// a buffer of the block's legal size, and charges every decompressed byte to a
// budget. It looks up the few files a store needs; it is not a file system to mount.
//
// The writer ([Write]) is the smallest that the kernel and squashfs-tools accept:
// everything owned by root, one time stamp, no fragments, no extended attributes,
// so that equal input gives equal bytes.
//
// The layout of the format is public: https://dr-emann.github.io/squashfs/
package squashfs
