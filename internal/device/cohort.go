package device

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// LatestCohort is the key that asks for the newest view without phasing.
const LatestCohort = "+"

// Cohort is a fixed view of one snap's channel map.
type Cohort struct {
	// Created is when the key was made; zero for none.
	Created time.Time
	// Latest asks for the newest view, progressive releases included.
	Latest bool
}

// A cohort key is the unpadded URL-safe base64 of
//
//	version (1 byte) | mark of the ring's key (8) | creation, Unix microseconds (8) | MAC (16)
//
// where the MAC covers what stands before it and the snap-id. Creation is as
// fine as the times of releases: the view must hold one made just before it.
const (
	cohortVersion = 1
	cohortHead    = 1 + 8 + 8
	cohortMAC     = 16
	cohortText    = (cohortHead + cohortMAC) * 8 / 6 // rounded down; 33 bytes give exactly 44
)

// CohortKey makes the key that fixes the view of a snap's channel map as it
// is at now.
func (d *Devices) CohortKey(ctx context.Context, snapID string, now time.Time) (string, error) {
	ring, err := d.cohorts.current(ctx)
	if err != nil {
		return "", err
	}
	raw := make([]byte, 0, cohortHead+cohortMAC)
	raw = append(raw, cohortVersion)
	raw = append(raw, ring[0].mark[:]...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(now.UnixMicro()))
	raw = append(raw, ring[0].cohortMAC(raw, snapID)...)
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// ParseCohort reads a key that CohortKey made for this snap, on any node of
// this store. It fails with kind invalid, code invalid-cohort-key.
func (d *Devices) ParseCohort(ctx context.Context, key, snapID string) (Cohort, error) {
	if key == LatestCohort {
		return Cohort{Latest: true}, nil
	}
	bad := store.Invalidf(codeCohort, "cannot use the cohort key: it was not made by this store for this snap").
		Try("make a new one with snap create-cohort")
	if len(key) != cohortText {
		return Cohort{}, bad
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(key)
	if err != nil || raw[0] != cohortVersion {
		return Cohort{}, bad
	}
	head, mac := raw[:cohortHead], raw[cohortHead:]
	k, err := d.cohorts.lookup(ctx, markBytes(head[1:9]))
	if err != nil {
		return Cohort{}, err
	}
	if k == nil || !hmac.Equal(mac, k.cohortMAC(head, snapID)) {
		return Cohort{}, bad
	}
	return Cohort{Created: time.UnixMicro(int64(binary.BigEndian.Uint64(head[9:]))).UTC()}, nil
}

func (k ringKey) cohortMAC(head []byte, snapID string) []byte {
	h := hmac.New(sha256.New, k.key[:])
	h.Write(head)
	h.Write([]byte(snapID))
	return h.Sum(nil)[:cohortMAC]
}
