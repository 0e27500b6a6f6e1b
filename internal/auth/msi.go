package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"
)

// firstMSITry is the time limit of a request to a managed identity endpoint that has never answered. Outside of Azure
// there is no server at the endpoint's address, and a request to it waits without an error.
const firstMSITry = 10 * time.Second

// openMSI opens a login as a managed identity of the machine: the user-assigned identity that ClientID names, or else
// the system-assigned identity.
func openMSI(o *opening, s Settings) (finisher, error) {
	o.login.Source = switchSource(s, s.UseMSI)
	attribute := s.UseMSI.attributeOr("use_msi")
	return func(s Settings, _ *vaultContent) (*session, error) {
		identity := o.identity(s)
		id := managedidentity.SystemAssigned()
		if identity.ClientID != "" {
			id = managedidentity.UserAssignedClientID(identity.ClientID)
		}
		client, err := managedidentity.New(id, managedidentity.WithHTTPClient(o.tokenClient()),
			managedidentity.WithRetryPolicyDisabled())
		if err != nil {
			// MSAL's error is about environment variables of this machine, and contains no secret.
			detail := "This machine has managed identities, but the configured one cannot be used: " + err.Error() + "."
			if source, err := managedidentity.GetSource(); err == nil && source == managedidentity.CloudShell {
				detail += " " + oldProtocol
			}
			return nil, &Error{Attribute: attribute, Summary: "Managed identity cannot be used here", Detail: detail}
		}
		explain := o.explainer(s, identity)
		explain.credential, explain.serviceName = attribute, "The managed identity endpoint"
		a := &acquirer{
			try: func(ctx context.Context, scope string, fresh bool) (Token, error) {
				var options []managedidentity.AcquireTokenOption
				if fresh {
					// MSAL skips its cache if a request has claims. It does not send these claims.
					options = append(options, managedidentity.WithClaims("{}"))
				}
				result, err := client.AcquireToken(ctx, scope, options...)
				if err != nil {
					return Token{}, err
				}
				return Token{Value: result.AccessToken, ExpiresAt: result.ExpiresOn}, nil
			},
			inspect:         inspectMSI,
			explain:         explain.managedIdentity,
			interrupted:     explain.interrupted,
			retryTimeout:    o.options.RetryTimeout,
			tryTimeout:      limitOf(o.http),
			firstTryTimeout: firstMSITry,
		}
		return &session{Identity: identity, acquire: a.token, forget: a.forget}, nil
	}, nil
}

// oldProtocol explains that only MSI_ENDPOINT is set. This variable selects the protocol of Azure Cloud Shell, which
// Azure Container Apps and App Service do not support.
const oldProtocol = "Only the variable MSI_ENDPOINT is set, as in Azure Cloud Shell. Azure Container Apps and App " +
	"Service also set IDENTITY_ENDPOINT and IDENTITY_HEADER. Pass both variables on to Terraform: a runner, sudo or " +
	"another container may have removed them."

// isManagedIdentity reports whether address is a managed identity endpoint: the fixed link-local address of virtual
// machines, or an address that a variable of the machine names.
func isManagedIdentity(address *url.URL) bool {
	if ip, err := netip.ParseAddr(address.Hostname()); err == nil && ip.IsLinkLocalUnicast() {
		return true
	}
	for _, variable := range []string{
		"IDENTITY_ENDPOINT", "MSI_ENDPOINT", "IMDS_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST",
	} {
		// MSAL reads these variables from the environment of the process, so this function does the same.
		if named, err := url.Parse(os.Getenv(variable)); err == nil && named.Host != "" && named.Host == address.Host {
			return true
		}
	}
	return false
}

// switchSource returns the source of a login that a switch or auth_type selects: the source of the switch if it is on,
// else the source of auth_type.
func switchSource(s Settings, selected Setting) string {
	if selected.on() {
		return selected.Source()
	}
	return s.AuthType.Source()
}

