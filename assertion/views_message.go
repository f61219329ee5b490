package assertion

import (
	"fmt"
	"strings"
	"time"
)

// DeviceID names a device in messages, written serial.model.brand.
type DeviceID struct {
	Serial  string
	Model   string
	BrandID string
}

// ParseDeviceID reads serial.model.brand.
func ParseDeviceID(s string) (DeviceID, error) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || !serialPattern.MatchString(parts[0]) || !modelPattern.MatchString(parts[1]) || !accountIDPattern.MatchString(parts[2]) {
		return DeviceID{}, fmt.Errorf("cannot read device id %s: it must be serial.model.brand", quote(s))
	}
	return DeviceID{Serial: parts[0], Model: parts[1], BrandID: parts[2]}, nil
}

func (d DeviceID) String() string { return d.Serial + "." + d.Model + "." + d.BrandID }

// SerialRef names the device's serial assertion.
func (d DeviceID) SerialRef() Ref { return ref(serialType, d.BrandID, d.Model, d.Serial) }

// RequestMessage tells devices to do something.
type RequestMessage struct {
	AccountID  string
	MessageID  string
	Kind       string
	Devices    []DeviceID
	Assumes    []string
	ValidSince time.Time
	ValidUntil time.Time
	Timestamp  time.Time
}

func readRequestMessage(a *Assertion, h *fields) (any, error) {
	v := &RequestMessage{
		AccountID:  h.matching("account-id", accountIDPattern),
		MessageID:  a.key[1],
		Kind:       h.text("message-kind"),
		Assumes:    h.texts("assumes"),
		ValidSince: h.date("valid-since"),
		ValidUntil: h.date("valid-until"),
		Timestamp:  h.date("timestamp"),
	}
	h.mandatory("devices")
	for _, s := range h.texts("devices") {
		d, err := ParseDeviceID(s)
		if err != nil {
			h.fail("devices", "must be a list of serial.model.brand: %s", quote(s))
		}
		v.Devices = append(v.Devices, d)
	}
	if h.err == nil && v.ValidUntil.Before(v.ValidSince) {
		h.fail("valid-until", "must not be before valid-since")
	}
	return v, h.err
}

// ResponseMessage is a device's answer to a request-message.
type ResponseMessage struct {
	AccountID string
	MessageID string
	Device    DeviceID
	Status    string
	Timestamp time.Time
}

func readResponseMessage(a *Assertion, h *fields) (any, error) {
	v := &ResponseMessage{
		AccountID: h.matching("account-id", accountIDPattern),
		MessageID: a.key[1],
		Status:    h.text("status"),
		Timestamp: h.date("timestamp"),
	}
	d, err := ParseDeviceID(a.key[2])
	if err != nil {
		h.fail("device", "must be serial.model.brand: %s", quote(a.key[2]))
	}
	v.Device = d
	return v, h.err
}
