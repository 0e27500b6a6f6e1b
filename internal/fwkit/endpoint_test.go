package fwkit

import (
	"strings"
	"testing"
)

func TestEndpointNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"iris", "databricks-meta-llama-3-1-405b-instruct", "a_b.c", "...",
		strings.Repeat("x", longestEndpointName)} {
		if err := checkEndpointName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, "a b", "a\nb", "a\x1b[31m", "a\u202eb", "a?b", "a#b",
		"a%2fb", "https://x", strings.Repeat("x", longestEndpointName+1)} {
		if err := checkEndpointName(name); err == nil || strings.ContainsAny(err.Error(), "\n\x1b\u202e") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
