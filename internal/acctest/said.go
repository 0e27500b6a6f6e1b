package acctest

import (
	"regexp"
	"strings"
	"testing"
)

// Words finds an expression in what Terraform printed: a space in it also stands for the frames and line breaks that
// Terraform puts into long sentences.
func Words(expression string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)` + strings.ReplaceAll(expression, " ", `[\s│]+`))
}

// Says finds texts, one after the other, whatever stands between them.
func Says(texts ...string) *regexp.Regexp {
	quoted := make([]string, 0, len(texts))
	for _, text := range texts {
		quoted = append(quoted, regexp.QuoteMeta(text))
	}
	return Words(strings.Join(quoted, ".*"))
}

// Text is all that the command printed, without the frames and line breaks that Terraform puts into long sentences.
func (r Result) Text() string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(r.Stdout+"\n"+
		r.Stderr)), " ")
}

// MustSay demands texts of what the command printed, in any order.
func (r Result) MustSay(t testing.TB, texts ...string) {
	t.Helper()
	printed := r.Text()
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			t.Errorf("it does not say %q:\n%s", text, printed)
		}
	}
}

// MustNotSay demands that the command printed none of the texts.
func (r Result) MustNotSay(t testing.TB, texts ...string) {
	t.Helper()
	printed := r.Text()
	for _, text := range texts {
		if strings.Contains(printed, text) {
			t.Errorf("it says %q:\n%s", text, printed)
		}
	}
}
