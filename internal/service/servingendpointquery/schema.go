package servingendpointquery

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-jsontypes/jsontypes"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// Who asks.
const (
	asProvider = "provider"
	asToken    = "token"
)

func (d *queryDataSource) Schema(ctx context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	limit := timeouts.AttributesWithOpts(ctx, timeouts.Opts{
		ReadDescription: "How long the query may take in all, the start of an endpoint scaled to zero included: a Go duration such as `10m`. Default: 20 minutes.",
	}).(schema.SingleNestedAttribute)
	limit.MarkdownDescription = "How long the query may take."
	resp.Schema = schema.Schema{
		MarkdownDescription: "Scores a model-serving endpoint and tells that it answered. Give it a `depends_on` on the grant and the token: then it runs after them, and a missing grant " +
			"does not break the plan that would mend it.\n\nAn endpoint that scaled to zero is waited for. A refusal is tried again only where this run changed the endpoint's access list within " +
			"the last two minutes, because a new grant may take that long to be honoured.",
		Attributes: map[string]schema.Attribute{
			"endpoint_name": schema.StringAttribute{
				Required: true, Validators: []validator.String{fwkit.EndpointName()},
				MarkdownDescription: "Name of the endpoint, case-sensitive.",
			},
			"request": schema.StringAttribute{
				Required: true, CustomType: jsontypes.NormalizedType{},
				MarkdownDescription: "The body to send, JSON: `dataframe_records`, `dataframe_split`, `inputs` or `instances`, or what the model takes.",
			},
			"query_as": schema.StringAttribute{
				Required: true, Validators: []validator.String{stringvalidator.OneOf(asProvider, asToken)},
				MarkdownDescription: "Who asks: `provider` (the provider's own identity) or `token` (the bearer of `token`).",
			},
			"token": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "The bearer token to ask with, when `query_as` is `token`. Like every argument of a data source it is kept in the state.",
			},
			"store_response": schema.BoolAttribute{
				Optional: true, MarkdownDescription: "Whether the model's answer is kept in the state, in `response`. Default: `false`.",
			},
			"status":       schema.Int64Attribute{Computed: true, MarkdownDescription: "HTTP status of the answer; anything but success is an error."},
			"served_model": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the served entity that answered, where the service tells it."},
			"response":     schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "The model's answer, JSON; null unless `store_response` is `true`."},
			"timeouts":     limit,
		},
	}
}
