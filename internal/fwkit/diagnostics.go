// Package fwkit holds what the services share on top of the Terraform plugin framework: decoding, diagnostics, the
// attributes that every resource has, and the plan of a rotation.
package fwkit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Refresh writes the model that a refresh found into the state, unless that model equals the one from before. Encoding
// a model costs more than all the rest of a refresh that finds nothing new.
func Refresh(ctx context.Context, state *tfsdk.State, before, found any, diags *diag.Diagnostics) {
	if !reflect.DeepEqual(before, found) {
		diags.Append(state.Set(ctx, found)...)
	}
}

// Failed adds err to diags as an error, and reports whether err is not nil. The summary is a fixed sentence; a refused
// login brings its own summary. The detail names the object, repeats the service's own words and says what to do next.
func Failed(diags *diag.Diagnostics, err error, summary, object string) bool {
	if err == nil {
		return false
	}
	attribute, summary, detail := explain(err, summary, object)
	if attribute = printable(attribute); attribute == "" {
		diags.AddError(summary, detail)
	} else {
		diags.AddAttributeError(Path(attribute), summary, detail)
	}
	return true
}

// printable returns the attribute that a diagnostic may point at. Terraform prints the lines of configuration that a
// diagnostic points at. So for an attribute that holds a secret printable returns an empty string: the lines of the
// attribute, or of the object around it, would show the secret. The text of the diagnostic still names the attribute.
func printable(attribute string) string {
	name := attribute[strings.LastIndex(attribute, ".")+1:]
	switch strings.TrimSuffix(name, "_wo") {
	case "client_certificate", "client_certificate_password", "client_secret", "databricks_client_secret", "token":
		return ""
	default:
		return attribute
	}
}

// Warn adds err to diags as a warning. The summary ends with the object's name, because Terraform combines warnings
// that have the same summary.
func Warn(diags *diag.Diagnostics, err error, summary, object string) {
	_, _, detail := explain(err, summary, object)
	diags.AddWarning(summary+": "+object, detail)
}

// Path converts a dotted name such as "owner.client_secret_wo" into the path of that attribute.
func Path(dotted string) path.Path {
	names := strings.Split(dotted, ".")
	p := path.Root(names[0])
	for _, n := range names[1:] {
		p = p.AtName(n)
	}
	return p
}

func explain(err error, summary, object string) (attribute, title, detail string) {
	if login, ok := errors.AsType[*auth.Error](err); ok {
		// A refused login has the same cause whatever the call was for, so the diagnostic shows the summary of the
		// login error.
		return login.Attribute, login.Summary, fmt.Sprintf("%s: %s\n\n%s", object, lower(summary), login.Detail)
	}
	next := ""
	if advice, ok := errors.AsType[*client.Advice](err); ok {
		attribute, next = advice.Attribute, advice.Text()
	}
	if next == "" {
		next = nextStep(err)
	}
	detail = object + ": " + errorText(err)
	if next != "" {
		detail += "\n\n" + next
	}
	return attribute, summary, detail
}

// errorText returns the text of an error. It removes what net/http wraps around the provider's own error. It adds the
// message of a request that got no answer, if the SDK has left that message out.
func errorText(err error) string {
	text := err.Error()
	if web, ok := errors.AsType[*url.Error](err); ok {
		text = strings.Replace(text, web.Error(), web.Err.Error(), 1)
	}
	service, ok := errors.AsType[*client.Error](err)
	if ok && service.Status == 0 && !strings.Contains(text, service.Message) {
		text = strings.Replace(text, service.Error(), service.Error()+": "+service.Message, 1)
	}
	return text
}

