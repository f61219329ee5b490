// Package oci is the dialect of container tools: the registry API of the OCI
// distribution specification, for the images that resources of charms are made of,
// with the token service that those tools log in at.
//
// It translates requests into use cases of the catalog and the identity provider,
// and holds no rule of the store.
package oci
