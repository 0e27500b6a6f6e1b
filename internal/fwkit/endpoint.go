package fwkit

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	data "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// DataEndpointName returns the attribute endpoint_name of a data source.
func DataEndpointName() data.StringAttribute {
	return data.StringAttribute{
		Required: true, Validators: []validator.String{EndpointName()},
		MarkdownDescription: "Name of the endpoint, case-sensitive.",
	}
}

// ManagedEndpointName returns the attribute endpoint_name of a managed resource.
func ManagedEndpointName() schema.StringAttribute {
	return schema.StringAttribute{
		Required: true, Validators: []validator.String{EndpointName()},
		MarkdownDescription: "Name of the endpoint, case-sensitive. A different name replaces the resource.",
		PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
	}
}

// ManagedEndpointID returns the attribute endpoint_id of a managed resource.
func ManagedEndpointID() schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, Computed: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
		MarkdownDescription: "System id of the endpoint, 32 hexadecimal digits. Default: found by name. Give " +
			"`databricks_model_serving.x.serving_endpoint_id` if the endpoint is in the same configuration, and " +
			"never a fixed id.",
		PlanModifiers: []planmodifier.String{FoldCase(), stringplanmodifier.UseStateForUnknown()},
	}
}

// EndpointName returns a validator for the name of a serving endpoint, which becomes part of a URL. Its error says what
// the value is instead, for example an address.
func EndpointName() validator.String {
	return Checked("Not the name of a serving endpoint", checkEndpointName)
}

const longestEndpointName = 63

func checkEndpointName(name string) error {
	switch {
	case name == "":
		return errors.New("it is empty")
	case strings.Contains(name, "://"):
		return errors.New("it is an address; write the endpoint's name alone, as the workspace's page Serving shows it")
	case name == "." || name == "..":
		return fmt.Errorf("%q is not a name, but a part of a path", name)
	case len(name) > longestEndpointName:
		return fmt.Errorf(
			"it has %d characters, and the name of an endpoint has at most %d",
			len(name),
			longestEndpointName,
		)
	case strings.ContainsAny(name, `/\?#%`) || strings.ContainsFunc(name, func(r rune) bool {
		return r == ' ' || !unicode.IsPrint(r)
	}):
		return errors.New("it has a character that is not allowed in the name of an endpoint")
	default:
		return nil
	}
}
