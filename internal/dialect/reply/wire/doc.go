// Package wire reads and writes the JSON of the requests that every device and
// controller sends all the time, without looking at types at run time. Requests
// are read within bounds of size, depth and count. Answers are appended to one
// buffer: what does not change is prepared once per revision, as a Sheet, and
// what does is a handful of short strings.
package wire
