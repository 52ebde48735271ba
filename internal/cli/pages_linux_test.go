package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestOnlyPagesThatAreAsInTheFileAreGivenBack(t *testing.T) {
	const smaps = `00400000-01b53000 r-xp 00002000 fe:00 99 /opt/the perdure
Size:              23876 kB
Rss:               23224 kB
Anonymous:             0 kB
01b53000-03bb0000 r--p 01753000 fe:00 99 /opt/the perdure
Size:              33140 kB
Anonymous:             0 kB
03bb0000-03bb1000 r--p 037b0000 fe:00 99 /opt/the perdure
Size:                  4 kB
Private_Dirty:         4 kB
Anonymous:             4 kB
03bb1000-03d59000 rw-p 037b1000 fe:00 99 /opt/the perdure
Size:               1696 kB
Anonymous:             0 kB
03d59000-03e00000 rw-p 00000000 00:00 0
Anonymous:             0 kB
7f0000000000-7f0000001000 r--p 00000000 fe:00 7 /usr/lib/libc.so.6
Anonymous:             0 kB
`
	want := []mapping{{0x00400000, 0x01b53000}, {0x01b53000, 0x03bb0000}}
	if got := unchangedMappings(strings.NewReader(smaps), "/opt/the perdure"); !slices.Equal(got, want) {
		t.Errorf("%x", got)
	}
}
