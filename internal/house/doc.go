// Package house holds the rules of this source tree as tests: which room may
// import which, what licences may be linked, what text may not be committed.
//
// It holds no code that anything imports.
package house
