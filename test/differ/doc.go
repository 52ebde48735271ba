// Package differ compares Perdure's server with a Temporal server, call by call.
//
// A scenario makes calls of the gRPC API by hand, as a client, a worker or both,
// and everything that it is answered is written down: responses, errors with
// their codes, texts and details, tasks that polls bring, and at its end the
// histories of its workflows. This is its transcript. What may differ between
// two runs (ids, times, tokens) is replaced by placeholders.
//
// Transcripts of a Temporal server are kept in testdata, one file for each group
// of scenarios, so that comparing needs no Temporal server; `make differ-golden`
// records them anew. Where the servers differ and are known to,
// testdata/known-differences.txt has the lines that differ and the name under
// which docs/compatibility.md says why.
//
// Conversations about Nexus need the HTTP port of the Temporal server, too: operations do
// not come to its workers without, and some are over HTTP themselves (-peer-http).
//
// What servers have turned off by default is talked about with a pair of servers that have it
// turned on, by the dynamic configuration of testdata/switched-on.yaml (SwitchedOn).
//
// There are three kinds of scenarios:
//
//   - conversations, written by hand (conversations_*.go): 10 to 30 lines each;
//   - calls in which one field is wrong (fields.go): all fields of a request are
//     broken in every way by mutate.go, each case is one line of the transcript;
//   - lives made up from a seed (generate.go), for which both servers have to be
//     running: `make differ SEEDS=1000`.
package differ
