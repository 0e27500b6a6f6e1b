package auth

import (
	"encoding/hex"
	"net/netip"
	"regexp"
	"strings"
	"sync"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

// The checks below are pure, so that a plan can make them. They return an *Error
// without attribute, and do not quote the value: a secret pasted into the wrong
// attribute must not end up on a screen.

var (
	uuidSyntax   = pattern(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	domainSyntax = pattern(`^([0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?\.)+[A-Za-z][0-9A-Za-z-]*[0-9A-Za-z]$`)
	// workspaceName is the part of a host name before the domain of workspaces.
	workspaceName = pattern(`^[0-9a-z-]+(\.[0-9a-z-]+)*$`)
	hostSyntax    = pattern(
		`^([0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?\.)+[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?$`,
	)
)

// pattern compiles a regular expression when it is first needed. Terraform starts the
// provider several times for each command, and most of those need none.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// IsHostName reports whether a name without a port can be that of a server: a domain
// name with a dot in it, an IP address or localhost. Many secrets would pass for a
// name without a dot, and errors of the network repeat names.
func IsHostName(name string) bool {
	_, notIP := netip.ParseAddr(name)
	return notIP == nil || name == "localhost" || len(name) <= 253 && hostSyntax().MatchString(name)
}

// CheckTenantID accepts a directory's UUID or domain name. The aliases common,
// organizations and consumers are refused: an application that logs in as itself
// belongs to one directory (Microsoft identity platform, "OAuth 2.0 client
// credentials flow").
func CheckTenantID(value string) error {
	value = strings.TrimSpace(value)
	if shape := certificate.Placeholder(value); shape != "" {
		return &Error{Summary: "Invalid tenant ID", Detail: notReplaced(shape)}
	}
	switch strings.ToLower(value) {
	case "common", "organizations", "consumers":
		return &Error{
			Summary: "Invalid tenant ID",
			Detail: "“" + strings.ToLower(value) + "” names many directories; an application logs in to one. Write " +
				"the directory (tenant) ID, a UUID, or one of its domains.",
		}
	}
	if uuidSyntax().MatchString(value) || len(value) <= 253 && domainSyntax().MatchString(value) {
		return nil
	}
	return &Error{
		Summary: "Invalid tenant ID",
		Detail: "A tenant is named by its directory (tenant) ID, a UUID, or by one of its domains, such as " +
			"contoso.onmicrosoft.com.",
	}
}

// CheckClientID accepts a UUID. It recognises the resource path that Terraform's
// azuread_application has as its id, which holds the object id and not the
// application id.
func CheckClientID(value string) error {
	value = strings.TrimSpace(value)
	shape := certificate.Placeholder(value)
	switch {
	case uuidSyntax().MatchString(value):
		return nil
	case shape != "":
		return &Error{Summary: "Invalid client ID", Detail: notReplaced(shape)}
	case strings.HasPrefix(value, "/applications/") || strings.HasPrefix(value, "/servicePrincipals/"):
		return &Error{
			Summary: "Invalid client ID",
			Detail: "This is the path of an object, with its object ID; use .client_id of that resource instead of " +
				".id.",
		}
	}
	return &Error{
		Summary: "Invalid client ID",
		Detail: "An application (client) ID is a UUID, not a name. The application's page under App " +
			"registrations shows it; the object ID next to it is a different one.",
	}
}

func notReplaced(shape string) string {
	return "The value is " + shape + ", a variable that the pipeline did not replace. Check its name and scope."
}

// CheckThumbprint accepts 40 (SHA-1) or 64 (SHA-256) hexadecimal digits, with
// the spaces, colons and invisible marks that dialogs and tools put in.
func CheckThumbprint(value string) error {
	if normal := normalThumbprint(value); len(normal) == 40 || len(normal) == 64 {
		if _, err := hex.DecodeString(normal); err == nil {
			return nil
		}
	}
	return &Error{
		Summary: "Invalid certificate thumbprint",
		Detail: "A thumbprint is 40 hexadecimal digits (SHA-1) or 64 (SHA-256); spaces and colons between them are " +
			"ignored.",
	}
}

// normalThumbprint removes everything around and between the digits: OpenSSL
// prints "SHA1 Fingerprint=AA:BB", and the Windows certificate dialog lets an
// invisible left-to-right mark be copied along.
func normalThumbprint(value string) string {
	if _, digits, found := strings.Cut(value, "="); found {
		value = digits
	}
	return strings.ToUpper(strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n', ':', '-', '\u00a0', '\u200e', '\u200f', '\ufeff':
			return -1
		}
		return r
	}, value))
}
