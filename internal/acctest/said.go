package acctest

import (
	"regexp"
	"strings"
	"testing"
)

// Words returns a regular expression that finds the given expression in Terraform's output. Each space in the
// expression also matches the frames and line breaks that Terraform puts into long messages.
func Words(expression string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)` + strings.ReplaceAll(expression, " ", `[\s│]+`))
}

// Says returns a regular expression that finds the given texts in Terraform's output, in this order, with any text
// between them.
func Says(texts ...string) *regexp.Regexp {
	quoted := make([]string, 0, len(texts))
	for _, text := range texts {
		quoted = append(quoted, regexp.QuoteMeta(text))
	}
	return Words(strings.Join(quoted, ".*"))
}

// Text returns the complete output of the command without the frames and line breaks that Terraform puts into long
// messages.
func (r Result) Text() string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(r.Stdout+"\n"+
		r.Stderr)), " ")
}

// MustSay reports a test error for each text that the command's output does not contain.
func (r Result) MustSay(t testing.TB, texts ...string) {
	t.Helper()
	printed := r.Text()
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			t.Errorf("it does not say %q:\n%s", text, printed)
		}
	}
}

// MustNotSay reports a test error for each text that the command's output contains.
func (r Result) MustNotSay(t testing.TB, texts ...string) {
	t.Helper()
	printed := r.Text()
	for _, text := range texts {
		if strings.Contains(printed, text) {
			t.Errorf("it says %q:\n%s", text, printed)
		}
	}
}
