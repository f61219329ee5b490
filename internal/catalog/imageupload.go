package catalog

import (
	"context"
	"crypto/rand"
	"errors"
	"io"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Piece is some bytes of an upload.
type Piece struct {
	Offset int64 // where they begin; -1 is where the last ended
	Size   int64 // bytes; -1 is unknown
	Bytes  io.Reader
}

// BeginImageUpload makes room for a blob of unknown size and returns the id that
// goes on with it. It needs the right to push. An account has store.MaxImageUploads
// at a time, of which a new one replaces those that stand still.
func (c *Catalog) BeginImageUpload(ctx context.Context, who store.Principal, repo store.ImageRepo) (id string, err error) {
	if err := c.mayImage(ctx, who, repo, true); err != nil {
		return "", err
	}
	id = store.NewID(rand.Reader)
	_, err = c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		if _, err := pushedTo(tx, who, repo); err != nil {
			return err
		}
		if err := roomForRepo(tx, repo); err != nil {
			return err
		}
		count, _, err := tx.ImageUploads(who.Name)
		if err != nil {
			return err
		}
		if count >= store.MaxImageUploads {
			dropped, err := tx.DropImageUploads(who.Name, tx.Now().Add(-store.ImageIdle))
			if err != nil {
				return err
			}
			if dropped == 0 {
				return store.Unavailablef("too-many-uploads", "cannot begin an upload: %d others are under way", count).
					Try("finish or cancel one of them, or try again in an hour")
			}
		}
		return tx.AddImageUpload(store.ImageUpload{ID: id, Repo: repo, Actor: who.Name})
	})
	return id, err
}

// imageUpload finds an upload of who to a repository. Another's does not exist.
func imageUpload(tx *db.Tx, who store.Principal, repo store.ImageRepo, id string) (store.ImageUpload, error) {
	if _, err := pushedTo(tx, who, repo); err != nil {
		return store.ImageUpload{}, err
	}
	u, err := tx.ImageUpload(id)
	if err == nil && (u.Repo != repo || u.Actor != who.Name) {
		return store.ImageUpload{}, store.NotFoundf(store.CodeUploadUnknown, "there is no such upload, or it was left alone for too long").
			Try("begin a new one")
	}
	return u, err
}

// ImageUploadSize says how much of an upload is here. It needs the right to push.
func (c *Catalog) ImageUploadSize(ctx context.Context, who store.Principal, repo store.ImageRepo, id string) (size int64, err error) {
	u, err := c.imageUploadOf(ctx, who, repo, id)
	return u.Size(), err
}

func (c *Catalog) imageUploadOf(ctx context.Context, who store.Principal, repo store.ImageRepo, id string) (u store.ImageUpload, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		u, err = imageUpload(tx, who, repo, id)
		return err
	})
	return u, err
}

// CodePieceOutOfOrder is the code of a piece that begins where the last did not
// end. Extra has the bytes that are here as "size".
const CodePieceOutOfOrder = "piece-out-of-order"

func outOfOrder(size int64) error {
	return store.Conflictf(CodePieceOutOfOrder, "the piece does not begin where the last one ended, at %d", size).With("size", size)
}

// AppendImageUpload adds a piece and returns how much is here then. It needs the
// right to push.
//
// Order: the piece becomes a durable blob, then one transaction adds it to the
// upload. A process that dies in between leaves a blob that gc removes, and the
// upload as it was.
func (c *Catalog) AppendImageUpload(ctx context.Context, who store.Principal, repo store.ImageRepo, id string, p Piece) (size int64, err error) {
	u, err := c.imageUploadOf(ctx, who, repo, id)
	if err != nil {
		return 0, err
	}
	if err := mayAppend(u, p); err != nil {
		return u.Size(), err
	}
	b, err := c.stageImage(ctx, who, imageBytes{repo: repo, size: p.Size, before: u.Size(), r: p.Bytes})
	if err != nil || b.Size == 0 {
		return u.Size(), err
	}
	return c.appendImage(ctx, who, u, b)
}

func mayAppend(u store.ImageUpload, p Piece) error {
	if p.Offset >= 0 && p.Offset != u.Size() {
		return outOfOrder(u.Size())
	}
	if len(u.Pieces) >= store.MaxImagePieces {
		return store.TooLargef(store.CodeUploadInvalid, "an upload has no more than %d pieces", store.MaxImagePieces).
			Try("send larger ones")
	}
	return nil
}

// appendImage adds a blob to what an upload had.
func (c *Catalog) appendImage(ctx context.Context, who store.Principal, had store.ImageUpload, b store.Blob) (size int64, err error) {
	most, err := c.maxUpload(ctx)
	if err != nil {
		return had.Size(), err
	}
	if had.Size()+b.Size > most {
		return had.Size(), store.TooLargef("size-invalid", "cannot take the upload: it is larger than %d bytes", most)
	}
	_, err = c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		u, err := imageUpload(tx, who, had.Repo, had.ID)
		if err != nil {
			return err
		}
		if u.Size() != had.Size() {
			return outOfOrder(u.Size())
		}
		if err := addImageBlob(tx, b); err != nil {
			return err
		}
		return tx.AddImagePiece(u.ID, store.ImagePiece{Offset: u.Size(), Blob: b})
	})
	if err != nil {
		return had.Size(), err
	}
	return had.Size() + b.Size, nil
}

