package certificate

import "strings"

// command is what a message proposes to run. The tests run each one on the file that
// it is meant for. FILE stands for the bundle.
type command string

const (
	// checkPFX and checkKey check whether a password opens a file.
	checkPFX command = "openssl pkcs12 -info -noout -in FILE"
	checkKey command = "openssl pkey -noout -in FILE"
	// fromPFX turns a PFX file into PEM text, whose key is encrypted with a new password.
	fromPFX command = "openssl pkcs12 -in FILE -out new.pem"
	// fromPEM turns PEM text into a PFX file.
	fromPEM command = "openssl pkcs12 -export -in FILE -out new.pfx"
	// joinPFX puts a key and its certificate into one file.
	joinPFX command = "openssl pkcs12 -export -inkey FILE -in cert.pem -out new.pfx"

	// fromDER and joinPEM do so with a key that is not PEM text.
	fromDER command = "openssl pkey -in FILE -out old.key"
	joinPEM command = "cat cert.pem old.key > new.pem"

	fromJKS command = "keytool -importkeystore -srckeystore FILE -srcstoretype JKS -destkeystore new.p12 " +
		"-deststoretype PKCS12"
	fromJCEKS command = "keytool -importkeystore -srckeystore FILE -srcstoretype JCEKS -destkeystore new.p12 " +
		"-deststoretype PKCS12"

	fromOpenSSH command = "ssh-keygen -p -m PKCS8 -f old.key"

	// createRSA creates a new key with its certificate, in one file.
	createRSA command = `openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj "/CN=my-app" -keyout new.pem -out new.pem`
)

// with names the bundle's file.
func (c command) with(from Origin) string {
	return strings.ReplaceAll(string(c), "FILE", shellQuoted(from.File))
}

// legacy adds what OpenSSL 3 needs to open old encryption.
func (c command) legacy(needed bool) command {
	switch {
	case !needed:
		return c
	case c == checkKey: // openssl pkey has no such option
		return c + " -provider legacy -provider default"
	}
	return c + " -legacy"
}

// legacyHint returns the text to put after a command that [command.legacy] changed.
func legacyHint(needed bool) string {
	if needed {
		return " (OpenSSL before version 3 needs no -legacy or -provider options)"
	}
	return ""
}

// shellQuoted is the name as one word of a shell.
func shellQuoted(name string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune(`/._-+=:,@\`, r)
	}
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
