package currentidentity

import (
	"encoding/json"
	"time"

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
	TokenIssuedAt               types.String `tfsdk:"token_issued_at"`
	TokenExpiresAt              types.String `tfsdk:"token_expires_at"`
	TokenClaims                 types.String `tfsdk:"token_claims"`
}

// session is who is logged in, by what, and until when.
type session struct {
	Identity    client.Identity
	Login       *auth.Login
	Claims      string // JSON; empty for a Databricks token
	ExpiresAt   time.Time
	Host        string
	WorkspaceID string
}

func toModel(s session) identityModel {
	login := s.Login.Identity() // complete: a call was made with it
	m := identityModel{
		ID: fwkit.String(s.Identity.ID), UserName: fwkit.String(s.Identity.UserName), DisplayName: fwkit.String(s.Identity.DisplayName),
		Groups: fwkit.Strings(s.Identity.Groups), Host: types.StringValue(s.Host), WorkspaceID: fwkit.String(s.WorkspaceID),
		AuthType: types.StringValue(string(s.Login.Kind)), AuthSource: types.StringValue(s.Login.Source),
		TenantID: fwkit.String(login.TenantID), ClientID: fwkit.String(login.ClientID),
		TokenClaims: fwkit.String(s.Claims), TokenExpiresAt: fwkit.Time(s.ExpiresAt), TokenIssuedAt: fwkit.Time(issuedAt(s.Claims)),
	}
	if s.Login.Kind != auth.KindToken {
		m.Cloud = types.StringValue(s.Login.Cloud)
	}
	if uuid.Validate(s.Identity.UserName) == nil { // how the workspace names a service principal here
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

// issuedAt is the claim iat; the zero time when there is none.
func issuedAt(claims string) time.Time {
	var c struct {
		IssuedAt float64 `json:"iat"`
	}
	if json.Unmarshal([]byte(claims), &c) != nil || c.IssuedAt == 0 {
		return time.Time{}
	}
	return time.Unix(int64(c.IssuedAt), 0)
}
