// Command empty is a provider that does no work. It serves the same schema as the real provider through the same
// framework, sends no requests, and returns every planned change as done. Its cost under Terraform is a lower bound for
// the cost of the real provider.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	dbxaccess "github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
)

func main() {
	// The real provider sets these variables itself if no logs are requested. Without them, the empty provider would
	// cost more, and the comparison would favour the real one.
	for _, name := range []string{"TF_LOG_PROVIDER_DBXACCESS", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK",
		"TF_LOG_SDK_PROTO"} {
		if err := os.Setenv(name, "off"); err != nil {
			log.Fatal(err)
		}
	}

	whole := dbxaccess.New("0.0.0", os.LookupEnv)
	err := providerserver.Serve(context.Background(), func() provider.Provider {
		return empty{whole()}
	}, providerserver.ServeOpts{
		Address: "registry.terraform.io/dbxaccess/dbxaccess",
	})
	if err != nil {
		log.Fatal(err)
	}
}

// empty embeds the interface, not the real provider's type. So it has only those optional features of the real provider
// that it declares itself.
type empty struct{ provider.Provider }

func (empty) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}

func (e empty) Resources(ctx context.Context) []func() resource.Resource {
	var all []func() resource.Resource
	for _, newResource := range e.Provider.Resources(ctx) {
		all = append(all, func() resource.Resource { return emptyResource{newResource()} })
	}
	return all
}

func (e empty) Functions(ctx context.Context) []func() function.Function {
	if p, ok := e.Provider.(provider.ProviderWithFunctions); ok {
		return p.Functions(ctx)
	}
	return nil
}

func (e empty) EphemeralResources(ctx context.Context) []func() ephemeral.EphemeralResource {
	if p, ok := e.Provider.(provider.ProviderWithEphemeralResources); ok {
		return p.EphemeralResources(ctx)
	}
	return nil
}

type emptyResource struct{ resource.Resource }

func (emptyResource) Create(_ context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var err error
	if resp.State.Raw, err = known(req.Plan.Raw); err != nil {
		resp.Diagnostics.AddError("Cannot fill in what is unknown", err.Error())
	}
}

func (emptyResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

func (emptyResource) Update(_ context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var err error
	if resp.State.Raw, err = known(req.Plan.Raw); err != nil {
		resp.Diagnostics.AddError("Cannot fill in what is unknown", err.Error())
	}
}

func (emptyResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}

// known replaces each unknown value of a plan with an arbitrary known value.
func known(plan tftypes.Value) (tftypes.Value, error) {
	return tftypes.Transform(plan, func(_ *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		if v.IsKnown() {
			return v, nil
		}
		switch t := v.Type(); {
		case t.Is(tftypes.String):
			return tftypes.NewValue(t, "known"), nil
		case t.Is(tftypes.Number):
			return tftypes.NewValue(t, 0), nil
		case t.Is(tftypes.Bool):
			return tftypes.NewValue(t, false), nil
		case t.Is(tftypes.Map{}):
			return tftypes.NewValue(t, map[string]tftypes.Value{}), nil
		case t.Is(tftypes.List{}), t.Is(tftypes.Set{}):
			return tftypes.NewValue(t, []tftypes.Value{}), nil
		default:
			return v, fmt.Errorf("no value of type %s is at hand", t)
		}
	})
}
