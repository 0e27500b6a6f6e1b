package serviceprincipaloauthsecret

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type secretList struct{ fwkit.Resource }

type queryModel struct {
	ApplicationID types.String `tfsdk:"application_id"`
}

func (l *secretList) ListResourceConfigSchema(
	_ context.Context,
	_ list.ListResourceSchemaRequest,
	resp *list.ListResourceSchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The live OAuth secrets of one service principal, without their values.",
		Attributes: map[string]schema.Attribute{
			"application_id": schema.StringAttribute{
				Required: true, Validators: []validator.String{fwkit.ApplicationID()},
				MarkdownDescription: "Application (client) id of the service principal.",
			},
		},
	}
}

// List returns the live OAuth secrets of the service principal that the query names.
func (l *secretList) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	fwkit.Query(ctx, req, stream, func(by queryModel, push func(list.ListResult) bool, diags *diag.Diagnostics) {
		application := by.ApplicationID.ValueString()
		principalID, found, err := find(ctx, l.Client, application, "")
		if fwkit.Failed(diags, err, "Cannot query OAuth secrets", "OAuth secrets of service principal "+application) {
			return
		}
		for _, s := range found.Secrets {
			if !found.Live(s) {
				continue
			}
			m := imported(s, application, principalID, l.Client)
			if !push(fwkit.Listed(ctx, req, application+" "+fwkit.ShortID(s.ID), m)) {
				return
			}
		}
	})
}
