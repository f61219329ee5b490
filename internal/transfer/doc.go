// Package transfer carries packages between stores: it reads the archives that
// other tools and other larders write, and writes its own. An import is verified
// before anything of it is visible, and doing it twice changes nothing.
package transfer
