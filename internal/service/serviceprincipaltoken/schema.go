package serviceprincipaltoken

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

const (
	defaultLifetime = 90 * 24 * 60 * 60  // seconds; what the workspace's own page offers
	maxLifetime     = 730 * 24 * 60 * 60 // seconds; the platform's limit
	maxComment      = 256                // what fits beside our marker
)

// createTimeout is how long creating may take by default.
const createTimeout = 5 * time.Minute

func (r *tokenResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	kept := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "A personal access token owned by a service principal, for applications that score with a bearer token.\n\n" +
			"The provider logs in as the owner to make it, with the credential in `owner`; a refresh does not contact the owner. One provider block makes the tokens of any number of " +
			"service principals. A token that was revoked or has expired is made again by the next apply.\n\n" +
			"The owner needs the right to use tokens (`dbxaccess_token_permission`); the provider's identity needs to be a workspace admin to see tokens of others.\n\n" +
			"~> `token_value` is in the state, readable by whoever reads the state. Keep the state where only the pipeline can read it.",
		Attributes: map[string]schema.Attribute{
			"id": fwkit.ID("The token's id, as in `token_id`."),
			"owner": schema.SingleNestedAttribute{
				Required: true,
				MarkdownDescription: "The service principal that owns the token, and the credential to log in as it: exactly one of `client_secret_wo`, `client_certificate_wo`, " +
					"`client_certificate_path` and `use_provider_identity`. It is used to make, change and revoke the token.",
				Attributes: map[string]schema.Attribute{
					"application_id": schema.StringAttribute{
						Required: true, Validators: []validator.String{fwkit.ApplicationID()},
						PlanModifiers:       []planmodifier.String{fwkit.FoldCase(), stringplanmodifier.RequiresReplace()},
						MarkdownDescription: "Application (client) id of the owner, a UUID.",
					},
					"tenant_id": schema.StringAttribute{
						Optional: true, Validators: []validator.String{fwkit.Checked("Not an Entra ID tenant", auth.CheckTenantID)},
						MarkdownDescription: "Entra ID tenant of the owner. Default: the provider's.",
					},
					"client_secret_wo": schema.StringAttribute{
						Optional: true, WriteOnly: true, Sensitive: true,
						MarkdownDescription: "Client secret of the owner. Write-only: it is neither in the plan nor in the state.",
					},
					"client_certificate_wo": schema.StringAttribute{
						Optional: true, WriteOnly: true, Sensitive: true,
						MarkdownDescription: "Client certificate of the owner with its private key: base64 of a PFX or PEM file, or PEM text. Write-only.",
					},
					"client_certificate_path": schema.StringAttribute{
						Optional: true, MarkdownDescription: "PFX or PEM file with the owner's client certificate and private key.",
					},
					"client_certificate_password_wo": schema.StringAttribute{
						Optional: true, WriteOnly: true, Sensitive: true,
						MarkdownDescription: "Password of the certificate; absent when it has none. Write-only.",
					},
					"use_provider_identity": schema.BoolAttribute{
						Optional: true, MarkdownDescription: "Whether the provider's own identity is the owner. Its application id must be the one written here.",
					},
				},
			},
			"comment": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.LengthBetween(1, maxComment)},
				MarkdownDescription: "What the token is for, shown in the workspace. Changed in place.",
			},
			"scopes": schema.SetAttribute{
				Optional: true, Computed: true, ElementType: types.StringType,
				Validators:    []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))},
				PlanModifiers: []planmodifier.Set{setplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "API scopes the token is limited to, such as `serving`. Absent: the token carries all the rights of its owner. Changed in place; " +
					"the service may refuse to widen them.",
			},
			"lifetime_seconds": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(defaultLifetime),
				Validators:    []validator.Int64{int64validator.Between(1, maxLifetime)},
				PlanModifiers: []planmodifier.Int64{int64planmodifier.RequiresReplaceIf(madeHere, madeHereOnly, madeHereOnly)},
				MarkdownDescription: "How long the token lives, in seconds: at most 63072000 (730 days), or less where the workspace sets a maximum. Default: 7776000 (90 days). A change makes a new token; " +
					"one that was imported keeps the end it has until then.",
			},
			"token_value": schema.StringAttribute{
				Computed: true, Sensitive: true, PlanModifiers: kept,
				MarkdownDescription: "The bearer token. The service tells it once, when the token is made, so it is null after an import.",
			},
			"token_id":     schema.StringAttribute{Computed: true, PlanModifiers: kept, MarkdownDescription: "Id of the token, 64 hexadecimal digits. It opens nothing."},
			"created_at":   schema.StringAttribute{Computed: true, PlanModifiers: kept, MarkdownDescription: "When it was made, RFC 3339 in UTC."},
			"expires_at":   schema.StringAttribute{Computed: true, PlanModifiers: kept, MarkdownDescription: "When it expires, RFC 3339 in UTC."},
			"workspace_id": fwkit.WorkspaceID(),
			"timeouts":     fwkit.Timeouts(ctx, createTimeout),
		},
	}
}

const madeHereOnly = "A change makes a new token, unless the token was imported."

// madeHere says whether the provider made the token: an import does not know its value. Importing must not lead to a
// replacement, which would revoke a token that somebody uses.
func madeHere(ctx context.Context, req planmodifier.Int64Request, resp *int64planmodifier.RequiresReplaceIfFuncResponse) {
	var value types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("token_value"), &value)...)
	resp.RequiresReplace = !value.IsNull()
}
