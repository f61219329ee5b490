// Command larder is a self-hosted store for snaps and charms: server, operator
// commands and clients in one binary.
package main

import (
	"os"

	"github.com/larder-store/larder/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) }