// nextStep returns what the user can do about an error of this kind. It is called for errors that bring no advice of
// their own. It returns an empty string for a kind of error that has no advice.
func nextStep(err error) string {
	var wrong *client.WrongWorkspaceError
	var web *url.Error
	var call *client.Error
	switch {
	case errors.As(err, &wrong):
		return "The provider is configured for another workspace than that of this object. Nothing was changed. " +
			"Correct host (or the environment variable), or use a provider alias for each workspace. If the " +
			"workspace was deleted, or another Terraform state has the object, let Terraform forget the object: " +
			"terraform state rm <address>, or a removed block with lifecycle { destroy = false }, which OpenTofu " +
			"applies with -refresh=false only."
	case errors.Is(err, client.ErrAddressBlocked):
		return "The workspace's IP access list does not allow the network address that this call came from. More " +
			"rights for the login do not help. Run Terraform from an address that is allowed, such as a runner of " +
			"your own with a fixed address, or ask an admin of the workspace to allow the address above (Settings > " +
			"Security > IP access list). The workspace may see the address of a proxy or a NAT gateway."
	case errors.Is(err, client.ErrNetworkPolicy):
		return "The workspace accepts no calls from the network that this call came from. More rights for the login " +
			"do not help. Run Terraform in a network from which the workspace can be used, such as on a runner in " +
			"its virtual network. Or ask the team that manages the network access of the workspace: public network " +
			"access of its Azure resource, and the network policies of the Databricks account."
	case errors.Is(err, client.ErrPrivateLink):
		return "The workspace accepts calls over its private link only. More rights for the login do not help. Run " +
			"Terraform in a network that has the private endpoint, such as on a runner in the virtual network, and " +
			"check that the workspace's host name resolves to the private endpoint's address there. If HTTPS_PROXY " +
			"is set, calls do not use the private endpoint: add the workspace's host to NO_PROXY."
	case errors.Is(err, client.ErrRedirected):
		return "The workspace's API never redirects a call. Something else answered: a proxy, a gateway, a sign-in " +
			"page, or a host that is not a workspace. Check host in the provider block, HTTPS_PROXY and NO_PROXY."
	case errors.Is(err, client.ErrWrongWorkspace):
		return "Correct host or workspace_id in the provider block (or in the environment). Both must name the same " +
			"workspace, also the id after ?o= in host."
	case errors.Is(err, client.ErrScope):
		return "The token lacks the scope that this call needs. The rights of the token's owner are not the cause. " +
			"Use a token with the scope named above, and with no scope that is not needed."
	case errors.Is(err, client.ErrFeatureDisabled):
		return "The workspace does not have this feature: an admin has switched it off, or the pricing tier does not " +
			"include it. More rights for the login do not help. Access lists, for example, need the Premium tier; " +
			"the workspace's Azure resource shows its tier."
	case errors.Is(err, client.ErrNotAnAnswer):
		next := "The answer has a success status, but its content is not that of the workspace's API. Usual causes: " +
			"a proxy or gateway answered with a page of its own, such as a sign-in page; a private link or an IP " +
			"access list blocks the request; or the attribute host is not the address of a workspace. Check host, " +
			"HTTPS_PROXY and NO_PROXY. Open that address in a browser on this machine to see the page."
		if errors.Is(err, client.ErrAnswerLost) {
			next += " The provider does not know whether the change was made. Run terraform plan: it shows what exists."
		}
		return next
	case errors.Is(err, client.ErrUnauthenticated):
		return refusedLogin(err)
	case errors.Is(err, client.ErrPermissionDenied):
		return "The workspace accepts this login, but the login lacks the right for this call. Grant the login the " +
			"right that the service names above, and no more. If the service names none, see the section Needs on " +
			"the documentation page of this resource."
	case errors.Is(err, client.ErrThrottled):
		return "The workspace refused all attempts of this call, because it received too many requests. Try again " +
			"later, lower -parallelism, or set rate_limit or a longer retry_timeout_seconds in the provider block."
	case errors.Is(err, client.ErrUnreachable):
		return "Check host in the provider block, the network, HTTPS_PROXY and NO_PROXY. If a proxy or a private " +
			"cloud has its own certificate authority, set ca_certificate_path."
	case errors.Is(err, client.ErrUnavailable):
		return "The service was not available, also after retries for the time that retry_timeout_seconds allows. " +
			"Try again later."
	case errors.As(err, &call) && errors.Is(err, client.ErrAnswerLost):
		return "The provider does not know whether the change was made. Run terraform plan: it shows what exists."
	case errors.Is(err, context.DeadlineExceeded):
		return "The operation took longer than timeouts allows. Set a longer time in timeouts, or run with " +
			"TF_LOG=debug to see which call is slow."
	case errors.Is(err, context.Canceled):
		return "The run was stopped before this operation ended. Run terraform plan: it shows what exists."
	case errors.As(err, &web):
		return "Check host in the provider block and the network."
	default:
		return ""
	}
}

// refusedLogin returns what the user can do if the workspace does not accept the provider's login.
func refusedLogin(err error) string {
	refused, ok := errors.AsType[*client.Error](err)
	switch {
	case ok && refused.Login == auth.KindToken:
		return "The workspace does not accept this Databricks token: it was revoked, has expired, belongs to another " +
			"workspace, or its owner is deactivated. Use a token that is valid in this workspace, or log in another " +
			"way."
	case ok && refused.Expired():
		return "The access token of this login has expired, and the provider could not get a new one that the " +
			"workspace accepts. Run the command again. If that does not help, log in again where the token comes " +
			"from, such as with az login for the Azure CLI, and check the clock of this machine."
	default:
		return "The workspace does not accept this login: the service principal or user is not a member of this " +
			"workspace, or is deactivated in it. A workspace admin can add the member under Settings > Identity and " +
			"access, or with dbxaccess_service_principal. Only if a new workspace has no admin yet, a login that is " +
			"Contributor of its Azure resource can set azure_workspace_admin_login = true together with " +
			"azure_workspace_resource_id, which makes the login a workspace admin."
	}
}

// Counted returns a number with the noun that it counts, in the singular for one.
func Counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
