package certificate

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// errBrokenPEM is the error for text that begins like PEM but has no complete block. Its text becomes a part of a
// message.
var errBrokenPEM = errors.New("it has no complete block from BEGIN to END")

// onlyPEM describes, in messages, PEM text without a private key.
const onlyPEM = "PEM certificates"

// parsePEM reads certificates and private keys from PEM text (RFC 7468), in any order. A block may also hold a PFX
// file, because certutil -encode labels every file as a certificate.
func parsePEM(data []byte, password string, from Origin, work *budget) (bundle, error) {
	blocks, err := pemBlocks(string(data))
	if err != nil {
		return bundle{}, from.fail("Client certificate is broken PEM", "%s looks like PEM, but %s.", from.Bundle, err)
	}
	b := bundle{what: onlyPEM}
	encrypted := false
	for _, block := range blocks {
		switch {
		case strings.HasSuffix(block.Type, "CERTIFICATE") || block.Type == "PKCS12" || block.Type == "PFX":
			if block.Type != "ATTRIBUTE CERTIFICATE" && !isPFX(block.Bytes) {
				// In a trusted certificate of OpenSSL, trust settings follow the certificate itself.
				b.certificates = append(b.certificates, firstValue(block.Bytes))
				continue
			}
			inner, err := parseDER(block.Bytes, password, from, work)
			if err != nil {
				return bundle{}, err
			}
			b.keys = append(b.keys, inner.keys...)
			b.certificates = append(b.certificates, inner.certificates...)
			encrypted = encrypted || !inner.unusedPassword
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			key, opened := pemKey(block, password, from, work)
			b.keys = append(b.keys, key)
			encrypted = encrypted || opened
		case block.Type == "PKCS7" || block.Type == "CMS":
			b.what = "a PKCS#7 bundle (.p7b)"
		}
	}
	if len(b.keys) == 0 && len(b.certificates) == 0 && b.what == onlyPEM {
		return bundle{}, from.fail("Client certificate is in an unknown format", "%s is PEM text without a "+
			"certificate and without a private key. Use the PFX, or a PEM with both.", from.Bundle)
	}
	b.unusedPassword = password != "" && !encrypted
	return b, nil
}

// pemStart begins a block. A label of at most longestLabel of these characters follows, and five hyphens.
const (
	pemStart        = "-----BEGIN "
	labelCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 "
	longestLabel    = 40
)

var pemHeader = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`Proc-Type:\s*\d,\s*[A-Z]+|DEK-Info:\s*[A-Za-z0-9-]+,\s*[0-9A-Fa-f]+|` +
		`(?m:^[A-Za-z][A-Za-z-]*:.*$)`)
})

// pemBlocks returns the blocks of a PEM text. Unlike Go's own package, it also accepts lines that are indented, that
// end as on old Macs, that are joined into one line, or whose ends are written as the two characters \n.
func pemBlocks(text string) ([]*pem.Block, error) {
	text = escapedLines.Replace(text)
	var blocks []*pem.Block
	for {
		at := strings.Index(text, pemStart)
		if at < 0 {
			if blocks == nil {
				return nil, errBrokenPEM
			}
			return blocks, nil
		}
		text = text[at+len(pemStart):]
		label, after, named := strings.Cut(text, "-----")
		if !named || label == "" || len(label) > longestLabel || strings.Trim(label, labelCharacters) != "" {
			continue
		}
		body, rest, ends := strings.Cut(after, "-----END "+label+"-----")
		if !ends {
			return nil, errors.New("one of its blocks has no END line of the same name")
		}
		text = rest
		block := &pem.Block{Type: label, Headers: map[string]string{}}
		if strings.Contains(body, ":") {
			for _, header := range pemHeader().FindAllString(body, 8) {
				name, value, _ := strings.Cut(header, ":")
				block.Headers[name] = strings.TrimSpace(value)
				body = strings.Replace(body, header, "", 1)
			}
		}
		var err error
		body = strings.TrimRight(strings.Join(strings.Fields(body), ""), "=")
		block.Bytes, err = base64.RawStdEncoding.DecodeString(body)
		if err != nil || len(block.Bytes) == 0 {
			return nil, errors.New("one of its blocks is not base64")
		}
		blocks = append(blocks, block)
	}
}

// firstValue returns the first DER value of data, without the data after it. It returns all of data if there is no such
// value.
func firstValue(data []byte) []byte {
	if _, rest, err := readBER(data); err == nil {
		return data[:len(data)-len(rest)]
	}
	return data
}

// pemKey reads one private key from a PEM block. opened reports whether the password was needed.
func pemKey(block *pem.Block, password string, from Origin, work *budget) (key foundKey, opened bool) {
	content := block.Bytes
	if block.Headers["DEK-Info"] != "" {
		var problem *Error
		if content, problem = decryptRFC1423(block, password, from, work); problem != nil {
			return foundKey{problem: problem}, true
		}
		opened = true
	}
	switch block.Type {
	case "ENCRYPTED PRIVATE KEY":
		return encryptedKey(content, password, from, work)
	case "RSA PRIVATE KEY":
		return readKey(content, pkcs1, from), opened
	case "PRIVATE KEY", "ANY PRIVATE KEY":
		return readKey(content, pkcs8, from), opened
	case "EC PRIVATE KEY":
		return foundKey{problem: notRSA(from, "an EC key")}, opened
	case "DSA PRIVATE KEY":
		return foundKey{problem: notRSA(from, "a DSA key")}, opened
	case "OPENSSH PRIVATE KEY":
		return foundKey{problem: from.fail("Client certificate key is in the format of OpenSSH",
			"%s has a private key in the format of OpenSSH. Move the key to its own file old.key. To convert this "+
				"file, run: %s. Then put the key and its certificate into one file, run: %s",
			from.Bundle, fromOpenSSH, joinPEM)}, false
	}
	return foundKey{problem: from.fail("Client certificate key is in an unknown format",
		"%s has a private key that is neither PKCS#8 nor PKCS#1. Export the certificate and its key again, as PFX or "+
			"PEM.", from.Bundle)}, opened
}

