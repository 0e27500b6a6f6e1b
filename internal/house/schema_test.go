package house_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	// A separate program prints the schema. This import tells Go's test cache that the tests depend on the provider's
	// code.
	_ "github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
)

var update = flag.Bool("update", false, "write testdata/schema.json")

const golden = "testdata/schema.json"

type object = map[string]any

// printed holds the schema, which the program prints once for all tests.
var printed struct {
	once   sync.Once
	schema []byte
	err    error
}

func schemaJSON(t *testing.T) []byte {
	t.Helper()
	printed.once.Do(func() {
		cmd := exec.Command("go", "run", "./internal/cmd/schemajson")
		cmd.Dir = repoRoot(t)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if printed.schema, printed.err = cmd.Output(); printed.err != nil {
			printed.err = fmt.Errorf("schemajson: %w\n%s", printed.err, &stderr)
		}
	})
	if printed.err != nil {
		t.Fatal(printed.err)
	}
	return printed.schema
}

// TestSchemaIsTheGoldenOne checks that the provider's schema equals testdata/schema.json. So a reviewer sees each
// change of the schema: an attribute that disappears or becomes required breaks users' configurations.
func TestSchemaIsTheGoldenOne(t *testing.T) {
	got := schemaJSON(t)
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v: write it with go test ./internal/house -update", err)
	}
	if bytes.Equal(got, want) {
		return
	}
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	i := 0
	for i < min(len(g), len(w))-1 && bytes.Equal(g[i], w[i]) {
		i++
	}
	t.Errorf("the schema changed, first at %s:%d:\n- %s\n+ %s\nIf that is meant: go test ./internal/house -update",
		golden, i+1, w[i], g[i])
}

type attribute struct {
	path, name string
	object
}

// attributes calls visit for every attribute of every schema, including nested attributes.
func attributes(t *testing.T, visit func(attribute)) {
	t.Helper()
	for path, block := range blocks(t) {
		walk(path, block, visit)
	}
}

func blocks(t *testing.T) map[string]object {
	t.Helper()
	var doc struct {
		Schemas map[string]map[string]json.RawMessage `json:"provider_schemas"`
	}
	if err := json.Unmarshal(schemaJSON(t), &doc); err != nil {
		t.Fatal(err)
	}
	type holder struct {
		Block object `json:"block"`
	}
	out := map[string]object{}
	for section, raw := range doc.Schemas["dbxaccess"] {
		switch section {
		case "functions", "resource_identity_schemas": // these sections have another structure
		case "provider":
			var one holder
			if err := json.Unmarshal(raw, &one); err != nil {
				t.Fatal(err)
			}
			out[section] = one.Block
		default:
			var many map[string]holder
			if err := json.Unmarshal(raw, &many); err != nil {
				t.Fatal(err)
			}
			for name, one := range many {
				out[strings.TrimSuffix(section, "_schemas")+" "+name] = one.Block
			}
		}
	}
	if len(out) < 2 {
		t.Fatal("no schemas found")
	}
	return out
}

func walk(path string, holder object, visit func(attribute)) {
	attrs, _ := holder["attributes"].(object)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		attr, _ := attrs[name].(object)
		visit(attribute{path + "." + name, name, attr})
		if nested, ok := attr["nested_type"].(object); ok {
			walk(path+"."+name, nested, visit)
		}
	}
	types, _ := holder["block_types"].(object)
	for name, b := range types {
		outer, _ := b.(object)
		if inner, ok := outer["block"].(object); ok {
			walk(path+"."+name, inner, visit)
		}
	}
}

func TestEverythingIsDescribed(t *testing.T) {
	for path, block := range blocks(t) {
		if block["description_kind"] != "markdown" || block["description"] == nil {
			t.Errorf("%s: no Markdown description", path)
		}
	}
	attributes(t, func(a attribute) {
		// The framework's timeouts module supports only plain text in its descriptions.
		plain := strings.Contains(a.path, ".timeouts.")
		if a.object["description"] == nil || a.object["description_kind"] != "markdown" && !plain {
			t.Errorf("%s: no Markdown description", a.path)
		}
	})
}

var (
	secretName = regexp.MustCompile(
		`^(client_certificate|token|access_token|oidc_token|oidc_request_token)(_wo)?$|token_value|secret|password`)
	innocent = regexp.MustCompile(`_(path|name|id|thumbprint|send_chain|delete_at)$`)
)

func TestSecretsAreMarked(t *testing.T) {
	found := 0
	attributes(t, func(a attribute) {
		if strings.HasSuffix(a.name, "_wo") && a.object["write_only"] != true {
			t.Errorf("%s: a name in _wo promises write-only", a.path)
		}
		// A boolean or a number that has "secret" in its name is not a secret. An object is checked by its members.
		if a.object["type"] != "string" || !secretName.MatchString(a.name) || innocent.MatchString(a.name) {
			return
		}
		found++
		if a.object["sensitive"] != true && a.object["write_only"] != true {
			t.Errorf("%s: named like a secret, but neither sensitive nor write-only", a.path)
		}
	})
	if found == 0 {
		t.Error("found no secret at all: does the pattern still fit the names?")
	}
}
