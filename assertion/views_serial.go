package assertion

import (
	"crypto/sha3"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"time"
)

// Serial is a device's identity.
type Serial struct {
	BrandID   string
	Model     string
	Serial    string
	DeviceKey *PublicKey
	Timestamp time.Time
}

func readSerial(a *Assertion, h *fields) (any, error) {
	v := &Serial{
		BrandID:   h.matching("brand-id", accountIDPattern),
		Model:     h.modelName(),
		Serial:    a.key[2],
		DeviceKey: h.key("device-key"),
		Timestamp: h.date("timestamp"),
	}
	id := h.text("device-key-sha3-384")
	if h.err == nil && id != v.DeviceKey.ID() {
		h.fail("device-key-sha3-384", "must be the id of device-key, %s: %s", v.DeviceKey.ID(), quote(id))
	}
	return v, h.err
}

// SerialRequest is how a device asks for a serial.
type SerialRequest struct {
	BrandID   string
	Model     string
	RequestID string
	Serial    string // proposed; may be empty
	DeviceKey *PublicKey
	// The identity the device had before, in a remodel.
	OriginalBrandID string
	OriginalModel   string
	OriginalSerial  string
}

func readSerialRequest(a *Assertion, h *fields) (any, error) {
	v := &SerialRequest{
		BrandID:         h.text("brand-id"),
		Model:           h.modelName(),
		RequestID:       h.text("request-id"),
		Serial:          h.textOr("serial", ""),
		DeviceKey:       h.key("device-key"),
		OriginalBrandID: a.HeaderString("original-brand-id"),
		OriginalModel:   a.HeaderString("original-model"),
		OriginalSerial:  a.HeaderString("original-serial"),
	}
	if h.err == nil && v.DeviceKey.ID() != a.SignKeyID() {
		h.reject("not signed with the device-key it carries")
	}
	return v, h.err
}

// DeviceSessionRequest is how a device asks for a session.
type DeviceSessionRequest struct {
	BrandID   string
	Model     string
	Serial    string
	Nonce     string
	Timestamp time.Time
}

func readDeviceSessionRequest(a *Assertion, h *fields) (any, error) {
	v := &DeviceSessionRequest{
		BrandID:   a.key[0],
		Model:     h.modelName(),
		Serial:    a.key[2],
		Nonce:     h.text("nonce"),
		Timestamp: h.date("timestamp"),
	}
	return v, h.err
}

// HardwareIdentity is a manufacturer's word on a piece of hardware.
type HardwareIdentity struct {
	IssuerID     string
	Manufacturer string
	HardwareName string
	HardwareID   string
	HardwareKey  any // as crypto/x509 reads it
}

func readHardwareIdentity(a *Assertion, h *fields) (any, error) {
	v := &HardwareIdentity{
		IssuerID:     h.matching("issuer-id", accountIDPattern),
		Manufacturer: h.text("manufacturer"),
		HardwareName: h.matching("hardware-name", modelPattern),
		HardwareID:   h.text("hardware-id"),
	}
	body := h.text("hardware-id-key")
	id := h.digest("hardware-id-key-sha3-384")
	if h.err != nil {
		return nil, h.err
	}
	if sum := sha3.Sum384([]byte(body)); base64.RawURLEncoding.EncodeToString(sum[:]) != id {
		h.fail("hardware-id-key-sha3-384", "must be the digest of hardware-id-key")
	}
	block, _ := pem.Decode([]byte("-----BEGIN PUBLIC KEY-----\n" + strings.TrimSpace(body) + "\n-----END PUBLIC KEY-----\n"))
	if block == nil {
		h.fail("hardware-id-key", "must be the body of a PEM public key")
		return nil, h.err
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		h.fail("hardware-id-key", "must be the body of a PEM public key: %w", err)
	}
	v.HardwareKey = k
	return v, h.err
}
