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

// Secret is the expression by which a configuration of this world refers to a secret. The value comes in a variable, because
// CLIs print the source of a block that an error is about. [World.CLI], [World.Test] and [World.TestCLI] declare that variable.
func (w *World) Secret(value string) string {
	name := fmt.Sprintf("secret_%x", sha256.Sum256([]byte(value)))[:20]
	w.Env["TF_VAR_"+name] = value
	return "var." + name
}

var secretVariable = regexp.MustCompile(`\bvar\.(secret_[0-9a-f]{13})\b`)

// secretsIn are the names of the variables of [World.Secret] in a configuration.
func secretsIn(hcl string) (names []string) {
	for _, found := range secretVariable.FindAllStringSubmatch(hcl, -1) {
		names = append(names, found[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// declared adds the declarations of the variables of [World.Secret] to a configuration.
func declared(hcl string) string {
	var added strings.Builder
	for _, name := range secretsIn(hcl) {
		if declaration := fmt.Sprintf("variable %q", name); !strings.Contains(hcl, declaration) {
			added.WriteString("\n" + declaration + " {\n  type = string\n  sensitive = true\n}\n")
		}
	}
	return hcl + added.String()
}

// Informed are steps that declare the variables of [World.Secret] and have their values. [World.Test] and [World.TestCLI] see
// to that themselves.
func (w *World) Informed(steps ...resource.TestStep) []resource.TestStep {
	steps = slices.Clone(steps)
	configured := "" // the configuration that is in force
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