// inspectMSI turns an error of a managed identity endpoint into a failure, and decides whether the failure is
// temporary. Microsoft asks clients to retry status 404, 410, 429 and 5xx ("How to use managed identities for Azure
// resources on a VM to acquire an access token"). If an endpoint has never answered, it does not exist, and the failure
// is final.
func inspectMSI(err error, reached bool) failure {
	f := inspect(err, reached)
	switch f.contact {
	case contactAnswered:
		f.transient = isTemporaryMSI(f.status)
	case contactLost, contactUnclear:
		f.transient = reached && f.contact == contactLost
		if isTimeout(err) {
			f.contact = contactLost
		}
	}
	return f
}

func inspectMSIAnswer(r *http.Response) failure {
	f := inspectAnswer(r)
	f.transient = isTemporaryMSI(f.status)
	return f
}

func isTemporaryMSI(status int) bool {
	return status == http.StatusNotFound || status == http.StatusGone || status == http.StatusTooManyRequests ||
		status >= 500
}

// managedIdentity returns the error for a failed attempt to get a token of a managed identity.
func (e explainer) managedIdentity(f failure, _ string) *Error {
	out := &Error{
		Attribute:     e.credential,
		Code:          f.answer.code(),
		CorrelationID: clean(f.answer.CorrelationID),
		Err:           f.cause,
	}
	var hint string
	switch {
	case f.contact == contactUnusable:
		out.Summary = "Managed identity endpoint returned no usable answer"
		hint = unusableText(f.cause) + " Behind a proxy, add 169.254.169.254 to NO_PROXY."
	case f.contact != contactAnswered:
		out.Summary = "No managed identity endpoint"
		hint = "This machine has no endpoint for managed identity tokens. use_msi works on Azure machines only, such " +
			"as a virtual machine, App Service or Azure Arc; elsewhere use use_cli or a client certificate. Behind a " +
			"proxy, add 169.254.169.254 to NO_PROXY."
		if f.contact == contactUnclear {
			hint = "Something else than the managed identity endpoint answered at its address, perhaps a proxy. Add " +
				"169.254.169.254 to NO_PROXY."
		}
		if f.cause != nil && !errors.Is(f.cause, context.DeadlineExceeded) {
			hint += "\n\nThe network error: " + clean(networkText(f.cause))
		}
	case f.transient:
		out.Summary = "Managed identity endpoint is unavailable"
		hint = fmt.Sprintf("The managed identity endpoint answered with status %d. The provider gave up after %s in "+
			"%s. An identity that was assigned a moment ago takes some minutes to appear at the endpoint.",
			f.status, attempts(f.tries), f.spent.Round(time.Second))
	case f.status == http.StatusMethodNotAllowed:
		out.Summary = "Managed identity endpoint uses another protocol"
		hint = "The managed identity endpoint answered with status 405. " + oldProtocol
	case f.status == http.StatusBadRequest &&
		strings.Contains(strings.ToLower(f.answer.Description), "multiple user assigned"):
		// The error code is the same for a machine without an identity, so only the text shows that the machine has
		// several identities.
		out.Summary, out.Attribute = "Machine has several managed identities", e.client
		hint = fmt.Sprintf("Several user-assigned managed identities are assigned to this machine, and none of them "+
			"is selected. Set %s to the client ID of one of them.", e.client)
	case f.status == http.StatusBadRequest && e.identity.ClientID != "":
		out.Summary, out.Attribute = "Managed identity is not assigned to this machine", e.client
		hint = fmt.Sprintf("This machine has no user-assigned managed identity with client ID %s. Assign the "+
			"identity to the machine, and check that %s is the identity's client ID, not its object (principal) ID. "+
			"Without a client ID, the login uses the system-assigned identity.", e.identity.ClientID, e.client)
	case f.status == http.StatusBadRequest:
		out.Summary = "Machine has no system-assigned identity"
		hint = "This machine has no system-assigned managed identity. Turn the identity on under the machine's " +
			"Identity page, or select a user-assigned identity: set its client ID in " + e.client + "."
	default:
		out.Summary = "Managed identity endpoint refused the login"
		hint = fmt.Sprintf("The managed identity endpoint answered with status %d %s.", f.status, e.reason(f))
	}
	out.Detail = e.detail(hint, f.answer)
	return out
}
