package client

import (
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Mark adds a marker to the comment of a token that is about to be created. The marker holds a nonce, by which the
// token is found again if the answer is lost. It also holds the time, by the service's clock, until which the token's
// creator may still be about to record the token. If until is zero, the marker has no time, and the token never counts
// as abandoned.
func Mark(comment string, until time.Time) string {
	marker := "[dbxaccess:" + uuid.NewString()
	if !until.IsZero() {
		marker += " until " + until.UTC().Format(time.RFC3339)
	}
	return strings.TrimSpace(comment + " " + marker + "]")
}

// marker is compiled when it is first needed, because most runs meet no token.
var marker = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\s*\[dbxaccess:[0-9a-f-]{36}(?: until ([0-9TZ:-]+))?\]$`)
})

// Unmark returns a token's comment without the marker: what the user wrote.
func Unmark(comment string) string { return marker().ReplaceAllString(comment, "") }

// unusedFor is how old a token must be before a list can show that it was never used. The list shows only the day of
// the last use, not the hour, and may show that day one day late.
const unusedFor = 48 * time.Hour

// Abandoned reports whether a list of all tokens shows that a run created the token and ended before it recorded the
// token. The token still has the marker, the marker's time is over, and the token is two days old and was never used.
// An owner's own list does not show when a token was used, so no token of such a list counts as abandoned.
//
// An abandoned token must not be revoked for this reason alone. If markers cannot be removed, every token keeps its
// marker.
func (t TokenInfo) Abandoned(now time.Time) bool {
	found := marker().FindStringSubmatch(t.Comment)
	if found == nil || !t.LastUsed.IsZero() || t.CreatorID == "" || now.Sub(t.CreatedAt) < unusedFor {
		return false
	}
	until, err := time.Parse(time.RFC3339, found[1])
	return err == nil && now.After(until)
}
