package auth

import (
	"encoding/hex"
	"net/netip"
	"regexp"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

// The Check functions in this file depend on the value alone, so that a plan can call them. They return an *Error
// without an attribute. The error does not quote the value, because a secret that was pasted into the wrong attribute
// must not appear on a screen.

// nameLabel matches one part of a domain name.
const nameLabel = `[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?`

var (
	domainSyntax = pattern(`^(` + nameLabel + `\.)+[A-Za-z][0-9A-Za-z-]*[0-9A-Za-z]$`)
	// workspaceName matches the part of a workspace's host name before the domain that all workspaces of a cloud share.
	workspaceName = pattern(`^[0-9a-z-]+(\.[0-9a-z-]+)*$`)
	hostSyntax    = pattern(`^(` + nameLabel + `\.)+` + nameLabel + `$`)
)

// pattern returns a function that compiles the regular expression at its first call. Terraform starts the provider
// several times per command, and most of these processes need no regular expression.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// isUUID reports whether s is a UUID with hyphens. The package uuid also accepts other forms, which are longer or
// shorter.
func isUUID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// IsHostName reports whether name, without a port, can be the name of a server: a domain name with a dot in it, an IP
// address or localhost. Other names without a dot are not accepted, because many secrets have this form, and network
// errors repeat the name.
func IsHostName(name string) bool {
	_, notIP := netip.ParseAddr(name)
	return notIP == nil || name == "localhost" || len(name) <= 253 && hostSyntax().MatchString(name)
}

// CheckTenantID returns an error unless value is the UUID or a domain name of a directory (tenant). The aliases common,
// organizations and consumers are errors, because an application that logs in as itself belongs to one directory
// (Microsoft identity platform, "OAuth 2.0 client credentials flow").
func CheckTenantID(value string) error {
	value = strings.TrimSpace(value)
	if shape := certificate.Placeholder(value); shape != "" {
		return &Error{Summary: "Invalid tenant ID", Detail: notReplaced(shape)}
	}
	switch strings.ToLower(value) {
	case "common", "organizations", "consumers":
		return &Error{
			Summary: "Invalid tenant ID",
			Detail: "“" + strings.ToLower(value) + "” stands for many directories, but an application logs in to one " +
				"directory. Write the directory (tenant) ID, a UUID, or one of its domains.",
		}
	}
	if isUUID(value) || len(value) <= 253 && domainSyntax().MatchString(value) {
		return nil
	}
	return errorAt("", "Invalid tenant ID",
		"A tenant is named by its directory (tenant) ID, a UUID, or by one of its domains, such as "+
			"contoso.onmicrosoft.com.")
}

// CheckClientID returns an error unless value is a UUID. It has a special error for the id of Terraform's
// azuread_application, which is a resource path with the object id instead of the application id.
func CheckClientID(value string) error {
	value = strings.TrimSpace(value)
	shape := certificate.Placeholder(value)
	switch {
	case isUUID(value):
		return nil
	case shape != "":
		return &Error{Summary: "Invalid client ID", Detail: notReplaced(shape)}
	case strings.HasPrefix(value, "/applications/") || strings.HasPrefix(value, "/servicePrincipals/"):
		return errorAt("", "Invalid client ID",
			"The value is the path of an object in Entra ID and contains its object ID. Use the attribute "+
				"client_id of that Terraform resource instead of id.")
	}
	return errorAt("", "Invalid client ID",
		"An application (client) ID is a UUID, not a name. The application's page under App registrations "+
			"shows it; the object ID on the same page is another ID.")
}

func notReplaced(shape string) string {
	return "The value is " + shape + ", a variable that the pipeline did not replace. Check its name and scope."
}

// CheckThumbprint returns an error unless value has 40 (SHA-1) or 64 (SHA-256) hexadecimal digits. It ignores the
// spaces, colons and invisible marks that dialogs and tools add.
func CheckThumbprint(value string) error {
	if normal := normalThumbprint(value); len(normal) == 40 || len(normal) == 64 {
		if _, err := hex.DecodeString(normal); err == nil {
			return nil
		}
	}
	return errorAt("", "Invalid certificate thumbprint",
		"A thumbprint has 40 hexadecimal digits (SHA-1) or 64 (SHA-256). Spaces and colons between the "+
			"digits are ignored.")
}

// normalThumbprint returns the digits of a thumbprint in upper case, without the characters around and between them.
// OpenSSL prints "SHA1 Fingerprint=AA:BB", and text that is copied from the Windows certificate dialog may contain an
// invisible left-to-right mark.
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
