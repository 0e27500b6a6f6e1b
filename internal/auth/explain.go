package auth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// explainer says what a failed login means to the person who configured it. The
// hint comes first; Microsoft's own text, correlation id and time follow, because
// codes and texts change and because support asks for them.
type explainer struct {
	login *Login
	// The attributes to point at: the credential used, tenant, client, host.
	credential, tenant, client, authorityHost string
	// secrets are cut out of every text, should a service quote one.
	secrets []string
	now     func() time.Time
}

// blame is which setting a refusal is about.
type blame int

const (
	blameNobody blame = iota
	blameCredential
	blameTenant
	blameClient
)

// refusal is one family of answers of Microsoft Entra ID.
type refusal struct {
	codes []int
	// text must be in the description, in lower case; "" takes any.
	text    string
	summary string
	blame   blame
	hint    func(explainer, failure, string) string
}

// refusals are tried in order. The codes are those of "Microsoft Entra
// authentication and authorization error codes" (Microsoft identity platform).
var refusals = []refusal{
	{[]int{90002, 90038}, "", "Tenant not found", blameTenant, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("Tenant %s was not found at %s. Check tenant_id. For the US Government or China cloud set authority_host.", e.login.TenantID, e.host())
	}},
	{[]int{900023}, "", "Tenant name is malformed", blameTenant, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("%s is neither a directory (tenant) ID nor a domain of one. Check tenant_id.", e.login.TenantID)
	}},
	{[]int{700016, 70001, 700011}, "", "Application not found in the tenant", blameClient, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("Application %s was not found in tenant %s. client_id must be the application (client) ID, not the object ID, and tenant_id the application's home tenant. "+
			"An application made a moment ago takes a while to be known.", e.login.ClientID, e.login.TenantID)
	}},
	{[]int{7000229}, "", "Application has no service principal", blameClient, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("Application %s has no service principal in tenant %s. Create it: az ad sp create --id %s. One made a moment ago takes a while to be known.",
			e.login.ClientID, e.login.TenantID, e.login.ClientID)
	}},
	{[]int{7000112}, "", "Application is disabled", blameClient, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("Application %s is disabled in tenant %s. Enable sign-in under Enterprise applications > Properties.", e.login.ClientID, e.login.TenantID)
	}},
	{[]int{7000215}, "", "Client secret is wrong", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("The client secret (%s) is not one of application %s. Use the secret's Value, not its Secret ID, and check that it belongs to this application.", e.login.Source, e.login.ClientID)
	}},
	{[]int{7000222}, "", "Client secret has expired", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("The client secret (%s) of application %s has expired. Create a new one under App registrations > Certificates & secrets, or move to a client certificate.", e.login.Source, e.login.ClientID)
	}},
	{[]int{700027}, "key used is expired", "Registered client certificate has expired", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("%s is registered on application %s, but the registered copy has expired. Upload a new one under App registrations > Certificates & secrets.", e.certificate(), e.login.ClientID)
	}},
	{[]int{700027}, "key was not found", "Client certificate is not registered", blameCredential, notRegistered},
	{[]int{700027}, "", "Client certificate signature is refused", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("The private key does not belong to the certificate registered on application %s: another one of the same name may be registered. Used was %s. "+
			"Compare with App registrations > Certificates & secrets.", e.login.ClientID, e.certificate())
	}},
	{[]int{50012, 50027}, "", "Client assertion is refused", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("The assertion signed with %s was refused. Compare it with App registrations > Certificates & secrets of application %s; if it is registered there, please report this.", e.certificate(), e.login.ClientID)
	}},
	{[]int{700024}, "", "Client assertion is outside its time", blameCredential, func(e explainer, f failure, _ string) string {
		return "The signed assertion is good for ten minutes around this machine's time. " + e.clock(f)
	}},
	{[]int{700030}, "", "Client certificate subject is not trusted", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("Application %s trusts certificates by subject name and issuer, and not this one: %s. Set client_certificate_send_chain = true, and check that its subject is among those trusted.", e.login.ClientID, e.certificate())
	}},
	{[]int{7000218, 700025}, "", "Application takes no credential", blameClient, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("Application %s is a public client, or the credential did not arrive. Set “Allow public client flows” to No under App registrations > Authentication and add a certificate or secret.", e.login.ClientID)
	}},
	{[]int{500011}, "", "Resource not known in the tenant", blameTenant, func(e explainer, _ failure, scope string) string {
		if scope == DatabricksScope {
			return fmt.Sprintf("Tenant %s has no service principal of Azure Databricks: this is the wrong tenant or cloud, or no workspace was ever made there. Check tenant_id and authority_host.", e.login.TenantID)
		}
		return fmt.Sprintf("Tenant %s does not know the resource of scope %s, which belongs to another cloud. Check authority_host and tenant_id.", e.login.TenantID, scope)
	}},
	{[]int{70011, 700022}, "", "Scope is refused", blameNobody, func(_ explainer, _ failure, scope string) string {
		return fmt.Sprintf("Scope %s was refused. This is a mistake of the provider; please report it.", scope)
	}},
	{[]int{50049}, "", "Login host is not known", blameTenant, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("%s is not a login host Microsoft knows. For a private cloud set authority_host, which turns instance discovery off.", e.host())
	}},
	{[]int{53003, 530031, 530032, 530033, 530034, 530035, 530036}, "", "Conditional Access blocks the login", blameNobody, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf("A Conditional Access policy blocks application %s from here, by location or risk. Ask the Microsoft Entra administrator, with the correlation ID below.", e.login.ClientID)
	}},
}

