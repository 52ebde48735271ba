package flow

import (
	"crypto/sha256"
	"encoding/hex"
)

// placeID is the id of the ticket of an item that runs, as gates have it in memory: there may be many of them. Ids are
// UUIDs; of others it is a hash.
type placeID [16]byte

func placeOf(id string) (p placeID) {
	if len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' {
		var digits [32]byte
		copy(digits[0:], id[:8])
		copy(digits[8:], id[9:13])
		copy(digits[12:], id[14:18])
		copy(digits[16:], id[19:23])
		copy(digits[20:], id[24:])
		if _, err := hex.Decode(p[:], digits[:]); err == nil {
			return p
		}
	}
	sum := sha256.Sum256([]byte(id))
	copy(p[:], sum[:])
	return p
}

// places are the items that run. Who they are is in their records.
type places map[placeID]struct{}

func (p places) has(id string) bool {
	_, ok := p[placeOf(id)]
	return ok
}

func (p *places) add(id string) {
	if *p == nil {
		*p = make(places, 1)
	}
	(*p)[placeOf(id)] = struct{}{}
}

// remove reports whether the item was there.
func (p places) remove(id string) bool {
	place := placeOf(id)
	_, ok := p[place]
	delete(p, place)
	return ok
}
