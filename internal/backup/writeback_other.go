//go:build !linux

package backup

import "os"

func writeBack(*os.File, int64, int64) {}

func forget(*os.File) {}
