package similar

import "testing"

func TestWhatIsMostAlikeIsMeant(t *testing.T) {
	known := []string{"tls", "type", "task-queue", "workflow-id", "query", "port"}
	for word, want := range map[string]string{
		"typ":         "type",       // goes on; one letter is missing
		"tpye":        "type",       // two letters are exchanged
		"prot":        "port",       // as in short words
		"querry":      "query",      // one too many
		"Query":       "query",      // capital letters
		"taskqueue":   "task-queue", // a dash
		"workflow":    "workflow-id",
		"yes":         "", // two of three letters differ
		"t":           "", // could be any
		"":            "",
		"namespace":   "",
		"workflow-id": "workflow-id",
	} {
		if got := To(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
