package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// explainer turns a failed login into an error for the user. The hint comes first. The service's own text, the
// correlation id and the time follow, because codes and texts change, and because Microsoft's support asks for them.
type explainer struct {
	kind     Kind
	source   string
	identity Identity
	cloud    cloud
	// The attributes that errors point at: those of the credential, the tenant id, the client id and the login host.
	credential, tenant, client, authorityHost string
	now                                       func() time.Time
	// vault says where the credential was read from. federated returns the claims of the last federated token. Each is
	// nil if the login uses none.
	vault     *vaultFacts
	federated func() *federatedClaims
	// connection is the service connection of Azure Pipelines whose federated token is used. clientSource says where
	// the client id was configured.
	connection, clientSource string
	// serviceName is the name of the service whose text the error quotes; "" means Microsoft Entra ID.
	serviceName string
}

// failure returns the error for a failed attempt to get a token. If an AADSTS code has several meanings, the service's
// text decides between them.
func (e explainer) failure(f failure, scope string) *Error {
	switch f.contact {
	case contactAnswered:
	case contactNone:
		return f.local
	default:
		return e.unreachable(f)
	}
	out := &Error{Code: f.answer.code(), CorrelationID: clean(f.answer.CorrelationID)}
	var hint string
	if f.transient {
		out.Summary = "Microsoft Entra ID is unavailable"
		hint = fmt.Sprintf("Microsoft Entra ID answered with status %d %s. The provider gave up after %s in %s. The "+
			"cause is usually temporary: run Terraform again later.",
			f.status, e.reason(f), attempts(f.tries), f.spent.Round(time.Second))
	} else if r, ok := e.match(f.answer, scope); ok {
		out.Summary, hint = r.summary, e.fill(r.hint, f, scope)
		switch r.blame {
		case blameCredential:
			out.Attribute = e.credential
		case blameTenant:
			out.Attribute = e.tenant
		case blameClient:
			out.Attribute = e.client
		}
	} else {
		out.Summary = "Microsoft Entra ID refused the login"
		hint = fmt.Sprintf("Microsoft Entra ID answered with status %d %s.", f.status, e.reason(f))
		if f.answer.Error == "" {
			hint = fmt.Sprintf("The answer, with status %d, does not look like an answer of Microsoft Entra ID. "+
				"Something between this machine and %s, such as a proxy, may have sent it. Check HTTPS_PROXY and "+
				"NO_PROXY.", f.status, e.host())
		}
	}
	out.Detail = e.detail(hint, f.answer)
	return out
}

func (e explainer) match(a answer, scope string) (refusal, bool) {
	description := strings.ToLower(a.Description)
	for _, r := range refusals {
		if a.has(r.codes...) && strings.Contains(description, r.text) && (r.only == nil || r.only(e, scope)) {
			return r, true
		}
	}
	return refusal{}, false
}

func (explainer) reason(f failure) string {
	switch {
	case f.status == 429 || f.answer.has(90055):
		return "(throttling)"
	case f.answer.Error != "":
		return "(" + clean(f.answer.Error) + ")"
	}
	return "(no reason given)"
}

// unreachable returns the error for a request to the login host that got no usable answer.
func (e explainer) unreachable(f failure) *Error {
	out := &Error{Attribute: e.authorityHost, Err: f.cause}
	var hint string
	switch f.contact {
	case contactNoHost:
		out.Summary = "Login host not found"
		hint = fmt.Sprintf("The host name %s cannot be resolved. Check authority_host and DNS. Behind a proxy, set "+
			"HTTPS_PROXY.", e.host())
	case contactRefused:
		out.Summary = "Login host refuses the connection"
		hint = fmt.Sprintf("%s refuses the connection. Check authority_host and firewalls. Behind a proxy, set "+
			"HTTPS_PROXY.", e.host())
	case contactProxy:
		out.Summary = "Proxy did not connect to the login host"
		hint = fmt.Sprintf("The proxy that HTTPS_PROXY names did not connect to %s. Either the proxy cannot resolve "+
			"or reach that host, or it forbids the connection, or it requires credentials in HTTPS_PROXY. Check "+
			"authority_host, the proxy and NO_PROXY.", e.host())
	case contactUntrusted:
		out.Summary = "Login host is not trusted"
		hint = fmt.Sprintf("The TLS certificate of %s is not trusted on this machine. If a proxy inspects traffic, "+
			"or the host is in a private cloud, set ca_certificate_path or SSL_CERT_FILE to a PEM file with the "+
			"certificate authority of the proxy or of the cloud.", e.host())
	case contactHandshake:
		out.Summary = "Login host refuses the TLS connection"
		hint = fmt.Sprintf("%s ended the TLS handshake, so nothing was sent. Usually a proxy or a firewall does "+
			"that, because it requires a client certificate or another version of TLS. Check HTTPS_PROXY, NO_PROXY "+
			"and authority_host.", e.host())
	case contactLost:
		out.Summary = "Login host does not answer"
		hint = fmt.Sprintf("%s did not answer: the provider made %s in %s. Check the network and firewalls. Behind "+
			"a proxy, set HTTPS_PROXY.", e.host(), attempts(max(f.tries, 1)), f.spent.Round(time.Second))
	case contactUnusable:
		out.Summary = "Login host returned no usable answer"
		out.Detail = e.detail(clean(unusableText(f.cause)), answer{})
		return out
	default:
		out.Attribute = ""
		out.Summary = "Cannot get a token from Microsoft Entra ID"
		hint = fmt.Sprintf("%s answered, but the answer or the openid-configuration is not that of a login host. "+
			"Check authority_host, and whether a proxy or a sign-in page answers instead of the login host.", e.host())
	}
	if f.viaProxy && f.contact != contactProxy {
		hint += " The connection failed at the proxy that HTTPS_PROXY names."
	}
	if f.cause != nil {
		hint += "\n\nThe network error: " + clean(networkText(f.cause))
	}
	out.Detail = e.detail(hint, answer{})
	return out
}

