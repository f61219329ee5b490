package device

// The codes of this room's errors. Those of the public gateway keep its
// spelling.
const (
	// codeSessionRefresh: the session has ended or is not of this store; the
	// device gets in again by opening a new one. Dialects answer 401 with
	// refresh_device_session=1.
	codeSessionRefresh = "device-authorization-needs-refresh"
	// codeSessionForged: the token is not what it claims to be. Dialects
	// answer a plain 401, which devices report and do not retry.
	codeSessionForged = "device-authorization-invalid"

	codeNonce          = "invalid-nonce"
	codeSessionRequest = "invalid-device-session-request"
	codeSerial         = "invalid-serial-assertion"
	codeModel          = "invalid-model-assertion"
	codeTimestamp      = "device-clock-off"

	codeCohort = "invalid-cohort-key"

	codeRequestID     = "invalid-request-id"
	codeSerialRequest = "invalid-serial-request"
	codeSerialTaken   = "serial-taken"
	codeNoBrandKey    = "device-service-disallowed"

	// codeHeldOtherwise comes from the authority room: the same revision is
	// held with other bytes.
	codeHeldOtherwise = "assertion-conflict"
)
