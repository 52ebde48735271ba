package differ

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/perdure/perdure/test/launch"
)

var (
	peerAddress = flag.String("peer", "", "address of a Temporal server to record from or to compare with")
	peerHTTP    = flag.String("peer-http", "", "address of the HTTP port of the Temporal server at -peer, for conversations over HTTP")
	ourAddress  = flag.String("server", "", "address of a running Perdure server; by default the tests start one")
	ourHTTP     = flag.String("server-http", "", "address of the HTTP port of the server at -server")
	record      = flag.Bool("record", false, "record the golden files from the server at -peer")
	ourBinary   = flag.String("server-binary", "", "Perdure's binary; by default it is built")
	updateKnown = flag.Bool("update-known", false, "write the list of known differences anew; new ones have to be given a reason by hand")
)

// our is the connection to the server under test.
var our *grpc.ClientConn

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if flag.Lookup("test.parallel").Value.String() == flag.Lookup("test.parallel").DefValue {
		parallel := "32" // scenarios wait more than they work
		if os.Getenv(launch.NodesVariable) != "" {
			parallel = "12" // some have to be done with a call within a second, and three nodes share the machine
		}
		_ = flag.Set("test.parallel", parallel)
	}
	if !*record {
		if *ourAddress == "" {
			binary, err := build()
			if err != nil {
				panic(err)
			}
			server, err := launch.Start(binary)
			if err != nil {
				panic(err)
			}
			defer server.Stop()
			*ourAddress, *ourHTTP = server.Address, server.HTTP
		}
		our = connect(*ourAddress)
		defer our.Close()
	}
	defer func() { _ = os.RemoveAll(built) }()
	return m.Run()
}

// build builds the server under test, once, in the directory built, unless there is a binary of it.
var build = sync.OnceValues(func() (binary string, err error) {
	if *ourBinary != "" {
		return *ourBinary, nil
	}
	if built, err = os.MkdirTemp("", "perdure-differ"); err != nil {
		return "", err
	}
	return launch.Build(built)
})

var built string

func connect(address string) *grpc.ClientConn {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	return conn
}

func TestAConversationWithPerdureGoesAsWithTheTemporalServer(t *testing.T) {
	if *record {
		t.Skip("recording")
	}
	expected, err := readKnown()
	if err != nil {
		t.Fatal(err)
	}
	found := sections{lines: map[string][]string{}}
	t.Run("group", func(t *testing.T) { converse(t, Server{our, *ourHTTP}, Groups(), expected, &found) })
	t.Run("switched-on", func(t *testing.T) { converse(t, startSwitchedOn(t), SwitchedOn(), expected, &found) })
	if *updateKnown {
		slices.Sort(found.names)
		for _, name := range found.names {
			reason := expected[name].reason
			if reason == "" {
				reason = unexplained
				t.Logf("%s: unexplained", name)
			}
			found.lines[name] = append([]string{reasonMark + reason}, found.lines[name]...)
		}
		if err := found.write(knownFile); err != nil {
			t.Fatal(err)
		}
	}
}

// nodeGroups are those whose scenarios are about what one node changes and others have to know, or what crosses nodes.
var nodeGroups = []string{"namespaces", "endpoints", "nexus-tasks", "deployments", "versions", "schedules"}

