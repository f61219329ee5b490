// Package s3 keeps blobs as objects of an S3 bucket. A blob becomes visible in
// one atomic put; leases taken by conditional puts keep the collector from
// deleting what another node has just put.
package s3
