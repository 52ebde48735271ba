// Command perdure runs the Perdure server.
package main

import (
	"os"

	"github.com/perdure/perdure/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