func notRegistered(e explainer, _ failure, _ string) string {
	return fmt.Sprintf("%s is not registered on application %s. Compare with App registrations > Certificates & secrets, or upload its public half. "+
		"If the application trusts subject name and issuer, set client_certificate_send_chain = true.", e.certificate(), e.login.ClientID)
}

// failure turns a failed try into what a person reads. The code may stand for
// several things, then the text decides.
func (e explainer) failure(f failure, scope string) *Error {
	if f.contact != contactAnswered {
		return e.unreachable(f)
	}
	out := &Error{Code: f.answer.code(), CorrelationID: f.answer.CorrelationID}
	var hint string
	if f.transient {
		out.Summary = "Microsoft Entra ID is unavailable"
		hint = fmt.Sprintf("It answered with status %d %s; %s in %s did not help. This usually passes; run again later.", f.status, e.reason(f), count(f.tries, "attempt"), f.spent.Round(time.Second))
	} else if r, ok := e.match(f.answer); ok {
		out.Summary, hint = r.summary, r.hint(e, f, scope)
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
		hint = fmt.Sprintf("The answer was status %d %s.", f.status, e.reason(f))
		if f.answer.Error == "" {
			hint = fmt.Sprintf("The answer was status %d and not in the form of Microsoft Entra ID: something between here and %s may have given it, such as a proxy. HTTPS_PROXY and NO_PROXY are honoured.", f.status, e.host())
		}
	}
	out.Detail = e.detail(hint, f.answer)
	return out
}

