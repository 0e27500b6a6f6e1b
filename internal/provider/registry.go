package provider

import (
	"context"

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

// Resources returns the managed resources, one line each.
func (*dbxaccess) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		groupmember.NewResource,
		serviceprincipal.NewResource,
		serviceprincipaloauthsecret.NewResource,
		serviceprincipaltoken.NewResource,
		servingendpointpermission.NewResource,
		servingendpointpermissionsexclusive.NewResource,
		tokenpermission.NewResource,
	}
}

func (*dbxaccess) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		clusters.NewDataSource,
		currentidentity.NewDataSource,
		oauthsecret.NewDataSource,
		serviceprincipal.NewDataSource,
		serviceprincipal.NewListDataSource,
		servingendpoint.NewDataSource,
		servingendpoint.NewListDataSource,
		servingendpointaccess.NewDataSource,
		servingendpointpermissions.NewDataSource,
		servingendpointquery.NewDataSource,
		token.NewDataSource,
		tokenpermission.NewDataSource,
	}
}

func (*dbxaccess) ListResources(context.Context) []func() list.ListResource {
	return []func() list.ListResource{
		groupmember.NewListResource,
		serviceprincipal.NewListResource,
		serviceprincipaloauthsecret.NewListResource,
		serviceprincipaltoken.NewListResource,
		servingendpointpermission.NewListResource,
		tokenpermission.NewListResource,
	}
}

func (*dbxaccess) Functions(context.Context) []func() function.Function {
	return []func() function.Function{
		certificate.NewPFXToPEM,
		certificate.NewCertificateInfo,
		entratoken.NewFunction,
	}
}

func (*dbxaccess) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{
		entratoken.NewEphemeralResource,
		oauthtoken.NewEphemeralResource,
		serviceprincipaltoken.NewEphemeralResource,
	}
}

func (*dbxaccess) Actions(context.Context) []func() action.Action {
	return []func() action.Action{
		serviceprincipal.NewAction,
		serviceprincipaltoken.NewAction,
	}
}
