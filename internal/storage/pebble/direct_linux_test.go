//go:build linux && (amd64 || arm64)

package pebble

import (
	"bytes"
	"errors"
	"os"
	"testing"
)

func TestADirectLogIsWrittenWithoutAsynchronousRequestsWhereTheyAreRefused(t *testing.T) {
	d, name := openDirect(t, nil)
	d.device.(*directFile).request.context++ // is known to nobody
	if err := errors.Join(add(d, "one"), d.sync(), add(d, "two"), d.sync(), d.device.close()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.HasPrefix(got, []byte("onetwo")) {
		t.Errorf("the log begins with %q, %v", got[:min(6, len(got))], err)
	}
}

func TestADirectFileReportsAnErrorOfTheDisk(t *testing.T) {
	d, _ := openDirect(t, nil)
	f := d.device.(*directFile)
	f.fd = -1
	if err := errors.Join(add(d, "one"), d.sync()); err == nil {
		t.Error("a write to a file that is not there has succeeded")
	}
}
