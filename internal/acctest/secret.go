package acctest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// Secret stores a secret value in a Terraform variable of the world and returns the expression that refers to the
// variable. A configuration must not contain the value itself, because Terraform prints the source of a block that has
// an error. [World.CLI], [World.Test] and [World.TestCLI] declare the variable.
func (w *World) Secret(value string) string {
	name := fmt.Sprintf("secret_%x", sha256.Sum256([]byte(value)))[:20]
	w.Env["TF_VAR_"+name] = value
	return "var." + name
}

var secretVariable = regexp.MustCompile(`\bvar\.(secret_[0-9a-f]{13})\b`)

// secretsIn returns the sorted names of the variables of [World.Secret] that a configuration uses.
func secretsIn(hcl string) (names []string) {
	for _, found := range secretVariable.FindAllStringSubmatch(hcl, -1) {
		names = append(names, found[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// declared returns a configuration to which the missing declarations of the variables of [World.Secret] are added.
func declared(hcl string) string {
	var added strings.Builder
	for _, name := range secretsIn(hcl) {
		if declaration := fmt.Sprintf("variable %q", name); !strings.Contains(hcl, declaration) {
			added.WriteString("\n" + declaration + " {\n  type = string\n  sensitive = true\n}\n")
		}
	}
	return hcl + added.String()
}

// Informed returns a copy of the steps that declares the variables of [World.Secret] and sets their values.
// [World.Test] and [World.TestCLI] call it themselves.
func (w *World) Informed(steps ...resource.TestStep) []resource.TestStep {
	steps = slices.Clone(steps)
	configured := "" // the configuration of the latest step that has one
	for i, step := range steps {
		if step.Config != "" {
			configured = step.Config
		}
		given := maps.Clone(step.ConfigVariables)
		for _, name := range secretsIn(configured) {
			if given == nil {
				given = config.Variables{}
			}
			given[name] = config.StringVariable(w.Env["TF_VAR_"+name])
		}
		steps[i].Config, steps[i].ConfigVariables = declared(step.Config), given
	}
	return steps
}
