package client

import (
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Mark adds a marker to the comment of a token that is about to be made: a nonce, by which the token is found again should
// the answer be lost, and until when whoever made it may still be about to record it. The marker comes off when it is
// recorded.
func Mark(comment string, until time.Time) string {
	return strings.TrimSpace(comment + " [dbxaccess:" + uuid.NewString() + " until " + until.UTC().Format(time.RFC3339) + "]")
}

// Compiled when it is first needed: most runs meet no token.
var marker = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\[dbxaccess:[0-9a-f-]{36} until ([0-9TZ:-]+)\]$`)
})

// Abandoned says whether a token was made by a run that ended before it was recorded: it still carries the marker, its time
// is over, and it was never used, as nobody knows its value. One that is in use although it carries the marker is
// somebody's: only its comment could not be changed.
func (t TokenInfo) Abandoned(now time.Time) bool {
	found := marker().FindStringSubmatch(t.Comment)
	if found == nil || !t.LastUsed.IsZero() {
		return false
	}
	until, err := time.Parse(time.RFC3339, found[1])
	return err == nil && now.After(until)
}
