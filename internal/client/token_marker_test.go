package client

import (
	"strings"
	"testing"
	"time"
)

func TestMark(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first, second, timeless := Mark("iris scoring", until), Mark("iris scoring", until), Mark("iris scoring",
		time.Time{})
	if first == second || !strings.HasPrefix(first, "iris scoring [dbxaccess:") ||
		strings.HasPrefix(Mark("", until), " ") {
		t.Errorf("%q, %q, %q", first, second, Mark("", until))
	}
	made, later := until.Add(-5*time.Minute), until.Add(48*time.Hour)
	for name, tc := range map[string]struct {
		token TokenInfo
		now   time.Time
		want  bool
	}{
		"two days old and never used": {TokenInfo{Comment: first, CreatorID: "1", CreatedAt: made}, later, true},
		"without a comment":           {TokenInfo{Comment: Mark("", until), CreatorID: "1", CreatedAt: made}, later, true},
		"in time":                     {TokenInfo{Comment: Mark("", later), CreatorID: "1", CreatedAt: made}, later, false},
		"younger":                     {TokenInfo{Comment: first, CreatorID: "1", CreatedAt: made}, made.Add(47 * time.Hour), false},
		"used":                        {TokenInfo{Comment: first, CreatorID: "1", CreatedAt: made, LastUsed: until}, later.AddDate(1, 0, 0), false},
		"of an owner's own list":      {TokenInfo{Comment: first, CreatedAt: made}, later, false},
		"changed by somebody":         {TokenInfo{Comment: first + ".", CreatorID: "1", CreatedAt: made}, later, false},
		"marked without a time":       {TokenInfo{Comment: timeless, CreatorID: "1", CreatedAt: made}, later, false},
		"of another form":             {TokenInfo{Comment: "[dbxaccess:until 2026-01-02T03:04:05Z]", CreatorID: "1", CreatedAt: made}, later, false},
		"without a marker":            {TokenInfo{Comment: "iris scoring", CreatorID: "1", CreatedAt: made}, later, false},
	} {
		if got := tc.token.Abandoned(tc.now); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	for comment, want := range map[string]string{
		first: "iris scoring", timeless: "iris scoring", Mark("", until): "", "": "", "iris": "iris", "a [b]": "a [b]",
		first + ".": first + ".",
	} {
		if got := Unmark(comment); got != want {
			t.Errorf("%q without its marker is %q", comment, got)
		}
	}
}
