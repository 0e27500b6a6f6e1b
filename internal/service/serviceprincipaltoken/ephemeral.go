package serviceprincipaltoken

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type tokenEphemeral struct{ fwkit.EphemeralResource }

var (
	_ ephemeral.EphemeralResourceWithValidateConfig = &tokenEphemeral{}
	_ ephemeral.EphemeralResourceWithClose          = &tokenEphemeral{}
)

func (e *tokenEphemeral) ValidateConfig(
	ctx context.Context,
	req ephemeral.ValidateConfigRequest,
	resp *ephemeral.ValidateConfigResponse,
) {
	config, known := fwkit.DecodeKnown[ephemeralModel](ctx, req.Config, &resp.Diagnostics, "owner", "owner.key_vault")
	if !known || config.Owner == nil {
		return
	}
	ownerModel(*config.Owner).checkCredentials("", &resp.Diagnostics)
}

// privateKey is the key under which Open stores the id of its token for Close.
const privateKey = "token"

type private struct {
	ID string `json:"token_id"`
}

// Open creates the token, in a plan as well as in an apply. As soon as the token exists, the process knows that it must
// revoke the token, even if Terraform never calls Close.
func (e *tokenEphemeral) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var config ephemeralModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()

	want := config.toToken()
	as, err := logIn(ctx, e.Client, want.Owner)
	if fwkit.Failed(&resp.Diagnostics, err, cannotLogIn, config.String()) {
		return
	}
	addLoginWarnings(as, e.Client, &resp.Diagnostics)
	created := e.Client.BeginEphemeralToken(as)
	made, err := createToken(ctx, as, want)
	created(made.ID)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot create ephemeral token", config.String()) {
		return
	}
	if made.stray != nil {
		fwkit.Warn(&resp.Diagnostics, made.stray, "A second ephemeral token may exist", config.String())
	}
	for _, t := range made.duplicates {
		resp.Diagnostics.AddWarning(
			"Ephemeral token was revoked because its value was lost: "+nameOf(t, want.Owner.ApplicationID),
			fmt.Sprintf(
				"Token %s was created by an earlier attempt of the request for the %s. The answer with its value was "+
					"lost, so nobody has the value.",
				t.ID,
				config.String(),
			),
		)
	}
	config.show(made)
	resp.Diagnostics.Append(resp.Result.Set(ctx, config)...)
	fwkit.Remember(ctx, resp.Private, privateKey, private{ID: made.ID}, &resp.Diagnostics)
}

// Close revokes the token. It adds an error if that fails, because the user must know that the token is live until it
// expires.
func (e *tokenEphemeral) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	opened := fwkit.Recall[private](ctx, req.Private, privateKey, &resp.Diagnostics)
	if resp.Diagnostics.HasError() || opened.ID == "" { // Open has created no token
		return
	}
	err := e.Client.CloseToken(ctx, opened.ID)
	fwkit.Failed(&resp.Diagnostics, err, "Cannot revoke ephemeral token", "ephemeral token "+fwkit.ShortID(opened.ID))
}

const (
	ephemeralLifetime = 60 * 60 // in seconds
	// The maximum lifetime of an ephemeral token, in seconds. A token that must live longer needs the managed resource.
	ephemeralMaxLifetime = 24 * 60 * 60
)