func (explainer) match(a answer) (refusal, bool) {
	description := strings.ToLower(a.Description)
	for _, r := range refusals {
		if a.has(r.codes...) && strings.Contains(description, r.text) {
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
		return "(" + f.answer.Error + ")"
	}
	return "(no reason given)"
}

// unreachable is for a request that got no answer.
func (e explainer) unreachable(f failure) *Error {
	out := &Error{Attribute: e.authorityHost, Err: f.cause}
	var hint string
	switch f.contact {
	case contactNoHost:
		out.Summary = "Login host not found"
		hint = fmt.Sprintf("The name %s cannot be resolved. Check authority_host and DNS; behind a proxy set HTTPS_PROXY, which is honoured.", e.host())
	case contactRefused:
		out.Summary = "Login host refuses the connection"
		hint = fmt.Sprintf("%s refuses the connection. Check authority_host and firewalls; HTTPS_PROXY is honoured.", e.host())
	case contactUntrusted:
		out.Summary = "Login host is not trusted"
		hint = fmt.Sprintf("The TLS certificate of %s is not trusted on this machine. If a proxy inspects traffic, or this is a private cloud, set ca_certificate_path or SSL_CERT_FILE to its certificate authority.", e.host())
	case contactLost:
		out.Summary = "Login host does not answer"
		hint = fmt.Sprintf("%s did not answer; %s in %s. Check network and firewalls; HTTPS_PROXY is honoured.", e.host(), count(max(f.tries, 1), "attempt"), f.spent.Round(time.Second))
	default:
		out.Attribute = ""
		out.Summary = "Cannot get a token from Microsoft Entra ID"
		hint = fmt.Sprintf("%s answered, but not as a login host does: its answer or its openid-configuration could not be used. Check authority_host, and whether a proxy or a sign-in page answers in its place.", e.host())
	}
	if f.viaProxy {
		hint += " The connection failed at the proxy that HTTPS_PROXY names."
	}
	if f.cause != nil {
		hint += "\n\nThe network said: " + e.clean(networkText(f.cause))
	}
	out.Detail = e.detail(hint, answer{})
	return out
}

// networkText drops method and URL of a url.Error: the proxy's name in it can
// carry a password.
func networkText(err error) string {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return err.Error()
}

// interrupted is for a caller that gave up or ran out of time; last is what had
// failed until then, if anything.
func (e explainer) interrupted(why, last error) *Error {
	out := &Error{Summary: "Login was interrupted", Err: why}
	hint := "The operation was cancelled before Microsoft Entra ID had given a token."
	if errors.Is(why, context.DeadlineExceeded) {
		hint = "The operation ran out of time before Microsoft Entra ID had given a token."
	}
	var a answer
	if last != nil {
		if f := inspect(last, true); f.contact == contactAnswered {
			a = f.answer
			out.Code, out.CorrelationID = a.code(), a.CorrelationID
			hint += fmt.Sprintf(" Its last answer was status %d %s.", f.status, e.reason(f))
		}
	}
	out.Detail = e.detail(hint, a)
	return out
}

// traceTail is where Entra's description turns into ids, which are told apart.
var traceTail = regexp.MustCompile(`(?s)\s*Trace ID:.*$`)

// detail puts hint, Entra's own text and the context of the login together.
func (e explainer) detail(hint string, a answer) string {
	parts := []string{hint}
	if a.Description != "" {
		said := strings.Join(strings.Fields(traceTail.ReplaceAllString(a.Description, "")), " ")
		if code := a.code(); code != 0 && !strings.Contains(said, "AADSTS") {
			said = fmt.Sprintf("AADSTS%d: %s", code, said)
		}
		parts = append(parts, "Microsoft Entra ID said: "+e.clean(said))
	}
	var facts []string
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, name+": "+e.clean(value))
		}
	}
	add("Correlation ID", a.CorrelationID)
	add("Timestamp", a.Timestamp)
	add("Tenant", e.login.TenantID)
	add("Client ID", e.login.ClientID)
	add("Authority", e.login.Authority)
	add("Method", fmt.Sprintf("%s (%s)", e.login.Kind, e.login.Source))
	if c := e.login.Certificate; c != nil {
		add("Certificate", fmt.Sprintf("%s, SHA-1 %s, SHA-256 %s, expires %s", c.Subject, c.ThumbprintSHA1, c.ThumbprintSHA256, day(c.NotAfter)))
	}
	return strings.Join(append(parts, strings.Join(facts, "\n")), "\n\n")
}

func (e explainer) certificate() string {
	c := e.login.Certificate
	if c == nil {
		return "The credential"
	}
	return fmt.Sprintf("Certificate SHA-1 %s / SHA-256 %s (%s, expires %s)", c.ThumbprintSHA1, c.ThumbprintSHA256, c.Subject, day(c.NotAfter))
}

// clock compares this machine's time with the service's, whose Date header has
// whole seconds.
func (e explainer) clock(f failure) string {
	if f.date.IsZero() {
		return "Check the clock of this machine."
	}
	now := e.now()
	delta := now.Sub(f.date).Round(time.Second)
	switch {
	case delta > time.Minute:
		return fmt.Sprintf("The clock of this machine is %s ahead of Microsoft Entra ID; set it right.", delta)
	case delta < -time.Minute:
		return fmt.Sprintf("The clock of this machine is %s behind Microsoft Entra ID; set it right.", -delta)
	}
	return "The clock of this machine agrees with that of Microsoft Entra ID now; it may have been set in between."
}

func (e explainer) host() string {
	if u, err := url.Parse(e.login.Authority); err == nil && u.Host != "" {
		return u.Host
	}
	return e.login.Authority
}

var tokenShape = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*`)

// clean cuts secrets and tokens out of a text that a service wrote.
func (e explainer) clean(text string) string {
	for _, secret := range e.secrets {
		// Short ones are words of any sentence; cutting those would only puzzle.
		if len(secret) >= 6 {
			text = strings.ReplaceAll(text, secret, "(hidden)")
		}
	}
	text = tokenShape.ReplaceAllString(text, "(hidden)")
	const limit = 1500
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + " …"
	}
	return text
}