// FinishImageUpload makes a blob of the repository of an upload, after one more
// piece, which may be empty: whole, and of this digest, or the upload is over. It
// needs the right to push.
//
// Bytes that came in one piece are a blob already. Of several one is made, in a
// second pass.
func (c *Catalog) FinishImageUpload(ctx context.Context, who store.Principal, repo store.ImageRepo, id, digest string, p Piece) error {
	u, err := c.imageUploadOf(ctx, who, repo, id)
	if err != nil {
		return err
	}
	if err := store.CheckImageDigest(digest); err != nil {
		return err
	}
	if err := mayAppend(u, p); err != nil {
		return err
	}
	b, err := c.wholeImage(ctx, who, &u, digest, p)
	if store.CodeOf(err) == store.CodeDigestInvalid {
		return errors.Join(err, c.endImageUpload(ctx, who, repo, id))
	}
	if err != nil {
		return err
	}
	most, err := c.imageQuota(ctx)
	if err != nil {
		return err
	}
	_, err = c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		now, err := imageUpload(tx, who, repo, id)
		if err != nil {
			return err
		}
		if now.Size() != u.Size() {
			return outOfOrder(now.Size())
		}
		return keepImage(tx, who, repo, b, id, most)
	})
	return err
}

// keepImage gives a blob its row, puts it into the repository, and ends the upload
// that it came by, if any.
func keepImage(tx *db.Tx, who store.Principal, repo store.ImageRepo, b store.Blob, upload string, most int64) error {
	if err := addImageBlob(tx, b); err != nil {
		return err
	}
	if upload != "" {
		if _, err := tx.RemoveImageUpload(upload); err != nil {
			return err
		}
	}
	return linkImage(tx, who, repo, b, most)
}

// wholeImage makes one blob of all pieces.
func (c *Catalog) wholeImage(ctx context.Context, who store.Principal, u *store.ImageUpload, digest string, p Piece) (store.Blob, error) {
	if len(u.Pieces) == 0 {
		return c.stageImage(ctx, who, imageBytes{repo: u.Repo, size: p.Size, digest: digest, r: p.Bytes})
	}
	if p.Size != 0 {
		b, err := c.stageImage(ctx, who, imageBytes{repo: u.Repo, size: p.Size, before: u.Size(), r: p.Bytes})
		if err != nil {
			return b, err
		}
		if b.Size > 0 {
			if _, err := c.appendImage(ctx, who, *u, b); err != nil {
				return b, err
			}
			u.Pieces = append(u.Pieces, store.ImagePiece{Offset: u.Size(), Blob: b})
		}
	}
	if len(u.Pieces) > 1 {
		all := &pieces{ctx: ctx, blobs: c.blobs, left: u.Pieces}
		defer all.Close()
		return c.stageImage(ctx, who, imageBytes{repo: u.Repo, size: u.Size(), digest: digest, r: all})
	}
	b := u.Pieces[0].Blob
	if store.ImageDigest(b.SHA256) != digest {
		return b, store.Invalidf(store.CodeDigestInvalid, "the bytes are %s, not %s", store.ImageDigest(b.SHA256), digest)
	}
	return b, nil
}

// pieces reads the pieces of an upload one after the other.
type pieces struct {
	ctx   context.Context
	blobs blob.Store
	left  []store.ImagePiece
	open  blob.Reader // nil between two
}

func (p *pieces) Read(b []byte) (int, error) {
	for {
		if p.open == nil {
			if len(p.left) == 0 {
				return 0, io.EOF
			}
			var err error
			if p.open, err = p.blobs.Open(p.ctx, p.left[0].Blob.Digest, p.left[0].Blob.Size); err != nil {
				return 0, err
			}
			p.left = p.left[1:]
		}
		n, err := p.open.Read(b)
		if err == io.EOF {
			p.Close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (p *pieces) Close() {
	if p.open != nil {
		p.open.Close()
		p.open = nil
	}
}

// PutImageBlob takes a blob in one go. It needs the right to push.
//
// Order: the bytes become a durable blob, then one transaction puts it into the
// repository.
func (c *Catalog) PutImageBlob(ctx context.Context, who store.Principal, repo store.ImageRepo, digest string, p Piece) error {
	if err := c.mayImage(ctx, who, repo, true); err != nil {
		return err
	}
	if err := store.CheckImageDigest(digest); err != nil {
		return err
	}
	b, err := c.stageImage(ctx, who, imageBytes{repo: repo, size: p.Size, digest: digest, r: p.Bytes})
	if err != nil {
		return err
	}
	most, err := c.imageQuota(ctx)
	if err != nil {
		return err
	}
	_, err = c.db.Update(ctx, who.Name, func(tx *db.Tx) error { return keepImage(tx, who, repo, b, "", most) })
	return err
}

// CancelImageUpload forgets an upload. It needs the right to push.
func (c *Catalog) CancelImageUpload(ctx context.Context, who store.Principal, repo store.ImageRepo, id string) error {
	if _, err := c.imageUploadOf(ctx, who, repo, id); err != nil {
		return err
	}
	return c.endImageUpload(ctx, who, repo, id)
}

// endImageUpload gives an upload up. What came of it counts as blobs of the
// repository that no manifest needs, until they are collected: else whoever sends
// and cancels, again and again, would fill the disk.
func (c *Catalog) endImageUpload(ctx context.Context, who store.Principal, repo store.ImageRepo, id string) error {
	_, err := c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		u, err := imageUpload(tx, who, repo, id)
		if err != nil {
			return err
		}
		for _, piece := range u.Pieces {
			if err := tx.LinkImageBlob(repo, piece.Blob); err != nil {
				return err
			}
		}
		_, err = tx.RemoveImageUpload(id)
		return err
	})
	return err
}
