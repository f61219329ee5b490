package assertion

// View is any of the typed readings of an assertion; see [As].
type View interface {
	Account | AccountKey | AccountKeyRequest | BaseDeclaration | Cluster | ConfdbControl | ConfdbSchema |
		DeviceSessionRequest | HardwareIdentity | Model | Preseed | Repair | RequestMessage | ResponseMessage |
		Serial | SerialRequest | SnapBuild | SnapDeclaration | SnapDeveloper | SnapResourcePair |
		SnapResourceRevision | SnapRevision | Store | SystemUser | Validation | ValidationSet
}
