package serviceprincipaltoken

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type queryModel struct {
	ApplicationID      types.String `tfsdk:"application_id"`
	IncludeOwnIdentity types.Bool   `tfsdk:"include_own_identity"`
}

func querySchema() schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The live personal access tokens of service principals, oldest first, without their " +
			"values.",
		Attributes: map[string]schema.Attribute{
			"application_id": schema.StringAttribute{
				Optional: true, Validators: []validator.String{fwkit.ApplicationID()},
				MarkdownDescription: "Application (client) id of the service principal that owns the tokens. If " +
					"omitted, the tokens of every service principal, except the one that the provider is logged in as.",
			},
			"include_own_identity": fwkit.IncludeOwnIdentity("with its tokens, if `application_id` is omitted"),
		},
	}
}

// queryTokens returns the tokens that match the query. The workspace lists all tokens in one answer.
func queryTokens(ctx context.Context, c *client.Client, by queryModel, results *fwkit.Results) {
	applicationID := by.ApplicationID.ValueString()
	found, err := search(ctx, c, applicationID, by.IncludeOwnIdentity.ValueBool())
	object := cmp.Or(applicationID, "tokens")
	if fwkit.Failed(&results.Diagnostics, err, "Cannot query tokens of service principals", object) {
		return
	}
	for _, t := range found {
		name := t.ApplicationID + " " + cmp.Or(client.Unmark(t.Comment), fwkit.ShortID(t.ID))
		if !results.Push(name, imported(t.TokenInfo, t.ApplicationID, c.WorkspaceID())) {
			return
		}
	}
}

// ownedToken is a token together with the application id of the service principal that owns the token.
type ownedToken struct {
	client.TokenInfo
	ApplicationID string
}

// search returns the tokens of one service principal. Without an application id it returns the tokens of every service
// principal, and leaves out those of the caller unless own is true. It sends one request, and another if the login does
// not show whose identity it is.
func search(ctx context.Context, c *client.Client, applicationID string, own bool) ([]ownedToken, error) {
	all, err := tokens(ctx, c, false, "")
	if err != nil {
		return nil, err
	}
	found := manageable(all.TokenList, applicationID)
	if own || applicationID != "" {
		return found, nil
	}
	return slices.DeleteFunc(found, func(t ownedToken) bool {
		self, selfErr := c.IsSelf(ctx, t.ApplicationID)
		err = cmp.Or(err, selfErr)
		return self
	}), err
}

// manageable returns the live tokens of one service principal or, without an application id, of every service
// principal, oldest first. It leaves out tokens that an interrupted run left behind, because nobody may manage them. It
// leaves out ephemeral tokens, because the run that opened them revokes them.
func manageable(all client.TokenList, applicationID string) []ownedToken {
	var found []ownedToken
	for _, t := range all.Tokens {
		owner := all.Owner(t)
		if all.Live(t) && uuid.Validate(owner) == nil && !t.Abandoned(all.Now) &&
			!strings.Contains(t.Comment, ephemeralMark) &&
			(applicationID == "" || strings.EqualFold(owner, applicationID)) {
			found = append(found, ownedToken{t, owner})
		}
	}
	slices.SortFunc(found, func(a, b ownedToken) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return found
}
