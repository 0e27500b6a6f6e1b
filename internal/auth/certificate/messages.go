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
const exportAgain = "OpenSSL cannot decrypt it either. Export the certificate again, with AES-256."

// pfxError returns the error for a PFX file that could not be opened. legacy reports whether OpenSSL 3 opens the file
// only with the option -legacy.
func pfxError(err error, legacy bool, from Origin) *Error {
	var unsupported *unsupportedError
	switch {
	case errors.As(err, &unsupported):
		return from.fail("Client certificate uses an unsupported encryption", "%s is protected with %s, which the "+
			"provider does not support. "+exportAgain, from.Bundle, unsupported.algorithm)
	case errors.Is(err, errTooMuchWork):
		return tooMuchWork(from, fromPFX.legacy(legacy))
	case errors.Is(err, errTwoPasswords):
		return from.failPassword("Client certificate has two passwords", "%s has one password for its MAC (integrity "+
			"check) and another one for its contents, and %s is the password of the MAC only. To give the file one "+
			"password, run: %s%s", from.Bundle, from.password(),
			(fromPFX + " -twopass").legacy(legacy).with(from), legacyHint(legacy))
	case errors.Is(err, errBadMAC):
		return from.fail("Client certificate was changed after it was written", "%s can be decrypted with %s, but "+
			"its MAC (integrity check) does not match. The file is damaged, or its MAC has another password. Get the "+
			"file again. If you trust the file as it is, run: %s%s", from.Bundle, from.password(),
			(fromPFX + " -nomacver").legacy(legacy).with(from), legacyHint(legacy))
	}
	return damaged(nil, from)
}

// damaged returns the error for a damaged bundle. The error names the cause if the data shows it.
func damaged(data []byte, from Origin) *Error {
	hint := "Copy the file again, as binary data."
	// A program that reads binary data as text replaces bytes that are not UTF-8 by U+FFFD.
	if bytes.Count(data, []byte("\xef\xbf\xbd")) > 2 {
		hint = "The file was read as text, which replaces most of its bytes: use filebase64() instead of file(), and " +
			"copy the file as binary data."
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
			return from.fail("Client certificate cannot be read", "%s has a certificate that cannot be read, and no "+
				"other certificate that belongs to its private key. The error of the Go library: %s.",
				from.Bundle, goReason(c.odd))
		}
	}
	return from.fail("Client certificate and private key do not match",
		"%s has %s, but its private key does not belong to any certificate in the file. Export the certificate and "+
			"its key together again.", from.Bundle, count(len(certificates), "certificate"))
}

func skippedWarning(c *Certificate, skipped []parsedCertificate, from Origin) []Warning {
	if len(skipped) == 0 {
		return nil
	}
	return []Warning{{
		Summary: "Client certificate bundle has a certificate that cannot be read: " + c.Subject,
		Detail: fmt.Sprintf("Beside the client certificate, %s has %s that cannot be read (the error of the Go "+
			"library for the first one: %s). The login ignores them. If client_certificate_send_chain is true, the "+
			"chain may be incomplete.", from.Bundle, count(len(skipped), "certificate"), goReason(skipped[0].odd)),
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
	return from.fail("Client certificate has several private keys", "%s has %d private keys. Keep only the key that "+
		"belongs to the certificate.", from.Bundle, n)
}

func unreadableKey(from Origin, reason string) *Error {
	return from.fail("Client certificate key cannot be read", "%s has a private key that cannot be read: %s. To "+
		"check the key, run: %s", from.Bundle, reason, checkKey.with(from))
}

func notRSA(from Origin, what string) *Error {
	return from.fail("Client certificate key is not RSA", "%s has %s. The provider logs in to Microsoft Entra ID "+
		"only with an RSA key. Create a certificate with an RSA key, for example with: %s",
		from.Bundle, what, newRSA)
}

func needsPassword(from Origin) *Error {
	return from.fail("Client certificate needs a password", "%s is protected by a password. Set %s.",
		from.Bundle, from.password())
}

func onlyCertificates(from Origin, what string) *Error {
	return from.fail(SummaryNoKey, "%s is %s and contains only the public certificate (.cer). Microsoft Entra ID "+
		"needs this file, but the provider needs the PFX, or a PEM with the private key.", from.Bundle, what)
}

const summaryNoCertificate = "Client certificate is missing beside its key"

func noCertificateInDER(from Origin) *Error {
	return from.fail(summaryNoCertificate, "%s is a private key in DER form, without a certificate. To convert the "+
		"key to PEM, run: %s. Then put the key and its certificate into one file, run: %s",
		from.Bundle, fromDER.with(from), joinPEM)
}

func noCertificate(from Origin) *Error {
	return from.fail(summaryNoCertificate, "%s has a private key but no certificate. To put both into one file, run: "+
		"%s", from.Bundle, joinPFX.with(from))
}

func tooMuchWork(from Origin, convert command) *Error {
	return from.fail("Client certificate takes too much work to decrypt", "%s needs far more work to decrypt "+
		"than any usual tool chooses, so the file may be damaged. To convert it, run: "+
		"%s", from.Bundle, convert.with(from))
}

// wrongPassword returns the error for a wrong password, and names the probable mistake. opens reports whether another
// password opens the bundle.
func wrongPassword(from Origin, password string, check command, legacy bool, opens func(string) bool) *Error {
	hint := ""
	if shape := Placeholder(password); shape != "" {
		hint = fmt.Sprintf(" The password is %s, a variable that the pipeline did not replace.", shape)
	}
	for _, around := range []struct {
		what string
		trim func(string) string
	}{
		{"a line break at its end", func(p string) string { return strings.TrimRight(p, "\r\n") }},
		{"white space around it", strings.TrimSpace},
		{"quotation marks around it", unquote},
	} {
		without := around.trim(password)
		if without == password {
			continue
		}
		hint = fmt.Sprintf(" The password has %s. These characters count as part of the password.", around.what)
		if opens(without) {
			hint = fmt.Sprintf(" The password has %s. Without that, the password is right.", around.what)
			break
		}
	}
	return from.failPassword("Client certificate password is wrong", "%s cannot be decrypted with %s, nor with an "+
		"empty password.%s To check the password, run: %s%s",
		from.Bundle, from.password(), hint, check.legacy(legacy).with(from), legacyHint(legacy))
}
