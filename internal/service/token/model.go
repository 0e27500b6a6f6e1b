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

// What an owner is.
const (
	servicePrincipal = "service_principal"
	user             = "user"
)

// token is one with its owner.
type token struct {
	client.TokenInfo
	Kind        string // servicePrincipal or user
	Owner       string // application id or user name; empty where the list does not show it
	DisplayName string // empty where the workspace lists no such owner
}

// kindOf distinguishes a service principal from a user by the name in a token list: the service writes an application
// id there for the one and an e-mail address for the other.
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
		return errors.New("it is an application id, so it names a service principal: write it in application_id")
	case at <= 0 || at == len(name)-1:
		return errors.New("it is not an e-mail address; a service principal is named in application_id")
	default:
		return nil
	}
}

// owner returns the configured owner of the tokens; empty for the tokens of everybody.
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

// String names the data source in messages.
func (m tokensModel) String() string {
	if o := m.owner(); o != "" {
		return "tokens of " + o
	}
	return "tokens of the workspace"
}

// living are the tokens that still open something, oldest first.
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

// stranger says of a token whether it is known to be somebody else's than the owner's; with no owner none is. Names are
// compared without case: a filter of the service that did not would answer with silence where there is a token.
func isForeign(owner string) func(token) bool {
	return func(t token) bool { return owner != "" && t.Owner != "" && !strings.EqualFold(t.Owner, owner) }
}