// With NodesVariable all conversations are had with several nodes.
func TestAConversationWithThreeNodesGoesAsWithOneServer(t *testing.T) {
	if *record || *updateKnown || os.Getenv(launch.NodesVariable) != "" {
		t.Skip("recording, or all conversations are had with several nodes")
	}
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := launch.StartNodes(binary, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer nodes.Stop()
	conn := connect(nodes.Address)
	defer conn.Close()
	expected, err := readKnown()
	if err != nil {
		t.Fatal(err)
	}
	groups := slices.DeleteFunc(Groups(), func(g Group) bool { return !slices.Contains(nodeGroups, g.Name) })
	t.Run("group", func(t *testing.T) { converse(t, Server{conn, nodes.HTTP}, groups, expected, new(sections)) })
}

// converse plays the scenarios, and notes in found how they differ.
func converse(t *testing.T, server Server, groups []Group, expected map[string]known, found *sections) {
	var mu sync.Mutex
	for _, group := range groups {
		golden, err := readSections(goldenFile(group.Name))
		if err != nil {
			t.Fatalf("no golden file for this group, record it with `make differ-golden`: %v", err)
		}
		for _, s := range group.Scenarios {
			t.Run(group.Name+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				theirs, ok := golden.lines[s.Name]
				if !ok {
					t.Fatal("not recorded yet: `make differ-golden` does")
				}
				all := differences(theirs, lines(play(t, server, s)))
				if len(all) > 0 && found.lines != nil {
					mu.Lock()
					found.names = append(found.names, s.Name)
					found.lines[s.Name] = signed(all)
					mu.Unlock()
				}
				why := expected[s.Name]
				if *updateKnown || why.reason != unexplained && slices.Equal(signed(all), why.lines) {
					return
				}
				switch {
				case len(all) == 0:
					t.Errorf("does not differ any more (%s): `make differ-known` takes it off the list", why.reason)
				case why.reason != "":
					t.Errorf("differs, but not in the known way (%s):\n%s", why.reason, sideBySide(theirs, all))
				default:
					t.Errorf("differs:\n%s", sideBySide(theirs, all))
				}
			})
		}
	}
}

// startSwitchedOn starts a server under test on which everything is turned on.
func startSwitchedOn(t *testing.T) Server {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	server, err := launch.Start(binary, "--dynamic-config-file", switchedOn)
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(server.Address)
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
	})
	return Server{conn, server.HTTP}
}

func TestRecordConversations(t *testing.T) {
	if !*record {
		t.Skip("only with -record; `make differ-golden` starts a Temporal server and records")
	}
	peer := connect(*peerAddress)
	defer peer.Close()
	only, missing := os.Getenv("DIFFER_GROUP"), os.Getenv("DIFFER_MISSING") != ""
	groups := Groups()
	if *peerBinary != "" {
		groups = append(groups, SwitchedOn()...)
	}
	for _, group := range groups {
		if only != "" && group.Name != only {
			continue
		}
		t.Run(group.Name, func(t *testing.T) {
			peer := Server{peer, *peerHTTP}
			if slices.ContainsFunc(SwitchedOn(), func(g Group) bool { return g.Name == group.Name }) {
				server, err := launch.StartPeer(*peerBinary, "-dynamic-config", switchedOn)
				if err != nil {
					t.Fatal(err)
				}
				defer server.Stop()
				peer = Server{connect(server.Address), ""}
			}
			golden, before := sections{lines: map[string][]string{}}, sections{}
			if missing {
				before, _ = readSections(goldenFile(group.Name))
			}
			var mu sync.Mutex
			t.Run("play", func(t *testing.T) {
				for _, s := range group.Scenarios {
					golden.names = append(golden.names, s.Name)
					if recorded, ok := before.lines[s.Name]; ok {
						golden.lines[s.Name] = recorded
						continue
					}
					t.Run(s.Name, func(t *testing.T) {
						t.Parallel()
						recorded := lines(play(t, peer, s))
						mu.Lock()
						defer mu.Unlock()
						golden.lines[s.Name] = recorded
					})
				}
			})
			if t.Failed() {
				return
			}
			if err := golden.write(goldenFile(group.Name)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Names of scenarios are the keys of golden files and of the list of differences.
func TestEachScenarioHasANameOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, group := range slices.Concat(Groups(), SwitchedOn()) {
		for _, s := range group.Scenarios {
			if seen[s.Name] {
				t.Errorf("%q is there twice", s.Name)
			}
			seen[s.Name] = true
		}
	}
	t.Logf("%d scenarios", len(seen))
}

func TestEachKnownDifferenceIsExplainedAndEachExplanationIsOfADifference(t *testing.T) {
	expected, err := readKnown()
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for name, why := range expected {
		used[why.reason] = true
		if !strings.Contains(string(document), "\n### "+why.reason+"\n") {
			t.Errorf("%s: docs/compatibility.md has no heading %q", name, why.reason)
		}
	}
	for line := range strings.SplitSeq(string(document), "\n") {
		if reason, ok := strings.CutPrefix(line, "### "); ok && !used[reason] {
			t.Errorf("docs/compatibility.md explains %q, which no scenario shows", reason)
		}
	}
}
