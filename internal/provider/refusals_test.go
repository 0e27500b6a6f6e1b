package provider_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// Each row is a refusal that no missing right causes. The error contains the service's words, says who was refused and
// what to do, and recommends no right.
func TestRefusalsThatNoRightChanges(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		network emulator.NetworkAnswer
		fault   emulator.Fault // if there is no switch for it
		says    []string
	}{
		"IP access list": {network: emulator.NetworkIPAccessList,
			says: []string{"Source IP address", "IP ACL", "does not allow the network address that this call came from",
				"IP access list"}},
		"network policy": {network: emulator.NetworkPolicy,
			says: []string{"Unauthorized network access to workspace", "no calls from the network",
				"public network access"}},
		"network policy in plain text": {network: emulator.NetworkPolicyAsText,
			says: []string{"Unauthorized network access to workspace", "no calls from the network", "public network access"}},
		"scope": {fault: emulator.Fault{Status: 403, Body: `{"error_code":403,"message":"Provided OAuth token does not have required scopes: model-serving"}`},
			says: []string{"required scopes: model-serving", "lacks the scope that this call needs"}},
		"tier": {fault: emulator.Fault{Status: 403, Body: `{"error_code":"FEATURE_DISABLED","message":"ACLs for serving endpoints are disabled or not available in this tier"}`},
			says: []string{"FEATURE_DISABLED", "not available in this tier", "pricing tier"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			grant := map[string]any{"endpoint_name": w.EndpointName, "service_principal_name": w.Deployer.ClientID}
			p := w.Protocol(t)
			made := p.MustApply(t, "dbxaccess_serving_endpoint_permission", acctest.Object{}, grant)
			for what, run := range map[string]func() string{
				"create": func() string {
					_, errors := w.Protocol(t).Apply(t, "dbxaccess_serving_endpoint_permission", acctest.Object{},
						grant)
					return errors
				},
				"refresh": func() string {
					_, errors := w.Protocol(t).Refresh(t, "dbxaccess_serving_endpoint_permission", made)
					return errors
				},
				"destroy": func() string {
					_, errors := w.Protocol(t).Apply(t, "dbxaccess_serving_endpoint_permission", made, nil)
					return errors
				},
			} {
				before := w.Workspace.Snapshot()
				if fault := tc.fault; fault.Status != 0 {
					fault.Service, fault.Times, fault.ContentType = "workspace", -1, "application/json"
					w.Tenant.Faults.Add(fault)
				}
				w.Workspace.SetSwitches(emulator.WorkspaceSwitches{Network: tc.network})
				errors := run()
				w.Workspace.SetSwitches(emulator.WorkspaceSwitches{})
				w.Tenant.Faults.Clear()
				says := append([]string{w.EndpointName, "ARM_CLIENT_CERTIFICATE_PATH in the environment", "client id " +
					w.Deployer.ClientID, "tenant " + w.Tenant.ID}, tc.says...)
				for _, words := range says {
					if !strings.Contains(errors, words) {
						t.Errorf("%s: it does not say %q: %s", what, words, errors)
					}
				}
				for _, words := range []string{"Wrong workspace", "make it", "CAN_MANAGE", "Give",
					"azure_workspace_admin_login"} {
					if strings.Contains(errors, words) {
						t.Errorf("%s: it says %q: %s", what, words, errors)
					}
				}
				if after := w.Workspace.Snapshot(); !reflect.DeepEqual(after, before) {
					t.Errorf("%s: the workspace has changed", what)
				}
			}
		})
	}
}

// Through Terraform, a refusal by an IP access list ends with exit code 1, and the state stays as it was.
func TestBlockedAddressLeavesTheState(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	c := w.CLI(t, `
resource "dbxaccess_serving_endpoint_permission" "p" {
  endpoint_name          = "`+w.EndpointName+`"
  service_principal_name = "`+w.Deployer.ClientID+`"
}
`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	before := c.State(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{Network: emulator.NetworkIPAccessList})
	for _, args := range [][]string{{"plan"}, {"apply", "-auto-approve"}, {"destroy", "-auto-approve"},
		{"destroy", "-auto-approve", "-refresh=false"}} {
		r := c.MustRun(t, 1, args...)
		r.MustSay(t, "is blocked by Databricks IP ACL", "does not allow the network address", "client id "+
			w.Deployer.ClientID)
		r.MustNotSay(t, "workspace admin", "Wrong workspace")
		if len(args) == 3 {
			r.MustSay(t, "Cannot find out which workspace this is")
		}
		if c.State(t) != before {
			t.Errorf("%v: the state has changed", args)
		}
	}
}

// The provider does not follow a redirect. The error names the redirected request, the host that redirected it, and the
// target.
func TestRedirectedWorkspace(t *testing.T) {
	t.Parallel()
	grant := func(w *acctest.World) string {
		_, errors := w.Protocol(t).Apply(t, "dbxaccess_group_member", acctest.Object{},
			map[string]any{"group_name": "readers", "application_id": w.Deployer.ClientID})
		return errors
	}
	must := func(errors string, says ...string) {
		t.Helper()
		for _, words := range append(says, "GET /api/2.0/preview/scim/v2/Groups answered 30", "127.0.0.1:") {
			if !strings.Contains(errors, words) {
				t.Errorf("it does not say %q: %s", words, errors)
			}
		}
	}
	w := acctest.New(t)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{Network: emulator.NetworkPrivateLink})
	must(grant(w), "private-link-validation-error of workspace "+w.Workspace.ID(), "over its private link only",
		"private endpoint")

	w = acctest.New(t)
	server := httptest.NewServer(http.RedirectHandler("https://login.example.com/saml?state=x", http.StatusFound))
	t.Cleanup(server.Close)
	w.Env["DBXACCESS_HOST"] = server.URL
	must(grant(w), "redirected it to https://login.example.com/saml,", "never redirects", "a sign-in page")
}

// A server's certificate that cannot be parsed ends the plan at once.
func TestWorkspaceWithABrokenCertificate(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	server.TLS.Certificates = []tls.Certificate{{Certificate: [][]byte{[]byte("no certificate")},
		PrivateKey: server.TLS.Certificates[0].PrivateKey}}
	w.Env["DBXACCESS_HOST"] = server.URL
	_, errors := w.Protocol(t).Apply(t, "dbxaccess_group_member", acctest.Object{},
		map[string]any{"group_name": "readers", "application_id": w.Deployer.ClientID})
	for _, words := range []string{"nothing was sent", "TLS handshake failed",
		"failed to parse certificate from server"} {
		if !strings.Contains(errors, words) {
			t.Errorf("it does not say %q: %s", words, errors)
		}
	}
}

// terraform query names the endpoint whose access list could not be read.
func TestQueryNamesTheEndpoint(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET",
		Path: "/api/2.0/permissions/serving-endpoints/" + w.EndpointID, Times: -1, Status: 400,
		Code: "INVALID_PARAMETER_VALUE", Message: "odd"})
	said := ""
	for found := range w.Protocol(t).Stream(t, "dbxaccess_serving_endpoint_permission", nil, false, 0) {
		said += found.Errors
	}
	if !strings.Contains(said, "serving endpoint "+w.EndpointName+": GET /api/2.0/permissions/serving-endpoints/") ||
		strings.Count(said, "odd") != 1 {
		t.Errorf("it does not name the endpoint: %s", said)
	}
}
