package serviceprincipaloauthsecret

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type queryModel struct {
	ApplicationID types.String `tfsdk:"application_id"`
}

func querySchema() schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The live OAuth secrets of one service principal, without their values.",
		Attributes: map[string]schema.Attribute{
			"application_id": schema.StringAttribute{
				Required: true, Validators: []validator.String{fwkit.ApplicationID()},
				MarkdownDescription: "Application (client) id of the service principal.",
			},
		},
	}
}

// querySecrets returns the live OAuth secrets of the service principal that the query names.
func querySecrets(ctx context.Context, c *client.Client, by queryModel, results *fwkit.Results) {
	application := by.ApplicationID.ValueString()
	principalID, found, err := find(ctx, c, application, "")
	object := "OAuth secrets of service principal " + application
	if fwkit.Failed(&results.Diagnostics, err, "Cannot query OAuth secrets", object) {
		return
	}
	for _, s := range found.Secrets {
		if !found.Live(s) {
			continue
		}
		if !results.Push(application+" "+fwkit.ShortID(s.ID), imported(s, application, principalID, c)) {
			return
		}
	}
}
