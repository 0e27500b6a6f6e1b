package client

import (
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Mark adds a marker to the comment of a token that is about to be created: a nonce, by which the token is found again
// should the answer be lost, and the time until which its creator may still be about to record it, by the service's
// clock. The zero time leaves it out: such a token never counts as abandoned.
func Mark(comment string, until time.Time) string {
	marker := "[dbxaccess:" + uuid.NewString()
	if !until.IsZero() {
		marker += " until " + until.UTC().Format(time.RFC3339)
	}
	return strings.TrimSpace(comment + " " + marker + "]")
}

// Compiled when it is first needed: most runs meet no token.
var marker = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\s*\[dbxaccess:[0-9a-f-]{36}(?: until ([0-9TZ:-]+))?\]$`)
})

// Unmark is a comment without the marker: what the user wrote.
func Unmark(comment string) string { return marker().ReplaceAllString(comment, "") }

// unusedFor is how old a token must be before the list can show that it was never used: the day of its last use may be
// shown a day late, and a day has two ends.
const unusedFor = 48 * time.Hour

// Abandoned reports whether a list of all tokens shows that this one was created by a run that ended before it was
// recorded: it still carries the marker, the marker's time is over, and in two days nobody has used it. An owner's own
// list does not show when a token was used, so no token of it counts as abandoned.
//
// That is not enough to revoke it. Where markers cannot be taken off, every token keeps its own.
func (t TokenInfo) Abandoned(now time.Time) bool {
	found := marker().FindStringSubmatch(t.Comment)
	if found == nil || !t.LastUsed.IsZero() || t.CreatorID == "" || now.Sub(t.CreatedAt) < unusedFor {
		return false
	}
	until, err := time.Parse(time.RFC3339, found[1])
	return err == nil && now.After(until)
}