func (e *tokenEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A personal access token of a service principal for the duration of a run. The token is " +
			"neither in the plan nor in the state, and is revoked at the end.",
		Attributes: map[string]schema.Attribute{
			"owner": schema.SingleNestedAttribute{
				Required: true,
				MarkdownDescription: "The service principal that owns the token, and its credential: exactly one " +
					"of `client_secret`, `client_certificate`, `client_certificate_path`, " +
					"`databricks_client_secret`, `key_vault`, `use_oidc`, `use_provider_identity`.",
				Attributes: ownerAttributes(),
			},
			"comment": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.LengthBetween(1, maxComment)},
				MarkdownDescription: "Purpose of the token, shown in the workspace. The provider adds a marker, by " +
					"which it finds its own tokens.",
			},
			"scopes": schema.SetAttribute{
				Optional: true, Computed: true, ElementType: types.StringType,
				Validators: fwkit.ScopeValidators(),
				MarkdownDescription: "API scopes the token is limited to; scoring needs `model-serving`. If " +
					"omitted, **the token has all the rights of its owner.**",
			},
			"lifetime_seconds": schema.Int64Attribute{
				Optional:   true,
				Computed:   true,
				Validators: []validator.Int64{int64validator.Between(1, ephemeralMaxLifetime)},
				MarkdownDescription: "Maximum lifetime of the token in seconds, up to 86400 (a day). It must be " +
					"longer than the run takes. Default: 3600 (an hour).",
			},
			"token_value": fwkit.EphemeralSecret("The bearer token."),
			"token_id":    fwkit.EphemeralString("Id of the token, 64 hexadecimal digits; not its value."),
			"expires_at":  fwkit.EphemeralString("When it expires, RFC 3339 in UTC."),
		},
	}
}

type ephemeralModel struct {
	Owner           *ephemeralOwnerModel `tfsdk:"owner"`
	Comment         types.String         `tfsdk:"comment"`
	Scopes          types.Set            `tfsdk:"scopes"`
	LifetimeSeconds types.Int64          `tfsdk:"lifetime_seconds"`
	TokenValue      types.String         `tfsdk:"token_value"`
	TokenID         types.String         `tfsdk:"token_id"`
	ExpiresAt       types.String         `tfsdk:"expires_at"`
}

// ephemeralOwnerModel is the block owner of the ephemeral resource. Its attributes have no suffix _wo: nothing of an
// ephemeral resource is stored, so nothing in it needs to be write-only. Its fields equal those of [ownerModel], so
// that one type converts to the other.
type ephemeralOwnerModel struct {
	ApplicationID             types.String   `tfsdk:"application_id"`
	TenantID                  types.String   `tfsdk:"tenant_id"`
	ClientSecret              types.String   `tfsdk:"client_secret"`
	ClientCertificate         types.String   `tfsdk:"client_certificate"`
	ClientCertificatePath     types.String   `tfsdk:"client_certificate_path"`
	ClientCertificatePassword types.String   `tfsdk:"client_certificate_password"`
	DatabricksClientSecret    types.String   `tfsdk:"databricks_client_secret"`
	KeyVault                  *ownerKeyVault `tfsdk:"key_vault"`
	UseOIDC                   types.Bool     `tfsdk:"use_oidc"`
	UseProviderIdentity       types.Bool     `tfsdk:"use_provider_identity"`
}

// ephemeralMark is a part of the comment of every ephemeral token, so that a token that was not revoked can be found.
const ephemeralMark = "[dbxaccess-ephemeral]"

func (m ephemeralModel) toToken() token {
	t := token{
		Owner:    ownerModel(*m.Owner).toOwner(""),
		Comment:  strings.TrimSpace(m.Comment.ValueString() + " " + ephemeralMark),
		Scopes:   fwkit.Sorted(m.Scopes),
		Lifetime: ephemeralLifetime * time.Second,
	}
	if !m.LifetimeSeconds.IsNull() {
		t.Lifetime = fwkit.Seconds(m.LifetimeSeconds)
	}
	return t
}

func (m *ephemeralModel) show(made createdToken) {
	m.LifetimeSeconds = types.Int64Value(int64(made.ExpiresAt.Sub(made.CreatedAt).Seconds() + 0.5))
	m.Scopes = fwkit.Strings(made.Scopes)
	m.TokenValue = types.StringValue(made.Value)
	m.TokenID = types.StringValue(made.ID)
	m.ExpiresAt = fwkit.Time(made.ExpiresAt)
}

// String returns the name of the token for messages, which never contains the token's value.
func (m ephemeralModel) String() string {
	name := "ephemeral token of service principal " + m.Owner.ApplicationID.ValueString()
	if c := m.Comment.ValueString(); c != "" {
		name += " (" + c + ")"
	}
	return name
}