// cipherName matches the name of a cipher, such as AES-256-CBC. A message contains nothing else from the headers of a
// key.
var cipherName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9-]{1,20}$`) })

// decryptRFC1423 decrypts a private key that is encrypted as in RFC 1423. This encryption protects a key badly, but it
// is accepted because a key without any encryption is accepted too.
func decryptRFC1423(block *pem.Block, password string, from Origin, work *budget) ([]byte, *Error) {
	name, salt, _ := strings.Cut(block.Headers["DEK-Info"], ",")
	if password == "" {
		return nil, needsPassword(from)
	}
	use, known := rfc1423Encryption(name)
	if !known {
		if !cipherName().MatchString(name) {
			name = "an unknown cipher"
		}
		return nil, unsupportedKey(from, &unsupportedError{name})
	}
	if len(block.Bytes) > maxKeySize {
		return nil, unreadableKey(from, tooLargeKey)
	}
	iv, err := hex.DecodeString(strings.TrimSpace(salt))
	if err != nil || len(iv) < 8 {
		return nil, unreadableKey(from, "its encryption is damaged")
	}
	open := func(password string) ([]byte, error) {
		if each := use.bitsEach(); each != 0 {
			// One call of a slow block cipher takes as long as five rounds of HMAC.
			if err := work.spend(8*int64(len(block.Bytes))/each, 50); err != nil {
				return nil, err
			}
		}
		content, err := use.decrypt(rfc1423Key(password, iv[:8], use.size), iv, block.Bytes)
		if err == nil {
			// A mode without padding does not show a wrong password. So the whole content is checked, because a check
			// of two bytes would accept one wrong password in five hundred.
			if whole, parseErr := toDER(content); parseErr != nil || !bytes.HasPrefix(whole, []byte{sequenceTag}) {
				err = errWrongPassword
			}
		}
		return content, err
	}
	content, err := open(password)
	switch {
	case err == nil:
		return content, nil
	case errors.Is(err, errTooMuchWork):
		return nil, tooMuchWork(from, fromPEM)
	case errors.Is(err, errWrongPassword):
		return nil, wrongPassword(from, password, checkKey, use.legacy, func(other string) bool {
			_, err := open(other)
			return err == nil
		})
	}
	return nil, unreadableKey(from, "its encryption is damaged")
}

// rfc1423Key derives a key of size bytes from a password in OpenSSL's way, because RFC 1423 defines no derivation.
func rfc1423Key(password string, salt []byte, size int) []byte {
	var key, last []byte
	for len(key) < size {
		sum := md5.Sum(slices.Concat(last, []byte(password), salt))
		last = sum[:]
		key = append(key, last...)
	}
	return key[:size]
}

// encryptedKey decrypts a PKCS#8 key (RFC 5958) with the password or, if that is wrong, with an empty password. opened
// is false only if the password was not needed.
func encryptedKey(content []byte, password string, from Origin, work *budget) (key foundKey, opened bool) {
	normal, err := toDER(content)
	if err != nil {
		return foundKey{problem: unreadableKey(from, "it is cut short or damaged")}, true
	}
	var encrypted encryptedKeyInfo
	if err := unmarshal(normal, &encrypted); err != nil {
		return foundKey{problem: unreadableKey(from, "it is damaged")}, true
	}
	scheme, ciphertext := encrypted.Algorithm, encrypted.Ciphertext
	open := func(password string) (plain []byte, err error) {
		err = opener{formsOf(password), work}.decrypt(scheme, ciphertext, func(found []byte) error {
			plain = found
			return nil
		})
		return plain, err
	}
	plain, err := open(password)
	if errors.Is(err, errWrongPassword) && password != "" {
		if again, empty := open(""); empty == nil {
			return readKey(again, pkcs8, from), false
		}
	}
	var unsupported *unsupportedError
	switch {
	case err == nil:
		return readKey(plain, pkcs8, from), password != ""
	case errors.Is(err, errTooMuchWork):
		return foundKey{problem: tooMuchWork(from, fromPEM.legacy(scheme.legacy()))}, true
	case errors.As(err, &unsupported):
		return foundKey{problem: unsupportedKey(from, unsupported)}, true
	case !errors.Is(err, errWrongPassword):
		return foundKey{problem: unreadableKey(from, "its encryption is damaged")}, true
	case password == "":
		return foundKey{problem: needsPassword(from)}, true
	}
	return foundKey{problem: wrongPassword(from, password, checkKey, scheme.legacy(), func(other string) bool {
		_, err := open(other)
		return err == nil
	})}, true
}

func unsupportedKey(from Origin, unsupported *unsupportedError) *Error {
	return from.fail("Client certificate key uses an unsupported encryption", "%s has a private key that is "+
		"encrypted with %s, which the provider does not support. "+exportAgain, from.Bundle, unsupported.algorithm)
}

func isPFX(content []byte) bool {
	normal, err := toDER(content)
	return err == nil && bytes.HasPrefix(firstValueIn(normal), []byte{0x02, 0x01, 0x03})
}

// firstValueIn returns the content of an ASN.1 sequence, which begins with the first value in it; nil if the sequence
// cannot be read.
func firstValueIn(normal []byte) []byte {
	h, _, err := readBER(normal)
	if err != nil {
		return nil
	}
	return h.content
}
