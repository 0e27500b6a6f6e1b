package client

import (
	"errors"
	"strings"
	"testing"
)

// TestAnswerOfTooManyValues checks that an answer of more values than any workspace has is refused before it is
// decoded.
func TestAnswerOfTooManyValues(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text   string
		answer Answer
		says   string // text of the error; empty if the answer is decoded
	}{
		"objects":                    {strings.Repeat("{", mostObjects+1), &scimList{}, "more than 200000 objects"},
		"values":                     {strings.Repeat("1,", mostValues+1), &scimList{}, "more than 4000000 values"},
		"as many as are decoded":     {strings.Repeat("{},", mostObjects), &scimList{}, ""},
		"what a model has predicted": {strings.Repeat("{},", mostObjects+1), &prediction{}, ""},
	} {
		if got := tooMany([]byte(tc.text), tc.answer); (got == "") != (tc.says == "") ||
			!strings.Contains(got, tc.says) {
			t.Errorf("%s: %q, want %q", name, got, tc.says)
		}
	}
	if err := Bounded(mostListed, "groups"); err != nil {
		t.Error(err)
	}
	if err := Bounded(mostListed+1, "groups"); !errors.Is(err, ErrNotAnAnswer) ||
		!strings.Contains(err.Error(), "more than 30000 groups") {
		t.Error(err)
	}
}
