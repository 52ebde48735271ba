package pebble

// Stats are what a store says of itself, for metrics. Sizes are in bytes.
type Stats struct {
	// DiskBytes is all that the store takes of the disk, LogBytes what of that is its log.
	DiskBytes, LogBytes uint64
	// MemoryBytes are recent writes in memory, CacheBytes blocks of tables.
	MemoryBytes, CacheBytes uint64
	// CacheHits and CacheMisses count lookups of blocks since the start.
	CacheHits, CacheMisses uint64
	// Flushes and Compactions count those that have ended since the start, CompactionDebt is what is
	// to be compacted.
	Flushes, Compactions uint64
	CompactionDebt       uint64
	// ReadAmplification is how many places a read may have to look at.
	ReadAmplification int
}

// Stats looks at the store. ok is false if it is closed.
func (s *Store) Stats() (stats Stats, ok bool) {
	if s.reads.enter() != nil {
		return Stats{}, false
	}
	defer s.reads.leave()
	m := s.db.Metrics()
	return Stats{
		DiskBytes:         m.DiskSpaceUsage(),
		LogBytes:          m.WAL.PhysicalSize,
		MemoryBytes:       m.MemTable.Size,
		CacheBytes:        uint64(max(0, m.BlockCache.Size)),
		CacheHits:         uint64(max(0, m.BlockCache.Hits)),
		CacheMisses:       uint64(max(0, m.BlockCache.Misses)),
		Flushes:           uint64(max(0, m.Flush.Count)),
		Compactions:       uint64(max(0, m.Compact.Count)),
		CompactionDebt:    m.Compact.EstimatedDebt,
		ReadAmplification: m.ReadAmp(),
	}, true
}
