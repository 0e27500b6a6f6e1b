package fwkit

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
)

// incomplete is a model whose state lacks one required attribute after a move from the official provider, until the
// first refresh. FoundByRefresh returns the name of that attribute.
type incomplete interface{ FoundByRefresh() (attribute string) }

// CheckRequiredValues reports whether a state has a value for each required attribute of its schema, and adds an error
// for each missing value. The provider always writes all of these values, so a state that lacks one was edited or is
// damaged. CheckRequiredValues accepts a null state, which stands for an object that does not exist. It also accepts a
// state without the attribute that FoundByRefresh of the model names.
func CheckRequiredValues(state tfsdk.State, model any, diags *diag.Diagnostics) bool {
	values := AttributesOf(state.Raw)
	if values == nil {
		return true
	}
	except := ""
	if m, ok := model.(incomplete); ok {
		except = m.FoundByRefresh()
	}
	complete := true
	attributes := state.Schema.GetAttributes()
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if !attributes[name].IsRequired() || name == except || !values[name].IsNull() {
			continue
		}
		complete = false
		object := ""
		if values["id"].Type() != nil && !values["id"].IsNull() {
			_ = values["id"].As(&object)
			object = " of the object with the id " + object
		}
		diags.AddAttributeError(
			path.Root(name),
			"Damaged state",
			fmt.Sprintf("%s is required, and the state%s has no value for it. The state was edited or is damaged, so "+
				"nothing was read or changed.\n\nRestore a backup of the state. Or remove the object from the state "+
				"with terraform state rm <address>, and import it.", name, object),
		)
	}
	return complete
}
