package provider

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/certificate"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/clusters"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/currentidentity"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/entratoken"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/groupmember"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/oauthsecret"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/oauthtoken"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/serviceprincipal"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/serviceprincipaloauthsecret"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/serviceprincipaltoken"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/servingendpoint"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/servingendpointaccess"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/servingendpointpermission"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/servingendpointpermissions"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/servingendpointpermissionsexclusive"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/servingendpointquery"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/token"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/service/tokenpermission"
)

// Resources returns the resources of all services, one line per service. The methods below do the same for the rest
// that services add to the provider.
func (*dbxaccess) Resources(context.Context) []func() resource.Resource {
	return slices.Concat(
		groupmember.Resources(),
		serviceprincipal.Resources(),
		serviceprincipaloauthsecret.Resources(),
		serviceprincipaltoken.Resources(),
		servingendpointpermission.Resources(),
		servingendpointpermissionsexclusive.Resources(),
		tokenpermission.Resources(),
	)
}

func (*dbxaccess) DataSources(context.Context) []func() datasource.DataSource {
	return slices.Concat(
		clusters.DataSources(),
		currentidentity.DataSources(),
		oauthsecret.DataSources(),
		serviceprincipal.DataSources(),
		servingendpoint.DataSources(),
		servingendpointaccess.DataSources(),
		servingendpointpermissions.DataSources(),
		servingendpointquery.DataSources(),
		token.DataSources(),
		tokenpermission.DataSources(),
	)
}

func (*dbxaccess) ListResources(context.Context) []func() list.ListResource {
	return slices.Concat(
		groupmember.ListResources(),
		serviceprincipal.ListResources(),
		serviceprincipaloauthsecret.ListResources(),
		serviceprincipaltoken.ListResources(),
		servingendpointpermission.ListResources(),
		tokenpermission.ListResources(),
	)
}

func (*dbxaccess) Functions(context.Context) []func() function.Function {
	return slices.Concat(certificate.Functions(), entratoken.Functions())
}

func (*dbxaccess) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return slices.Concat(
		entratoken.EphemeralResources(),
		oauthtoken.EphemeralResources(),
		serviceprincipaltoken.EphemeralResources(),
	)
}

func (*dbxaccess) Actions(context.Context) []func() action.Action {
	return slices.Concat(
		serviceprincipal.Actions(),
		serviceprincipaltoken.Actions(),
	)
}
