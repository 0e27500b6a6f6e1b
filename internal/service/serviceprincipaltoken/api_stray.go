package serviceprincipaltoken

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// findStrays returns the live tokens that earlier runs of this provider seem to have left behind: tokens of ephemeral
// resources, and tokens that no state ever recorded. It leaves out the tokens that this run uses, and tokens that are
// younger than age by the service's clock. It returns an error if that clock cannot be right. It sends one request, or
// two if the workspace has no token.
func findStrays(ctx context.Context, c *client.Client, age time.Duration) ([]ownedToken, error) {
	list, err := c.WorkspaceTokensNow(ctx)
	if err != nil {
		return nil, client.AdviseDenied(err, needsAdmin)
	}
	if !list.Shown {
		return nil, c.ConfirmEmpty(ctx)
	}
	if err := rotation.CheckClock(list.Now, func(time.Time, time.Time) bool { return false }); err != nil {
		return nil, err
	}
	var found []ownedToken
	for _, t := range list.Tokens {
		if isStray(t, list.Now, age) && list.Live(t) && !c.KeepsToken(t.ID) {
			found = append(found, ownedToken{t, list.Owner(t)})
		}
	}
	return found, nil
}

func isStray(t client.TokenInfo, now time.Time, age time.Duration) bool {
	return now.Sub(t.CreatedAt) > age && (strings.Contains(t.Comment, ephemeralMark) || t.Abandoned(now))
}

// describeStray describes a token for a message: id, owner, time of creation and comment.
func describeStray(t ownedToken) string {
	return fmt.Sprintf(
		"token %s of %s, created %s, %q",
		t.ID,
		t.ApplicationID,
		t.CreatedAt.UTC().Format(time.RFC3339),
		t.Comment,
	)
}
