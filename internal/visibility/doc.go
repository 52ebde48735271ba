// Package visibility lets workflows be found: it keeps an index of all runs, and of
// what else is listed beside them.
//
// The way of a change, from the step that makes it to the list that shows it:
//
//	step      notes a row (entity.Step.Index), which is written to the change log of
//	          its shard, in the batch of the step
//	indexer   reads the change logs (Indexer), as soon as something has been written,
//	          and applies what it finds to the Index in large batches
//	index     keeps rows, and in the same transaction how far it has read (Batch.Through)
//	list      waits until the indexer has read what was in the log when it began
//	          (Indexer.CatchUp), and asks the index
//
// So whoever has been told of a change finds it in the next list. When the indexer cannot
// keep up, or cannot write, lists tell what is known after a second; those by workflow id
// and counts of what runs are never behind, but wait or fail.
//
// # What may be lost
//
// The index is derived: it may be deleted, and is built anew from the records of all
// entities (rebuild.go). It is behind a killed process by what it had not applied, and
// reads that from the log, where it is until the index has it on stable storage
// (Index.Sync): only then is the log trimmed. How far it has been trimmed is written in the
// same batch. An index that is older than that, as after a restore of one without the
// other, is built anew.
//
// A full disk, or any other trouble of the index, is none of the workflows': the log
// grows, the indexer tries again, and says so once.
//
// # Indexes
//
// Index is what an index has to do; package visibilitytest is the suite that each must
// pass, and the precise statement of it. Package sqlite is the one beside the data of one server; package
// postgres the one that nodes share, each writing the rows of its shards (shared.go). Queries reach
// an index as package query has made them: parsed, resolved, and of the right types.
package visibility
