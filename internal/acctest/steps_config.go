package acctest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// configuration is the content of a root module.
type configuration struct {
	blocks    map[string]*block // the resources and data sources by address, such as data.dbxaccess_tokens.this
	outputs   map[string]hclsyntax.Attributes
	variables map[string]cty.Value
	imports   map[string]hclsyntax.Expression // the ids of the import blocks, by the address of the resource
	provider  hclsyntax.Attributes
}

// block is a resource block or a data block of a configuration.
type block struct {
	address, typeName string
	data              bool
	attributes        hclsyntax.Attributes
	needs             []string // the addresses of the blocks that this block depends on
	waits             []string // the addresses among needs that depends_on lists
}

// functions holds the Terraform functions that the tests use.
var functions = map[string]function.Function{
	"jsonencode": stdlib.JSONEncodeFunc, "jsondecode": stdlib.JSONDecodeFunc, "format": stdlib.FormatFunc, "join": stdlib.JoinFunc,
	"length": stdlib.LengthFunc, "keys": stdlib.KeysFunc, "values": stdlib.ValuesFunc, "merge": stdlib.MergeFunc, "concat": stdlib.ConcatFunc,
	"try": tryfunc.TryFunc, "can": tryfunc.CanFunc, "lower": stdlib.LowerFunc, "upper": stdlib.UpperFunc, "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	"tostring": stdlib.MakeToFunc(cty.String), "tonumber": stdlib.MakeToFunc(cty.Number), "tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
}

func parse(text string, given config.Variables) (*configuration, error) {
	file, diagnostics := hclsyntax.ParseConfig([]byte(text), "main.tf", hcl.InitialPos)
	if diagnostics.HasErrors() {
		return nil, diagnostics
	}
	c := &configuration{
		blocks: map[string]*block{}, outputs: map[string]hclsyntax.Attributes{}, variables: map[string]cty.Value{},
		imports: map[string]hclsyntax.Expression{},
	}
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		if err := c.add(b, given); err != nil {
			return nil, fmt.Errorf("%s: %w: use TestCLI", b.Range(), err)
		}
	}
	return c, nil
}

func (c *configuration) add(b *hclsyntax.Block, given config.Variables) (err error) {
	attributes := b.Body.Attributes
	switch b.Type {
	case "terraform":
		return nil
	case "provider":
		if len(b.Body.Blocks) > 0 || attributes["alias"] != nil || b.Labels[0] != "dbxaccess" {
			return fmt.Errorf("more than the attributes of one provider")
		}
		c.provider = attributes
	case "import":
		return c.addImport(b.Body)
	case "output":
		c.outputs[b.Labels[0]] = attributes
		return only(b.Body, "value", "sensitive", "description")
	case "variable":
		if err := only(b.Body, "type", "default", "sensitive", "ephemeral", "description"); err != nil {
			return err
		}
		c.variables[b.Labels[0]], err = variable(attributes, given[b.Labels[0]])
	case "resource", "data":
		address := strings.Join(b.Labels, ".")
		if b.Type == "data" {
			address = "data." + address
		}
		added := &block{address: address, typeName: b.Labels[0], data: b.Type == "data",
			attributes: hclsyntax.Attributes{}}
		for name, attribute := range attributes {
			switch name {
			case "count", "for_each", "provider":
				return fmt.Errorf("%s", name)
			case "depends_on":
				added.waits = references(attribute.Expr)
				added.needs = append(added.needs, added.waits...)
			default:
				added.attributes[name] = attribute
				added.needs = append(added.needs, references(attribute.Expr)...)
			}
		}
		if len(b.Body.Blocks) > 0 || !strings.HasPrefix(added.typeName, "dbxaccess_") {
			return fmt.Errorf("a block in a resource, or another provider's")
		}
		c.blocks[address] = added
	default:
		return fmt.Errorf("block %s", b.Type)
	}
	return err
}

// only returns an error if a block has an attribute that is not in known, or has a nested block.
func only(body *hclsyntax.Body, known ...string) error {
	for name := range body.Attributes {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%s", name)
		}
	}
	for _, inner := range body.Blocks {
		return fmt.Errorf("block %s", inner.Type)
	}
	return nil
}

// variable returns a variable's value: the value that the test supplies or, without one, the default.
func variable(attributes hclsyntax.Attributes, given config.Variable) (cty.Value, error) {
	var value cty.Value
	switch {
	case given != nil:
		text, err := json.Marshal(given)
		if err != nil {
			return cty.NilVal, err
		}
		ty, err := ctyjson.ImpliedType(text)
		if err != nil {
			return cty.NilVal, err
		}
		if value, err = ctyjson.Unmarshal(text, ty); err != nil {
			return cty.NilVal, err
		}
	case attributes["default"] != nil:
		var diagnostics hcl.Diagnostics
		if value, diagnostics = attributes["default"].Expr.Value(nil); diagnostics.HasErrors() {
			return cty.NilVal, diagnostics
		}
	default:
		return cty.NilVal, fmt.Errorf("a variable without a value")
	}
	for word, ty := range map[string]cty.Type{"string": cty.String, "number": cty.Number, "bool": cty.Bool} {
		if attributes["type"] != nil && hcl.ExprAsKeyword(attributes["type"].Expr) == word {
			var err error
			if value, err = convert.Convert(value, ty); err != nil {
				return cty.NilVal, err
			}
		}
	}
	for _, mark := range []string{sensitive, ephemeral} {
		if attributes[mark] != nil {
			value = value.Mark(mark)
		}
	}
	return value, nil
}

// references returns the addresses of the resources and data sources that an expression refers to.
func references(expression hcl.Expression) (addresses []string) {
	for _, traversal := range expression.Variables() {
		var words []string
		for _, part := range traversal {
			switch part := part.(type) {
			case hcl.TraverseRoot:
				words = append(words, part.Name)
			case hcl.TraverseAttr:
				words = append(words, part.Name)
			}
		}
		switch {
		case words[0] == "data" && len(words) > 2:
			addresses = append(addresses, strings.Join(words[:3], "."))
		case strings.HasPrefix(words[0], "dbxaccess_") && len(words) > 1:
			addresses = append(addresses, strings.Join(words[:2], "."))
		}
	}
	return addresses
}

// scope returns the variables, resources, data sources and functions that an expression can use.
func (c *configuration) scope(values map[string]cty.Value) *hcl.EvalContext {
	types, data := map[string]map[string]cty.Value{}, map[string]map[string]cty.Value{}
	for address, value := range values {
		words, into := strings.Split(address, "."), types
		if words[0] == "data" {
			words, into = words[1:], data
		}
		if into[words[0]] == nil {
			into[words[0]] = map[string]cty.Value{}
		}
		into[words[0]][words[1]] = value
	}
	scope := &hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{}}
	for name, members := range types {
		scope.Variables[name] = cty.ObjectVal(members)
	}
	ofData := map[string]cty.Value{}
	for name, members := range data {
		ofData[name] = cty.ObjectVal(members)
	}
	scope.Variables["data"], scope.Variables["var"] = cty.ObjectVal(ofData), cty.ObjectVal(c.variables)
	return scope
}

// addresses returns the sorted addresses of all resources and data sources.
func (c *configuration) addresses() []string {
	var all []string
	for address := range c.blocks {
		all = append(all, address)
	}
	slices.Sort(all)
	return all
}
