package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/internal/storage"
)

// dataTests are about what reads see of what was written.
var dataTests = []test{
	{"AMissingKeyIsNotFound", func(f *fixture) {
		f.wantNone(0, "a")
	}},
	{"AWrittenValueIsRead", func(f *fixture) {
		f.put(f.acquire(0), "a", "1")
		if got := f.get(0, "a"); got != "1" {
			f.Fatalf("got %q", got)
		}
	}},
	{"ALaterValueReplacesAnEarlierOne", func(f *fixture) {
		lease := f.acquire(0)
		f.put(lease, "a", "1")
		f.put(lease, "a", "2")
		f.wantScan(0, all(), "a=2")
	}},
	{"AnEmptyValueIsNotAMissingOne", func(f *fixture) {
		f.put(f.acquire(0), "a", "")
		if got := f.get(0, "a"); got != "" {
			f.Fatalf("got %q", got)
		}
		f.wantScan(0, all(), "a=")
	}},
	{"AnEmptyKeyIsAKeyLikeAnyOther", func(f *fixture) {
		f.mustCommit(f.acquire(0), sets("", "empty", "a", "1"))
		if got := f.get(0, ""); got != "empty" {
			f.Fatalf("got %q", got)
		}
		f.wantScan(0, all(), "=empty", "a=1")
	}},
	{"KeysAndValuesAreArbitraryBytes", func(f *fixture) {
		key, value := []byte{0xff, 0x00, 0xff, 0xff}, []byte{0x00, 0xff, '\n'}
		var b storage.Batch
		b.Set(key, value)
		f.mustCommit(f.acquire(0), &b)
		got, err := f.store.Get(context.Background(), 0, key)
		if err != nil || !bytes.Equal(got, value) {
			f.Fatalf("got %x, %v", got, err)
		}
		f.wantScan(0, all(), fmt.Sprintf("%s=%s", key, value))
	}},
	{"LargeValuesAreKeptWhole", func(f *fixture) {
		value := big('v', 3<<20)
		var b storage.Batch
		b.Set([]byte("a"), value)
		f.mustCommit(f.acquire(0), &b)
		got, err := f.store.Get(context.Background(), 0, []byte("a"))
		if err != nil || !bytes.Equal(got, value) {
			f.Fatalf("got %d bytes, %v", len(got), err)
		}
	}},
	{"DeleteRemovesOneKey", func(f *fixture) {
		lease := f.acquire(0)
		f.mustCommit(lease, sets("a", "1", "b", "2"))
		var b storage.Batch
		b.Delete([]byte("a"))
		b.Delete([]byte("never there"))
		f.mustCommit(lease, &b)
		f.wantNone(0, "a")
		f.wantScan(0, all(), "b=2")
	}},
	{"DeleteRangeIncludesItsStartAndNotItsEnd", func(f *fixture) {
		lease := f.acquire(0)
		f.mustCommit(lease, sets("a", "1", "b", "2", "c", "3", "d", "4"))
		var b storage.Batch
		b.DeleteRange([]byte("b"), []byte("d"))
		f.mustCommit(lease, &b)
		f.wantScan(0, all(), "a=1", "d=4")
	}},
	{"DeleteRangeWithoutEndRemovesToTheLastKeyOfTheShard", func(f *fixture) {
		lease, next := f.acquire(0), f.acquire(1)
		f.mustCommit(lease, sets("a", "1", "b", "2", "\xff\xff\xff\xff", "3"))
		f.mustCommit(next, sets("", "0", "b", "2"))
		var b storage.Batch
		b.DeleteRange([]byte("b"), nil)
		f.mustCommit(lease, &b)
		f.wantScan(0, all(), "a=1")
		f.wantScan(1, all(), "=0", "b=2")
	}},
	{"DeleteRangeThatEndsBeforeItStartsRemovesNothing", func(f *fixture) {
		lease := f.acquire(0)
		f.mustCommit(lease, sets("a", "1", "b", "2"))
		var b storage.Batch
		b.DeleteRange([]byte("c"), []byte("a"))
		b.DeleteRange([]byte("a"), []byte("a"))
		f.mustCommit(lease, &b)
		f.wantScan(0, all(), "a=1", "b=2")
	}},
	{"ChangesOfABatchAreAppliedInOrder", func(f *fixture) {
		lease := f.acquire(0)
		f.put(lease, "c", "old")
		b := sets("a", "1", "a", "2", "b", "1")
		b.Delete([]byte("b"))
		b.DeleteRange([]byte("c"), []byte("e"))
		b.Set([]byte("d"), []byte("after"))
		f.mustCommit(lease, b)
		f.wantScan(0, all(), "a=2", "d=after")
	}},
	{"ScanGoesUpInByteOrder", func(f *fixture) {
		f.mustCommit(f.acquire(0), sets("b", "2", "a", "1", "aa", "3", "\xff", "4", "B", "5"))
		f.wantScan(0, all(), "B=5", "a=1", "aa=3", "b=2", "\xff=4")
	}},
	{"ScanIncludesItsStartAndNotItsEnd", func(f *fixture) {
		f.mustCommit(f.acquire(0), sets("a", "1", "b", "2", "c", "3", "d", "4"))
		f.wantScan(0, between("b", "d"), "b=2", "c=3")
		f.wantScan(0, between("bb", "cc"), "c=3")
		f.wantScan(0, between("", "b"), "a=1")
		f.wantScan(0, between("c", ""), "c=3", "d=4")
		f.wantScan(0, between("x", ""))
	}},
	{"ReverseScanHasTheSamePairsBackwards", func(f *fixture) {
		f.mustCommit(f.acquire(0), sets("a", "1", "b", "2", "c", "3", "d", "4"))
		f.wantScan(0, reverse(all()), "d=4", "c=3", "b=2", "a=1")
		f.wantScan(0, reverse(between("b", "d")), "c=3", "b=2")
		f.wantScan(0, reverse(between("bb", "cc")), "c=3")
		f.wantScan(0, reverse(between("", "b")), "a=1")
		f.wantScan(0, reverse(between("c", "")), "d=4", "c=3")
	}},
	{"ARangeThatEndsBeforeItStartsIsEmpty", func(f *fixture) {
		f.mustCommit(f.acquire(0), sets("a", "1", "b", "2"))
		f.wantScan(0, between("b", "a"))
		f.wantScan(0, reverse(between("b", "a")))
		f.wantScan(0, between("a", "a"))
	}},
	{"PrefixSelectsTheKeysThatBeginWithIt", func(f *fixture) {
		f.mustCommit(f.acquire(0), sets("a", "1", "ab", "2", "ab\xff\xff", "3", "ac", "4", "\xff", "5", "\xffz", "6"))
		f.wantScan(0, storage.Prefix([]byte("ab")), "ab=2", "ab\xff\xff=3")
		f.wantScan(0, reverse(storage.Prefix([]byte("ab"))), "ab\xff\xff=3", "ab=2")
		f.wantScan(0, storage.Prefix([]byte("\xff")), "\xff=5", "\xffz=6")
		f.wantScan(0, storage.Prefix(nil), "a=1", "ab=2", "ab\xff\xff=3", "ac=4", "\xff=5", "\xffz=6")
	}},
	{"ScanStopsWhenVisitReturnsFalse", func(f *fixture) {
		f.mustCommit(f.acquire(0), sets("a", "1", "b", "2", "c", "3"))
		visits := 0
		err := f.store.Scan(context.Background(), 0, all(), func(_, _ []byte) bool {
			visits++
			return visits < 2
		})
		if err != nil || visits != 2 {
			f.Fatalf("%d visits, error %v", visits, err)
		}
	}},
	{"ScanSeesOneStateWhileTheShardChanges", func(f *fixture) {
		lease := f.acquire(0)
		f.mustCommit(lease, sets("a", "1", "b", "1", "c", "1"))
		var seen []string
		err := f.store.Scan(context.Background(), 0, all(), func(key, value []byte) bool {
			seen = append(seen, fmt.Sprintf("%s=%s", key, value))
			if len(seen) == 1 {
				b := sets("b", "2", "d", "2")
				b.Delete([]byte("c"))
				f.mustCommit(lease, b)
			}
			return true
		})
		if err != nil || fmt.Sprint(seen) != "[a=1 b=1 c=1]" {
			f.Fatalf("saw %v, error %v", seen, err)
		}
		f.wantScan(0, all(), "a=1", "b=2", "d=2")
	}},
	{"ReadsMayBeMadeFromWithinAScan", func(f *fixture) {
		f.mustCommit(f.acquire(0), sets("a", "1", "b", "2"))
		err := f.store.Scan(context.Background(), 0, all(), func(key, value []byte) bool {
			if got := f.get(0, string(key)); got != string(value) {
				f.Errorf("Get(%q) = %q in a scan that has %q", key, got, value)
			}
			return true
		})
		if err != nil {
			f.Fatal(err)
		}
	}},
	{"TheValueOfGetBelongsToTheCaller", func(f *fixture) {
		f.put(f.acquire(0), "a", "123")
		value, err := f.store.Get(context.Background(), 0, []byte("a"))
		if err != nil {
			f.Fatal(err)
		}
		copy(value, "xxx")
		if got := f.get(0, "a"); got != "123" {
			f.Fatalf("changing a value that was read changed the store: %q", got)
		}
	}},
	{"AReadKeyMayBeReusedByTheCaller", func(f *fixture) {
		f.mustCommit(f.acquire(0), sets("a", "1", "b", "2"))
		key := []byte("a")
		if _, err := f.store.Get(context.Background(), 0, key); err != nil {
			f.Fatal(err)
		}
		key[0] = 'b'
		f.wantScan(0, all(), "a=1", "b=2")
	}},
	{"ShardsDoNotSeeEachOther", func(f *fixture) {
		f.mustCommit(f.acquire(0), sets("a", "0", "\xff\xff\xff\xff\xff", "0"))
		f.mustCommit(f.acquire(1), sets("", "1", "a", "1"))
		f.wantScan(0, all(), "a=0", "\xff\xff\xff\xff\xff=0")
		f.wantScan(1, all(), "=1", "a=1")
		f.wantScan(0, reverse(all()), "\xff\xff\xff\xff\xff=0", "a=0")
		f.wantScan(1, reverse(all()), "a=1", "=1")
	}},
	{"TheLastShardIsAsGoodAsTheFirst", func(f *fixture) {
		last := storage.ShardID(f.store.Shards() - 1)
		f.put(f.acquire(last), "\xff\xff\xff", "1")
		f.wantScan(last, all(), "\xff\xff\xff=1")
	}},
	{"AReadWhoseContextHasEndedReportsThat", func(f *fixture) {
		f.mustCommit(f.acquire(0), sets("a", "1"))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := f.store.Get(ctx, 0, []byte("a")); !errors.Is(err, context.Canceled) {
			f.Errorf("Get: %v", err)
		}
		err := f.store.Scan(ctx, 0, all(), func(_, _ []byte) bool { return true })
		if !errors.Is(err, context.Canceled) {
			f.Errorf("Scan: %v", err)
		}
		if _, err := f.store.Acquire(ctx, 0); !errors.Is(err, context.Canceled) {
			f.Errorf("Acquire: %v", err)
		}
	}},
	{"AShardThatDoesNotExistIsAnError", func(f *fixture) {
		none := storage.ShardID(f.store.Shards())
		if _, err := f.store.Acquire(context.Background(), none); err == nil {
			f.Error("Acquire gave a lease")
		}
		if _, err := f.store.Get(context.Background(), none, []byte("a")); err == nil || errors.Is(err, storage.ErrNotFound) {
			f.Errorf("Get: %v", err)
		}
		if _, err := scan(f.store, none, all()); err == nil {
			f.Error("Scan succeeded")
		}
		if err := f.commit(storage.Lease{Shard: none, Epoch: 1}, sets("a", "1")); err == nil {
			f.Error("Commit succeeded")
		}
	}},
}
