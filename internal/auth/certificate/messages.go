package certificate

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// exportAgain is the advice for a bundle that no program converts.
const exportAgain = "OpenSSL does not open it either. Export the certificate again, with AES-256."

// pfxError returns the error for a PFX file that could not be opened. legacy reports whether OpenSSL 3 opens the file
// only with the option -legacy.
func pfxError(err error, legacy bool, from Origin) *Error {
	var unsupported *unsupportedError
	switch {
	case errors.As(err, &unsupported):
		return from.fail("Client certificate uses an unsupported encryption", "%s is protected with %s, which is not "+
			"supported here. "+exportAgain, from.Bundle, unsupported.algorithm)
	case errors.Is(err, errTooMuchWork):
		return tooMuchWork(from, fromPFX.legacy(legacy))
	case errors.Is(err, errTwoPasswords):
		return from.failPassword("Client certificate has two passwords", "%s has one password for its integrity and "+
			"another one for its contents; %s is the first alone. "+
			"Give it one password, run: %s%s", from.Bundle, from.password(),
			(fromPFX + " -twopass").legacy(legacy).with(from), legacyHint(legacy))
	case errors.Is(err, errBadMAC):
		return from.fail("Client certificate was changed after it was written", "%s opens with %s, but its MAC does "+
			"not fit: the file is damaged, or its MAC has another password. "+
			"Get the file again. If you trust it as it is, run: %s%s", from.Bundle, from.password(),
			(fromPFX + " -nomacver").legacy(legacy).with(from), legacyHint(legacy))
	}
	return damaged(nil, from)
}

// damaged returns the error for a damaged bundle. The error names the cause if the data shows it.
func damaged(data []byte, from Origin) *Error {
	hint := "Copy it again, as binary data."
	// A program that reads binary data as text replaces bytes that are not UTF-8 by U+FFFD.
	if bytes.Count(data, []byte("\xef\xbf\xbd")) > 2 {
		hint = "It was read as text, which replaces most of its bytes: use filebase64() in place of file(), and copy " +
			"it as binary data."
	}
	return from.fail("Client certificate is damaged", "%s begins like a PFX or DER file but is cut short or "+
		"damaged. %s", from.Bundle, hint)
}

// noMatch returns the error for private keys that belong to no certificate of the bundle. If Go cannot read a
// certificate, the error says so, because a key may belong to that certificate.
func noMatch(certificates []parsedCertificate, problem *Error, from Origin) *Error {
	if problem != nil {
		return problem
	}
	for _, c := range certificates {
		if c.odd != nil {
			return from.fail("Client certificate cannot be read", "%s has a certificate that cannot be read, and "+
				"none else that belongs to its private key. Go's error: %s.", from.Bundle, goReason(c.odd))
		}
	}
	return from.fail("Client certificate and private key do not match",
		"%s has %s, but its private key belongs to none of them. Export certificate and key together "+
			"again.", from.Bundle, count(len(certificates), "certificate"))
}

func skippedWarning(c *Certificate, skipped []parsedCertificate, from Origin) []Warning {
	if len(skipped) == 0 {
		return nil
	}
	return []Warning{{
		Summary: "Client certificate bundle has a certificate that cannot be read: " + c.Subject,
		Detail: fmt.Sprintf("%s has %s beside the client's own that cannot be read (Go's error for the first: %s). "+
			"The login works without, unless client_certificate_send_chain needs it.", from.Bundle, count(len(skipped), "certificate"), goReason(skipped[0].odd)),
	}}
}

var quoted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"[^"]*"?`) })

// goReason returns why Go cannot read a certificate or a key, without the parts of it that Go's error quotes.
func goReason(err error) string {
	reason := strings.ToValidUTF8(quoted().ReplaceAllString(err.Error(), "(…)"), "")
	if len(reason) > 200 {
		reason = strings.ToValidUTF8(reason[:200], "") + " …"
	}
	return strings.TrimSuffix(reason, ".")
}

func severalKeys(from Origin, n int) *Error {
	return from.fail("Client certificate has several private keys", "%s has %d private keys; keep the one that "+
		"belongs to the certificate.", from.Bundle, n)
}

func unreadableKey(from Origin, reason string) *Error {
	return from.fail("Client certificate key cannot be read", "%s has a private key that cannot be read: %s. "+
		"Check with: %s", from.Bundle, reason, checkKey.with(from))
}

func notRSA(from Origin, what string) *Error {
	return from.fail("Client certificate key is not RSA", "%s has %s. Certificates that log in to Microsoft Entra "+
		"ID must use RSA here; create one, for example with: %s", from.Bundle, what, createRSA)
}

func needsPassword(from Origin) *Error {
	return from.fail("Client certificate needs a password", "%s is protected by a password; "+
		"set %s.", from.Bundle, from.password())
}

func onlyCertificates(from Origin, what string) *Error {
	return from.fail(SummaryNoKey, "%s is %s and contains only the public certificate (.cer). "+
		"Microsoft Entra ID holds that half; here the PFX, or a PEM with the key, is needed.", from.Bundle, what)
}

const summaryNoCertificate = "Client certificate is missing beside its key"

func noCertificateInDER(from Origin) *Error {
	return from.fail(summaryNoCertificate, "%s is a private key in DER form, without a certificate. Make PEM text "+
		"of it, run: %s. Then put it beside its certificate, run: %s", from.Bundle, fromDER.with(from), joinPEM)
}

func noCertificate(from Origin) *Error {
	return from.fail(summaryNoCertificate, "%s has a private key but no certificate. Put both into one file, "+
		"run: %s", from.Bundle, joinPFX.with(from))
}

func tooMuchWork(from Origin, convert command) *Error {
	return from.fail("Client certificate asks for too much work", "%s derives its key with parameters far beyond "+
		"what tools choose; it may be damaged. Convert it, run: %s", from.Bundle, convert.with(from))
}

// wrongPassword returns the error for a wrong password, and names the probable mistake. opens reports whether another
// password opens the bundle.
func wrongPassword(from Origin, password string, check command, legacy bool, opens func(string) bool) *Error {
	hint := ""
	if shape := Placeholder(password); shape != "" {
		hint = fmt.Sprintf(" It is %s, a variable that the pipeline did not replace.", shape)
	}
	for _, around := range []struct {
		what string
		trim func(string) string
	}{
		{"a line end at its end", func(p string) string { return strings.TrimRight(p, "\r\n") }},
		{"white space around it", strings.TrimSpace},
		{"quotation marks around it", unquote},
	} {
		without := around.trim(password)
		if without == password {
			continue
		}
		hint = fmt.Sprintf(" It has %s, which count as part of it.", around.what)
		if opens(without) {
			hint = fmt.Sprintf(" It has %s: without, it opens.", around.what)
			break
		}
	}
	return from.failPassword("Client certificate password is wrong", "%s could not be opened with %s (also tried "+
		"an empty one).%s Check with: %s%s",
		from.Bundle, from.password(), hint, check.legacy(legacy).with(from), legacyHint(legacy))
}
