package token

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type tokensModel struct {
	ApplicationID types.String `tfsdk:"application_id"`
	UserName      types.String `tfsdk:"user_name"`
	Tokens        []tokenModel `tfsdk:"tokens"`
}

type tokenModel struct {
	TokenID          types.String `tfsdk:"token_id"`
	OwnerKind        types.String `tfsdk:"owner_kind"`
	OwnerName        types.String `tfsdk:"owner_name"`
	OwnerDisplayName types.String `tfsdk:"owner_display_name"`
	Comment          types.String `tfsdk:"comment"`
	CreatedAt        types.String `tfsdk:"created_at"`
	ExpiresAt        types.String `tfsdk:"expires_at"`
	LastUsedOn       types.String `tfsdk:"last_used_on"`
	Scopes           types.Set    `tfsdk:"scopes"`
}

// The kinds of owner that a token can have, as owner_kind shows them.
const (
	servicePrincipal = "service_principal"
	user             = "user"
)

// token is a personal access token with its owner.
type token struct {
	client.TokenInfo
	Kind        string // servicePrincipal or user; empty if the list of tokens does not show the owner
	Owner       string // application id or user name; empty if the list of tokens does not show the owner
	DisplayName string // empty if the workspace lists no such owner
}

// kindOf returns whether an owner is a service principal or a user, by the owner's name in a list of tokens. The
// service writes an application id for a service principal and an e-mail address for a user. For an empty name kindOf
// returns an empty string.
func kindOf(name string) string {
	switch {
	case name == "":
		return ""
	case uuid.Validate(name) == nil:
		return servicePrincipal
	default:
		return user
	}
}

func checkUserName(name string) error {
	switch at := strings.LastIndex(name, "@"); {
	case uuid.Validate(name) == nil:
		return errors.New("it is an application id, so it names a service principal; write it in application_id")
	case at <= 0 || at == len(name)-1:
		return errors.New("it is not an e-mail address; name a service principal in application_id")
	default:
		return nil
	}
}

// owner returns the configured owner of the tokens, or an empty string if the tokens of everybody are to be listed.
func (m tokensModel) owner() string {
	return cmp.Or(m.ApplicationID.ValueString(), m.UserName.ValueString())
}

func (m *tokensModel) show(tokens []token) {
	m.Tokens = make([]tokenModel, 0, len(tokens))
	for _, t := range tokens {
		m.Tokens = append(m.Tokens, tokenModel{
			TokenID:          types.StringValue(t.ID),
			OwnerKind:        fwkit.String(t.Kind),
			OwnerName:        fwkit.String(t.Owner),
			OwnerDisplayName: fwkit.String(t.DisplayName),
			Comment:          types.StringValue(t.Comment),
			CreatedAt:        fwkit.Time(t.CreatedAt),
			ExpiresAt:        fwkit.Time(t.ExpiresAt),
			LastUsedOn:       fwkit.Time(t.LastUsed),
			Scopes:           fwkit.Strings(t.Scopes),
		})
	}
}

// String returns the name of the data source for messages.
func (m tokensModel) String() string {
	if o := m.owner(); o != "" {
		return "tokens of " + o
	}
	return "tokens of the workspace"
}

// living returns the tokens of a list that have not expired, oldest first.
func living(list client.TokenList) []token {
	var found []token
	for _, t := range list.Tokens {
		if list.Live(t) {
			owner := list.Owner(t)
			found = append(found, token{TokenInfo: t, Owner: owner, Kind: kindOf(owner)})
		}
	}
	slices.SortFunc(found, func(a, b token) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return found
}

// isForeign returns a function that reports whether a token is known to belong to somebody else than owner. Without an
// owner no token is foreign. Names are compared without case. Otherwise a token whose owner is written in another case
// would be missing without a warning.
func isForeign(owner string) func(token) bool {
	return func(t token) bool { return owner != "" && t.Owner != "" && !strings.EqualFold(t.Owner, owner) }
}
