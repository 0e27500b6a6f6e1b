package currentidentity

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type identityModel struct {
	ID                          types.String `tfsdk:"id"`
	UserName                    types.String `tfsdk:"user_name"`
	ApplicationID               types.String `tfsdk:"application_id"`
	DisplayName                 types.String `tfsdk:"display_name"`
	Groups                      types.Set    `tfsdk:"groups"`
	Host                        types.String `tfsdk:"host"`
	WorkspaceID                 types.String `tfsdk:"workspace_id"`
	AuthType                    types.String `tfsdk:"auth_type"`
	AuthSource                  types.String `tfsdk:"auth_source"`
	Cloud                       types.String `tfsdk:"cloud"`
	TenantID                    types.String `tfsdk:"tenant_id"`
	ClientID                    types.String `tfsdk:"client_id"`
	CertificateSubject          types.String `tfsdk:"certificate_subject"`
	CertificateThumbprintSHA1   types.String `tfsdk:"certificate_thumbprint_sha1"`
	CertificateThumbprintSHA256 types.String `tfsdk:"certificate_thumbprint_sha256"`
	CertificateExpiresAt        types.String `tfsdk:"certificate_expires_at"`
	TokenClaims                 types.String `tfsdk:"token_claims"`
}

// session describes who is logged in, and by which login.
type session struct {
	Identity    client.Identity
	Login       *auth.Login
	Claims      string // JSON; empty for a Databricks token
	Host        string
	WorkspaceID string
}

func toModel(s session) identityModel {
	login := s.Login.Identity() // complete, because a request was sent with this login
	m := identityModel{
		ID:          fwkit.String(s.Identity.ID),
		UserName:    fwkit.String(s.Identity.UserName),
		DisplayName: fwkit.String(s.Identity.DisplayName),
		Groups:      fwkit.Strings(s.Identity.Groups),
		Host:        types.StringValue(s.Host),
		WorkspaceID: fwkit.String(s.WorkspaceID),
		AuthType:    types.StringValue(string(s.Login.Kind)),
		AuthSource:  types.StringValue(s.Login.Source),
		TenantID:    fwkit.String(login.TenantID),
		ClientID:    fwkit.String(login.ClientID),
		TokenClaims: fwkit.String(stable(s.Claims)),
	}
	if s.Login.Kind != auth.KindToken {
		m.Cloud = types.StringValue(s.Login.Cloud)
	}
	if uuid.Validate(s.Identity.UserName) == nil { // the user name of a service principal is its application id
		m.ApplicationID = m.UserName
	}
	if c := login.Certificate; c != nil {
		m.CertificateSubject = types.StringValue(c.Subject)
		m.CertificateThumbprintSHA1 = types.StringValue(c.ThumbprintSHA1)
		m.CertificateThumbprintSHA256 = types.StringValue(c.ThumbprintSHA256)
		m.CertificateExpiresAt = fwkit.Time(c.NotAfter)
	}
	return m
}

// stableClaims lists the claims that are the same in every token of a login, whoever requests the token and when. A
// value that changes from run to run would show a difference in every plan. Claims that are not listed are left out,
// because Entra ID adds claims.
// https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
var stableClaims = []string{
	"aud", "iss", "tid", "ver", "idp", "idtyp", // the kind of token and its issuer
	"appid", "appidacr", "azp", "azpacr", "app_displayname", "client_id", // the application that requested the token
	"oid", "sub", "upn", "unique_name", "preferred_username", "name", "given_name", "family_name", "email", // identity
	"roles", "scp", "scope", // the rights
	"xms_mirid", // the managed identity's resource id
}

// stable returns the stable claims of a token as JSON, with each list sorted; empty if claims holds no JSON object.
func stable(claims string) string {
	var all map[string]any
	if json.Unmarshal([]byte(claims), &all) != nil {
		return ""
	}
	kept := map[string]any{}
	for _, name := range stableClaims {
		value, found := all[name]
		if !found {
			continue
		}
		if list, ok := value.([]any); ok {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		kept[name] = value
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return ""
	}
	return string(text)
}
