package servingendpointpermission_test

import (
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// These tests use a world in which the application is in the workspace, and others hold grants on the endpoint already.
const (
	address = "dbxaccess_serving_endpoint_permission.x"

	person   = "ada@example.com" // created the endpoint, so holds CAN_MANAGE
	user     = "bob@example.com"
	group    = "data scientists"
	neighbor = "6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20"
)

type world struct {
	*acctest.World
	app string // application id of the scoring application

	mu       sync.Mutex
	warnings []string // every warning of the provider, as "summary: detail"
	requests []string // every operation with its number of requests to the workspace, such as "create 3"
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: acctest.New(t)}
	w.app = w.ScoringApp.ClientID
	w.Workspace.AddServicePrincipal(w.app, "iris-scoring")
	w.Workspace.AddServicePrincipal(neighbor, "neighbor")
	w.Workspace.AddUser(user, "Bob")
	w.Workspace.AddGroup(group)
	w.Workspace.SetGrant("iris", neighbor, "CAN_QUERY")
	w.Workspace.SetGrant("iris", user, "CAN_VIEW")
	return w
}

// grantsOfOthers returns the grants that exist before a test, and that no test may change.
func grantsOfOthers() map[string]string {
	return map[string]string{person: "CAN_MANAGE", neighbor: "CAN_QUERY", user: "CAN_VIEW"}
}

// run is World.Test, and also records the warnings and the requests, which Terraform's own output may hide.
func (w *world) run(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	w.TestThrough(t, w.listen, steps...)
}

// runCLI does what run does, through the real CLI.
func (w *world) runCLI(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{Steps: steps,
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"dbxaccess": func() (tfprotov6.ProviderServer, error) {
				server, err := w.Providers()["dbxaccess"]()
				return w.listen(server), err
			},
		}})
}

func (w *world) listen(server tfprotov6.ProviderServer) tfprotov6.ProviderServer {
	return &listener{server, w}
}

type listener struct {
	tfprotov6.ProviderServer
	w *world
}

func (l *listener) ReadResource(
	ctx context.Context, req *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	before := l.w.Count("workspace", "", "")
	resp, err := l.ProviderServer.ReadResource(ctx, req)
	l.hear("read", before, resp.Diagnostics)
	return resp, err
}

func (l *listener) ApplyResourceChange(
	ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	before := l.w.Count("workspace", "", "")
	operation := "update"
	if none, err := req.PriorState.IsNull(); err == nil && none {
		operation = "create"
	} else if none, err := req.PlannedState.IsNull(); err == nil && none {
		operation = "destroy"
	}
	resp, err := l.ProviderServer.ApplyResourceChange(ctx, req)
	l.hear(operation, before, resp.Diagnostics)
	return resp, err
}

func (l *listener) hear(operation string, before int, diagnostics []*tfprotov6.Diagnostic) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	l.w.requests = append(l.w.requests, fmt.Sprintf("%s %d", operation, l.w.Count("workspace", "", "")-before))
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityWarning {
			l.w.warnings = append(l.w.warnings, d.Summary+": "+d.Detail)
		}
	}
}

// warned fails unless a single warning contains all the words.
func (w *world) warned(t *testing.T, words ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, warning := range w.warnings {
		missing := ""
		for _, word := range words {
			if !strings.Contains(warning, word) {
				missing = word
			}
		}
		if missing == "" {
			return
		}
	}
	t.Errorf("no warning holds all of %q; there were %q", words, w.warnings)
}

// holds fails unless the endpoint's direct grants are these and no others.
func (w *world) holds(t *testing.T, want map[string]string) {
	t.Helper()
	if got := w.Workspace.Grants("iris"); !maps.Equal(got, want) {
		t.Errorf("direct grants on the server:\n got %v\nwant %v", got, want)
	}
}

// with returns the foreign grants and one more.
func with(name, level string) map[string]string {
	grants := grantsOfOthers()
	grants[name] = level
	return grants
}

// hcl returns HCL of one grant on the endpoint iris with those lines.
func hcl(lines ...string) string {
	return "resource \"dbxaccess_serving_endpoint_permission\" \"x\" {\n  endpoint_name = \"iris\"\n  " +
		strings.Join(lines, "\n  ") + "\n}\n"
}

func attr(name, value string) string { return fmt.Sprintf("%s = %q", name, value) }

func (w *world) toApp(lines ...string) string {
	return hcl(append([]string{attr("service_principal_name", w.app)}, lines...)...)
}

// patch writes a grant as another client would.
func (w *world) patch(t *testing.T, kind, name, level string) {
	t.Helper()
	body := fmt.Sprintf(`{"access_control_list":[{%q:%q,"permission_level":%q}]}`, kind, name, level)
	req := httptest.NewRequest("PATCH", "/api/2.0/permissions/serving-endpoints/"+w.EndpointID, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+w.PersonToken)
	answer := httptest.NewRecorder()
	w.Workspace.ServeHTTP(answer, req)
	if answer.Code != 200 {
		t.Fatalf("PATCH answered %d %s", answer.Code, answer.Body)
	}
}