// unusableText returns a text that describes an unusable answer and its usual cause.
func unusableText(err error) string {
	text := err.Error() + "."
	if unusable, ok := errors.AsType[web.Unusable](err); ok {
		text += " " + unusable.Cause()
	}
	return text
}

// networkText returns the text of a network error. It leaves out the method and the URL of a url.Error, because the
// address of a proxy in the URL may contain a password.
func networkText(err error) string {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err
	}
	return err.Error()
}

// interrupted returns the error for a caller that was cancelled or ran out of time. last is the last failed attempt
// before that; nil if no attempt has failed.
func (e explainer) interrupted(why error, last *failure) *Error {
	out := &Error{Summary: "Login was interrupted", Err: why}
	hint := "The operation was cancelled before " + e.service() + " had returned a token."
	if errors.Is(why, context.DeadlineExceeded) {
		hint = "The operation ran out of time before " + e.service() + " had returned a token."
	}
	var a answer
	switch {
	case last == nil:
	case last.contact == contactAnswered:
		a = last.answer
		out.Code, out.CorrelationID = a.code(), clean(a.CorrelationID)
		hint += fmt.Sprintf(" The last answer was status %d %s.", last.status, e.reason(*last))
	case last.local != nil:
		hint += " " + last.local.Detail
	}
	out.Detail = e.detail(hint, a)
	return out
}

// traceTail matches the end of an error description of Entra ID, which repeats ids that the answer also has in separate
// fields.
var traceTail = pattern(`(?s)\s*Trace ID:.*$`)

// detail returns the text of an error: the hint, the service's own text, and then the facts about the login, such as
// tenant and client id.
func (e explainer) detail(hint string, a answer) string {
	parts := []string{hint}
	if a.Description != "" {
		said := strings.Join(strings.Fields(traceTail().ReplaceAllString(a.Description, "")), " ")
		if code := a.code(); code != 0 && !strings.Contains(said, "AADSTS") {
			said = fmt.Sprintf("AADSTS%d: %s", code, said)
		}
		parts = append(parts, e.service()+" said: "+clean(said))
	}
	var facts []string
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, name+": "+clean(value))
		}
	}
	add("Correlation ID", a.CorrelationID)
	add("Timestamp", a.Timestamp)
	add("Tenant", e.identity.TenantID)
	add("Client ID", e.identity.ClientID)
	add("Authority", e.identity.Authority)
	add("Method", fmt.Sprintf("%s (%s)", e.kind, e.source))
	if c := e.identity.Certificate; c != nil {
		add("Certificate", fmt.Sprintf("%s, SHA-1 %s, SHA-256 %s, expires %s",
			c.Subject, c.ThumbprintSHA1, c.ThumbprintSHA256, c.Expires()))
	}
	if v := e.vault; v != nil {
		add("Key Vault", v.String())
	}
	if e.federated != nil {
		if c := e.federated(); c != nil {
			add("OIDC token", fmt.Sprint(*c))
		}
	}
	return strings.Join(append(parts, strings.Join(facts, "\n")), "\n\n")
}

func (e explainer) service() string { return cmp.Or(e.serviceName, "Microsoft Entra ID") }

func (e explainer) certificate() string {
	c := e.identity.Certificate
	if c == nil {
		return "The credential"
	}
	return fmt.Sprintf("Certificate SHA-1 %s / SHA-256 %s (%s, expires %s)",
		c.ThumbprintSHA1, c.ThumbprintSHA256, c.Subject, c.Expires())
}

// clock returns a sentence that compares the clock of this machine with the Date header of the service's answer. The
// header has whole seconds, and a difference of up to a minute is ignored.
func (e explainer) clock(f failure) string {
	if f.date.IsZero() {
		return "Check the clock of this machine."
	}
	now := e.now()
	delta := now.Sub(f.date).Round(time.Second)
	switch {
	case delta > time.Minute:
		return fmt.Sprintf("The clock of this machine is %s ahead of Microsoft Entra ID. Correct the clock.", delta)
	case delta < -time.Minute:
		return fmt.Sprintf("The clock of this machine is %s behind Microsoft Entra ID. Correct the clock.", -delta)
	}
	return "The clock of this machine now agrees with that of Microsoft Entra ID; it may have been corrected after " +
		"the login began."
}

func (e explainer) host() string {
	if u, err := url.Parse(e.identity.Authority); err == nil && u.Host != "" {
		return u.Host
	}
	return e.identity.Authority
}

var tokenShape = pattern(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*`)

// clean prepares the text of a service for a message. It removes the secrets of this process, and also everything in
// the form of a token, because tokens of others are secrets too.
func clean(text string) string {
	return web.Text(tokenShape().ReplaceAllString(text, "(hidden)"), 1500)
}
