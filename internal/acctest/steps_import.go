package acctest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// addImport adds an import block, which holds the address and the id of an object that the plan imports.
func (c *configuration) addImport(body *hclsyntax.Body) error {
	if err := only(body, "to", "id"); err != nil {
		return err
	}
	if body.Attributes["to"] == nil || body.Attributes["id"] == nil {
		return fmt.Errorf("an import block without an address or an id")
	}
	for _, address := range references(body.Attributes["to"].Expr) {
		c.imports[address] = body.Attributes["id"].Expr
	}
	return nil
}

// imported imports the object that an import block names for b, and adds the object to the refreshed state of the plan.
func (plan *planned) imported(p *Protocol, b *block) (*instance, error) {
	plan.mu.Lock()
	scope := plan.config.scope(plan.values)
	plan.mu.Unlock()
	value, diagnostics := plan.config.imports[b.address].Value(scope)
	if diagnostics.HasErrors() {
		return nil, diagnostics
	}
	id, err := convert.Convert(value, cty.String)
	if err != nil {
		return nil, err
	}
	i, err := plan.run.importObject(p, b.address, id.AsString())
	if err != nil {
		return nil, err
	}
	i.needs = plan.config.allNeeds(b.address)
	plan.mu.Lock()
	defer plan.mu.Unlock()
	plan.prior.instances[b.address] = i
	return i, nil
}

// importObject imports an object by its id. It returns an error if the object does not exist.
func (r *run) importObject(p *Protocol, address, id string) (*instance, error) {
	typeName, _, _ := strings.Cut(address, ".")
	o, words := p.Import(r.t, typeName, id, nil)
	if words == "" && o.State == nil {
		words = "Cannot import non-existent remote object"
	}
	return &instance{Object: o, typeName: typeName}, failure(words, address)
}

// importStep imports an object into an empty state, as terraform import does, and runs the checks of the step. It does
// not change the state of the test.
func (r *run) importStep(step resource.TestStep) error {
	if step.ImportStateKind != resource.ImportCommandWithID || step.ImportStatePersist || step.GenerateConfig {
		r.t.Fatal("this import needs a CLI: use TestCLI")
	}
	now := r.state.shim()
	id := step.ImportStateId
	if step.ImportStateIdFunc != nil {
		var err error
		if id, err = step.ImportStateIdFunc(now); err != nil {
			r.t.Fatal(err)
		}
	} else if id == "" {
		id = now.RootModule().Resources[step.ResourceName].Primary.ID
	}
	p := open(r.t, r.serve(), r.provider)
	p.located = true
	if err := r.configure(p, r.config); err != nil {
		return err
	}
	found, err := r.importObject(p, step.ResourceName, step.ImportStateIdPrefix+id)
	if err != nil {
		return err
	}
	alone := newState()
	alone.instances[step.ResourceName] = found
	imported := alone.shim().RootModule().Resources[step.ResourceName].Primary
	if step.ImportStateCheck != nil {
		if err := step.ImportStateCheck([]*terraform.InstanceState{imported}); err != nil {
			r.t.Fatal(err)
		}
	}
	if !step.ImportStateVerify {
		return nil
	}
	key := step.ImportStateVerifyIdentifierAttribute
	if key == "" {
		key = "id"
	}
	for _, resource := range now.RootModule().Resources {
		if resource.Type == found.typeName && resource.Primary.Attributes[key] == imported.Attributes[key] {
			return sameImported(imported.Attributes, resource.Primary.Attributes, step.ImportStateVerifyIgnore)
		}
	}
	return fmt.Errorf("the state holds no resource with the %s %q that was imported", key, imported.Attributes[key])
}

// sameImported returns an error if the imported attributes differ from those in the state. It ignores the attributes
// that the step ignores, empty collections and timeouts.
func sameImported(imported, state map[string]string, ignored []string) error {
	ignored = append(slices.Clone(ignored), "timeouts")
	compared := func(attributes map[string]string) map[string]string {
		attributes = maps.Clone(attributes)
		maps.DeleteFunc(attributes, func(name, value string) bool {
			empty := value == "0" && (strings.HasSuffix(name, ".#") || strings.HasSuffix(name, ".%"))
			return empty || slices.ContainsFunc(ignored, func(prefix string) bool {
				return strings.HasPrefix(name, prefix)
			})
		})
		return attributes
	}
	if got, want := compared(imported), compared(state); !maps.Equal(got, want) {
		return fmt.Errorf("what was imported differs from state:\n got %v\nwant %v", got, want)
	}
	return nil
}

// refreshStep refreshes the state, plans again, and returns an error if the plan is not empty, unless the step expects
// that.
func (r *run) refreshStep(step resource.TestStep) error {
	plan, err := r.plan(r.config, planOptions{refresh: true, only: true})
	if err != nil {
		return err
	}
	r.state = plan.prior
	if step.Check != nil {
		if err := step.Check(r.state.shim()); err != nil {
			r.t.Fatal(err)
		}
	}
	if plan, err = r.plan(r.config, planOptions{refresh: true}); err != nil {
		return err
	}
	if err := checkPlan(r.t, plan, step.RefreshPlanChecks.PostRefresh); err != nil {
		return err
	}
	if !plan.empty() && !step.ExpectNonEmptyPlan {
		return fmt.Errorf("the plan after a refresh is not empty:\n%s", plan)
	}
	return nil
}
