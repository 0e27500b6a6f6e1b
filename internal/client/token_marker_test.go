package client

import (
	"strings"
	"testing"
	"time"
)

func TestMark(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first, second := Mark("iris scoring", until), Mark("iris scoring", until)
	if first == second || !strings.HasPrefix(first, "iris scoring [dbxaccess:") || strings.HasPrefix(Mark("", until), " ") {
		t.Errorf("%q, %q, %q", first, second, Mark("", until))
	}
	for _, tc := range []struct {
		token TokenInfo
		now   time.Time
		want  bool
	}{
		{TokenInfo{Comment: first}, until, false},
		{TokenInfo{Comment: first}, until.Add(time.Second), true},
		{TokenInfo{Comment: Mark("", until)}, until.Add(time.Second), true},
		{TokenInfo{Comment: first, LastUsed: until}, until.AddDate(1, 0, 0), false},
		{TokenInfo{Comment: first + "."}, until.AddDate(1, 0, 0), false},
		{TokenInfo{Comment: "[dbxaccess:until 2026-01-02T03:04:05Z]"}, until.AddDate(1, 0, 0), false},
		{TokenInfo{}, until, false},
	} {
		if got := tc.token.Abandoned(tc.now); got != tc.want {
			t.Errorf("%+v at %s: %t", tc.token, tc.now, got)
		}
	}
}
