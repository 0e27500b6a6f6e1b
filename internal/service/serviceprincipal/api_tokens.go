package serviceprincipal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// LeftTokensError lists the tokens of a deactivated service principal that could not be deleted.
type LeftTokensError struct {
	Left []string // token ids, with their comments
	Err  error    // the first failed deletion
}

func (e *LeftTokensError) Error() string {
	return fmt.Sprintf("%s of the service principal could not be deleted (%s): %v",
		fwkit.Counted(len(e.Left), "token"), strings.Join(e.Left, ", "), e.Err)
}

// deleteTokens deletes every token of a service principal, no matter how it was created. A token that cannot be deleted
// does not stop the deletion of the others. One request, and two per token.
// https://docs.databricks.com/api/azure/workspace/tokenmanagement/list
func deleteTokens(ctx context.Context, c *client.Client, id string) error {
	list, err := c.WorkspaceTokensNow(ctx)
	if err == nil && !list.Shown {
		if err = c.ConfirmEmpty(ctx); err == nil {
			return client.Advise(
				errNoTokenList,
				"",
				"This answer is correct if nobody in this workspace has a personal access token. Otherwise, look for "+
					"tokens of the service principal under Settings > Advanced > Personal access tokens.",
			)
		}
	}
	if err != nil {
		return client.Advise(err, "", "The provider could not list the tokens of the service principal. "+tokensRight)
	}
	left := &LeftTokensError{}
	for _, t := range list.Tokens {
		if !ownsOrMade(id, t) {
			continue
		}
		if err := c.RevokeAnyToken(ctx, t.ID); err != nil {
			left.Left = append(left.Left, strings.TrimSpace(t.ID+" "+strconv.Quote(t.Comment)))
			left.Err = cmp.Or(left.Err, err)
		}
	}
	if left.Err != nil {
		return client.Advise(left, "", tokensRight)
	}
	return nil
}

// errNoTokenList reports that the workspace returned no list of tokens: nothing was deleted, and nothing proves that
// there was nothing to delete.
var errNoTokenList = errors.New(
	"the workspace answered the request for the service principal's tokens with {}, which means that there are no " +
		"tokens",
)

const tokensRight = "The service principal is deactivated, so its tokens do not work while it is inactive. Only a " +
	"workspace admin may delete tokens of others. Apply again as workspace admin, or delete the tokens under " +
	"Settings > Advanced > Personal access tokens, or set delete_tokens_when_inactive = false to keep them."
