package charmhub

import "github.com/larder-store/larder/client/snapstore"

// What charms and snaps have in common; declared in package snapstore.
type (
	// Account is a person or an organisation.
	Account = snapstore.Account
	// Base is what a charm runs on.
	Base = snapstore.Base
	// ChannelMapEntry is one channel on one base.
	ChannelMapEntry = snapstore.ChannelMapEntry
	// Media is a picture of a package.
	Media = snapstore.Media
	// NameRequest asks for a name.
	NameRequest = snapstore.NameRequest
	// Progress tells how far an upload or a download is.
	Progress = snapstore.Progress
	// RegisteredName is a package as its publisher sees it.
	RegisteredName = snapstore.RegisteredName
	// ReleasedResource is a resource as released with a revision.
	ReleasedResource = snapstore.ReleasedResource
	// ReleaseRequest points a channel at a revision or closes it.
	ReleaseRequest = snapstore.ReleaseRequest
	// ReleaseResult is what was done for a ReleaseRequest.
	ReleaseResult = snapstore.ReleaseResult
	// Releases are what a package's channels hold now.
	Releases = snapstore.Releases
	// ResourceBase says what a resource is for.
	ResourceBase = snapstore.ResourceBase
	// ResourceOptions are what is known of an uploaded resource.
	ResourceOptions = snapstore.ResourceOptions
	// ResourceRelease names the revision of a resource to release.
	ResourceRelease = snapstore.ResourceRelease
	// ResourceRevision is one upload of a resource.
	ResourceRevision = snapstore.ResourceRevision
	// ResourceType is ResourceFile or ResourceOCIImage.
	ResourceType = snapstore.ResourceType
	// ResourceUpdate changes what a resource's revision is for.
	ResourceUpdate = snapstore.ResourceUpdate
	// Review is where the store is with an upload.
	Review = snapstore.Review
	// Revision is one upload of a package.
	Revision = snapstore.Revision
	// RevisionsFilter narrows ListRevisions.
	RevisionsFilter = snapstore.RevisionsFilter
	// Time is a moment as stores write it.
	Time = snapstore.Time
	// Track of a package.
	Track = snapstore.Track
	// TrackRequest creates a track.
	TrackRequest = snapstore.TrackRequest
	// UploadOptions change how a file is uploaded.
	UploadOptions = snapstore.UploadOptions
	// Whoami tells whose credentials were sent, and what they allow.
	Whoami = snapstore.Whoami
)

// The resource types.
const (
	ResourceFile     = snapstore.ResourceFile
	ResourceOCIImage = snapstore.ResourceOCIImage
)

// ReleaseTo is a ReleaseRequest.
func ReleaseTo(channel string, revision int) ReleaseRequest {
	return snapstore.ReleaseTo(channel, revision)
}
