package certificate

import "strings"

// command is a shell command that a message suggests. FILE stands for the file of the bundle. The tests run each
// command on a file that the command is meant for.
type command string

const (
	// checkPFX and checkKey check whether a password opens a PFX file or a private key.
	checkPFX command = "openssl pkcs12 -info -noout -in FILE"
	checkKey command = "openssl pkey -noout -in FILE"
	// fromPFX turns a PFX file into PEM text, whose key is encrypted with a new password.
	fromPFX command = "openssl pkcs12 -in FILE -out new.pem"
	// fromPEM turns PEM text into a PFX file.
	fromPEM command = "openssl pkcs12 -export -in FILE -out new.pfx"
	// joinPFX puts a private key and its certificate into one PFX file.
	joinPFX command = "openssl pkcs12 -export -inkey FILE -in cert.pem -out new.pfx"

	// fromDER turns a private key in DER form into PEM text. joinPEM puts a PEM key and its certificate into one file.
	fromDER command = "openssl pkey -in FILE -out old.key"
	joinPEM command = "cat cert.pem old.key > new.pem"

	fromJKS command = "keytool -importkeystore -srckeystore FILE -srcstoretype JKS -destkeystore new.p12 " +
		"-deststoretype PKCS12"
	fromJCEKS command = "keytool -importkeystore -srckeystore FILE -srcstoretype JCEKS -destkeystore new.p12 " +
		"-deststoretype PKCS12"

	fromOpenSSH command = "ssh-keygen -p -m PKCS8 -f old.key"

	// newRSA creates a new RSA key and a certificate for it, in one file.
	newRSA command = `openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj "/CN=my-app" -keyout new.pem -out new.pem`
)

// with returns the command with the name of the bundle's file in place of FILE.
func (c command) with(from Origin) string {
	return strings.ReplaceAll(string(c), "FILE", shellQuoted(from.File))
}

// legacy returns the command with the options that OpenSSL 3 needs to open old encryption, if needed is true.
func (c command) legacy(needed bool) command {
	switch {
	case !needed:
		return c
	case c == checkKey: // openssl pkey has no option -legacy
		return c + " -provider legacy -provider default"
	}
	return c + " -legacy"
}

// legacyHint returns a remark about the options that [command.legacy] adds to a command; "" if needed is false.
func legacyHint(needed bool) string {
	if needed {
		return " (OpenSSL before version 3 needs no -legacy or -provider options)"
	}
	return ""
}

// shellQuoted returns the name as one word for a shell, in quotation marks if needed.
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
