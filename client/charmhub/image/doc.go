// Package image moves container images between registries, OCI layouts and
// archives without changing them, and uploads them as resources of charms
// (charmcraft: ImageService, upload-resource --image). It is apart from package
// charmhub so that programs without images do not carry a registry's client.
//
// # Sources
//
// A source is written as skopeo and charmcraft write it:
//
//	docker://HOST/REPOSITORY[:TAG|@DIGEST]   in a registry; docker:// may be left out
//	oci:DIRECTORY[:TAG]                      an OCI layout
//	oci-archive:FILE[:TAG]                   the same in a tar file
//	docker-archive:FILE[:NAME:TAG]           what docker save writes
//	PATH                                     whichever of the three it is, if it exists
//
// Whole indexes are copied, with the images of all platforms, and digests stay
// what they are. An archive of docker save before 25 holds no manifest: one is
// made, and with it a digest.
//
// # Coming from charmcraft
//
//	ImageService                         here
//	copy(source, destination, …)         Copy
//	inspect(image)                       Inspect
//	get_name_from_url(url)               NameFromURL
//	convert_go_arch_to_charm_arch(arch)  charmhub.Architecture
//	upload-resource --image              UploadResource
//
// The images of a local docker daemon are reached through docker save. Not in
// charmcraft: some platforms of an index (Source.Only), what is about an image
// (Source.Referrers), and what it consists of (Source.Parts).
package image
