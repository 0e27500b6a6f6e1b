package fwkit

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// TestDiagnosticText checks that a diagnostic shows once what the provider says around an error of the service, and
// nothing that the SDK and net/http say around it.
func TestDiagnosticText(t *testing.T) {
	t.Parallel()
	denied := &client.Error{Kind: client.ErrPermissionDenied, Method: "GET", Path: "/x", Status: 403,
		Code: "PERMISSION_DENIED", Message: "no", RequestID: "r"}
	const deniedWords = "GET /x answered 403 PERMISSION_DENIED: no (request id r)"
	lost := &client.Error{Kind: client.ErrAnswerLost, Method: "GET", Path: "/x", Message: "connection reset by peer"}
	const lostWords = "GET /x got no answer: connection reset by peer"
	web := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://adb-1.test/x?filter=secret", Err: err}
	}
	endpoint := func(err error) error { return fmt.Errorf("serving endpoint churn: %w", err) }
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"alone":                                {denied, deniedWords},
		"in our words":                         {endpoint(denied), "serving endpoint churn: " + deniedWords},
		"in our words twice":                   {fmt.Errorf("list: %w", endpoint(denied)), "list: serving endpoint churn: " + deniedWords},
		"with advice":                          {client.Advise(denied, "", "Do this."), deniedWords},
		"with advice, in our words":            {endpoint(client.Advise(denied, "", "Do this.")), "serving endpoint churn: " + deniedWords},
		"our words with advice":                {client.Advise(endpoint(denied), "", "Do this."), "serving endpoint churn: " + deniedWords},
		"no answer":                            {lost, lostWords},
		"of net/http":                          {web(lost), lostWords},
		"of net/http, in our words":            {endpoint(web(lost)), "serving endpoint churn: " + lostWords},
		"of net/http, advised":                 {endpoint(client.Advise(web(lost), "", "Do this.")), "serving endpoint churn: " + lostWords},
		"redirected, in the words of net/http": {endpoint(web(denied)), "serving endpoint churn: " + deniedWords},
		"of net/http alone":                    {web(errors.New("unsupported protocol")), "unsupported protocol"},
		"not of the service":                   {errors.New("there are two of that name"), "there are two of that name"},
		"not of the service, advised":          {client.Advise(errors.New("there are two"), "name", "Write one."), "there are two"},
		"a kind alone, in our words":           {fmt.Errorf("the workspace has no group %q: %w", "x", client.ErrNotFound), `the workspace has no group "x": not found`},
	} {
		var diags diag.Diagnostics
		if !Failed(&diags, tc.err, "Cannot do it", "object") {
			t.Fatal("no diagnostic")
		}
		got, _, _ := strings.Cut(diags[0].Detail(), "\n")
		if want := "object: " + tc.want; got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
}

// If the rights of the login are not the cause of an error, no advice may suggest to grant the login a right.
func TestAdviceProposesNoRightsThatDoNotHelp(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{client.ErrAddressBlocked, client.ErrNetworkPolicy, client.ErrPrivateLink,
		client.ErrRedirected, client.ErrScope, client.ErrFeatureDisabled, client.ErrUnreachable} {
		next := nextStep(&client.Error{Kind: kind, Status: 403})
		if next == "" {
			t.Errorf("%v: no advice", kind)
		}
		for _, words := range []string{"CAN_", "make it", "add it", "to the group", "azure_workspace_admin_login",
			"Give it"} {
			if strings.Contains(next, words) {
				t.Errorf("%v: the advice says %q: %s", kind, words, next)
			}
		}
	}
	for name, refused := range map[string]*client.Error{
		"a Databricks token": {Kind: client.ErrUnauthenticated, Status: 403, Login: auth.KindToken},
		"an expired token":   {Kind: client.ErrUnauthenticated, Status: 401, Login: auth.KindCLI, Message: "Token is expired"},
	} {
		next := nextStep(refused)
		for _, words := range []string{"azure_workspace_admin_login", "member", "Service principals"} {
			if strings.Contains(next, words) || !strings.Contains(next, "expired") {
				t.Errorf("%s: the advice says %q: %s", name, words, next)
			}
		}
	}
	if next := nextStep(&client.Error{Kind: client.ErrPermissionDenied, Status: 403}); strings.Contains(next, "admin") {
		t.Errorf("a refusal of any kind leads to an admin: %s", next)
	}
}
