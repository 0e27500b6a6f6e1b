package certificate

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf16"
)

const (
	// maxBundle is the largest size of a bundle, in bytes. It is far above any bundle, and enough for a file of 1 MiB
	// that is encoded in base64 twice.
	maxBundle = 2 << 20
	// maxLayers is how many layers of encoding around a bundle, such as base64 or quotation marks, are removed.
	maxLayers = 4
)

func isPEM(data []byte) bool { return bytes.Contains(data, []byte("-----BEGIN ")) }
func isDER(data []byte) bool {
	return len(data) > 1 && data[0] == 0x30 && (data[1] >= 0x80 || len(data) == int(data[1])+2)
}

// Unwrap removes the encodings that tools, editors and pipelines put around a bundle: base64, a data URI, quotation
// marks, UTF-16. It reports whether the result is PEM text or DER.
func Unwrap(data []byte) ([]byte, bool) {
	for range maxLayers {
		if data = fromUTF16(data); isPEM(data) || isDER(data) {
			return data, true
		}
		decoded, err := decodeBase64(unquote(string(data)))
		if err != nil || len(decoded) == 0 {
			return data, false
		}
		data = decoded
	}
	return data, isPEM(data) || isDER(data)
}

// fromUTF16 converts UTF-16, which the redirection > of PowerShell writes, to UTF-8, and removes a byte order mark. It
// returns any other data unchanged.
func fromUTF16(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	}
	return []byte(utf16Text(data[2:], order))
}

func utf16Text(data []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units))
}

// unquote removes the quotation marks around a text, and the part of a data URI before its data.
func unquote(text string) string {
	for range maxLayers {
		inner := strings.TrimSpace(text)
		inner = strings.ReplaceAll(inner, `\"`, `"`)
		for _, mark := range []string{`"`, `'`, "`"} {
			if len(inner) > 1 && strings.HasPrefix(inner, mark) && strings.HasSuffix(inner, mark) {
				inner = inner[1 : len(inner)-1]
			}
		}
		head, body, ok := strings.Cut(inner, ",")
		if ok && len(head) < 200 && strings.HasPrefix(strings.ToLower(head), "data:") {
			if plain, err := url.PathUnescape(body); err == nil {
				body = plain
			}
			inner = body
		}
		if inner == text {
			break
		}
		text = inner
	}
	return text
}

// decodeBase64 decodes base64 in the standard or the URL alphabet, padded or not. It ignores white space, and line ends
// that are written as the two characters \n.
func decodeBase64(text string) ([]byte, error) {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case r == '-':
			return '+'
		case r == '_':
			return '/'
		}
		return r
	}, escapedLines.Replace(text))
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, errors.New("not base64") // the library's error may quote the text
	}
	return decoded, nil
}

// escapedLines replaces line ends that are written as the characters \r and \n by real line ends.
var escapedLines = strings.NewReplacer(`\r\n`, "\n", `\n`, "\n", `\r`, "\n")

// unwrapOrSay removes the encodings around a bundle. If the data is not a bundle, the error says what the data is
// instead.
func unwrapOrSay(data []byte, from Origin) ([]byte, error) {
	inner, ok := Unwrap(data)
	if ok {
		return inner, nil
	}
	text := strings.TrimSpace(string(inner))
	switch {
	case text == "":
		return nil, from.fail("Client certificate is empty", "%s is empty. Set the certificate with its private key, "+
			"as PFX in base64 or as PEM.", from.Bundle)
	case bytes.HasPrefix(inner, []byte("\xfe\xed\xfe\xed")):
		return nil, isKeystore(fromJKS, from)
	case bytes.HasPrefix(inner, []byte("\xce\xce\xce\xce")):
		return nil, isKeystore(fromJCEKS, from)
	}
	text = unquote(string(fromUTF16(data)))
	switch {
	case Placeholder(text) != "":
		return nil, from.fail("Client certificate is a variable that was not replaced", "%s is %s, a variable that "+
			"the pipeline did not replace. Check its name and scope; in Azure Pipelines a secret variable reaches "+
			"a script through env only.", from.Bundle, Placeholder(text))
	case looksLikePath(text):
		hint := ""
		if from.PathSetting != "" {
			hint = " Set the path in " + from.PathSetting + "."
		}
		return nil, from.fail("Client certificate is a path", "%s is the path of a file, not the content of the "+
			"file.%s", from.Bundle, hint)
	case from.PathSetting != "" && bytes.Equal(inner, fromUTF16(data)):
		return nil, from.fail("Client certificate is not base64", "%s is neither PEM text nor valid base64. "+
			"Set PEM text, or a PFX or PEM file in base64, for example filebase64(\"sp.pfx\").", from.Bundle)
	}
	return nil, from.fail("Client certificate is in an unknown format",
		"%s is neither a PFX file, nor PEM text, nor base64 of one of these.", from.Bundle)
}

// placeholders are the marks around the name of a variable in Azure Pipelines, GitHub Actions, shells, Windows, and
// tasks that replace tokens.
var placeholders = []struct{ begin, end string }{
	{"$(", ")"}, {"${{", "}}"}, {"${", "}"}, {"%", "%"}, {"#{", "}#"}, {"#{", "}"},
}

// Placeholder returns the form of a variable, such as $(…), if value is nothing but a variable that a pipeline should
// have replaced; "" if value is anything else. The form does not contain the name of the variable, so that no message
// can quote a secret.
func Placeholder(value string) string {
	value = unquote(value)
	for _, p := range placeholders {
		name, begins := strings.CutPrefix(value, p.begin)
		name, ends := strings.CutSuffix(name, p.end)
		if begins && ends && isVariableName(strings.TrimSpace(name)) {
			return p.begin + "…" + p.end
		}
	}
	return ""
}

func isVariableName(name string) bool {
	for _, r := range name {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.-[]'", r) {
			return false
		}
	}
	return name != "" && len(name) < 200
}

// looksLikePath reports whether text is probably the path of a file and not a bundle.
func looksLikePath(text string) bool {
	if text == "" || len(text) > 1024 || strings.ContainsAny(text, "\r\n") {
		return false
	}
	switch strings.ToLower(filepath.Ext(text)) {
	case ".pfx", ".p12", ".pem", ".cer", ".crt", ".key", ".der", ".jks":
		return true
	}
	for _, start := range []string{"/", "~", "./", "../", `.\`, `..\`, `\\`} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	if len(text) > 2 && text[1] == ':' && (text[2] == '\\' || text[2] == '/') {
		return true
	}
	_, err := os.Stat(text)
	return err == nil
}

func isKeystore(convert command, from Origin) error {
	return from.fail("Client certificate is a Java keystore", "%s is a keystore of Java. To convert it, run: %s",
		from.Bundle, convert.with(from))
}
