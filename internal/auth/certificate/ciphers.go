package certificate

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"slices"
	"strconv"
	"strings"
	"sync"

	// Blowfish and CAST5 are deprecated for new files, but existing files use them.
	"golang.org/x/crypto/blowfish" //nolint:staticcheck // see above
	"golang.org/x/crypto/cast5"    //nolint:staticcheck // see above
)

// keyedCipher is a cipher with keys of a fixed size. size is in bytes.
type keyedCipher struct {
	size int
	// new returns the block cipher for a key. It is nil for RC4 and ChaCha20, which are stream ciphers.
	new func(key []byte) (cipher.Block, error)
	// legacy is true if OpenSSL 3 decrypts with this cipher only with the option -legacy.
	legacy bool
}

var (
	aes128      = keyedCipher{16, aes.NewCipher, false}
	aes192      = keyedCipher{24, aes.NewCipher, false}
	aes256      = keyedCipher{32, aes.NewCipher, false}
	aria128     = keyedCipher{16, newARIA, false}
	aria192     = keyedCipher{24, newARIA, false}
	aria256     = keyedCipher{32, newARIA, false}
	camellia128 = keyedCipher{16, newCamellia, false}
	camellia192 = keyedCipher{24, newCamellia, false}
	camellia256 = keyedCipher{32, newCamellia, false}
	sm4         = keyedCipher{16, newSM4, false}
	seed        = keyedCipher{16, newSEED, true}
	tripleDES   = keyedCipher{24, des.NewTripleDESCipher, false}
	doubleDES   = keyedCipher{16, newDoubleDES, false}
	singleDES   = keyedCipher{8, des.NewCipher, true}
	blowfish128 = keyedCipher{16, func(key []byte) (cipher.Block, error) { return blowfish.NewCipher(key) }, true}
	cast128     = keyedCipher{16, func(key []byte) (cipher.Block, error) { return cast5.NewCipher(key) }, true}
	desx        = keyedCipher{24, newDESX, true}
	rc4Of128    = keyedCipher{16, nil, true}
	rc4Of40     = keyedCipher{5, nil, true}
	chaCha20    = keyedCipher{32, nil, false}
)

// newDoubleDES returns triple DES for a key of 16 bytes, which holds two DES keys. The first DES key is also used as
// the third.
func newDoubleDES(key []byte) (cipher.Block, error) {
	return des.NewTripleDESCipher(slices.Concat(key, key[:8]))
}

func rc2Of(bits int) keyedCipher {
	return keyedCipher{bits / 8, func(key []byte) (cipher.Block, error) { return newRC2(key, bits), nil }, true}
}

// pbes2Ciphers returns the ciphers of PBES2 by object identifier. They are all ciphers that OpenSSL opens, except RC2,
// because the parameters of RC2 contain its strength. The map is created when it is first needed, because most runs
// open no encrypted key.
var pbes2Ciphers = sync.OnceValue(func() map[string]encryption {
	all := map[string]encryption{
		"1.2.840.113549.3.4":        {rc4Of128, rc4Stream},
		"1.2.840.113549.3.7":        {tripleDES, cbc},
		"1.3.14.3.2.17":             {doubleDES, ecb},
		"1.2.840.113533.7.66.10":    {cast128, cbc},
		"1.3.6.1.4.1.3029.1.2":      {blowfish128, cbc},
		"1.2.156.10197.1.104.7":     {sm4, ctr},
		"0.3.4401.5.3.1.9.9":        {camellia128, ctr},
		"0.3.4401.5.3.1.9.29":       {camellia192, ctr},
		"0.3.4401.5.3.1.9.49":       {camellia256, ctr},
		"1.2.392.200011.61.1.1.1.2": {camellia128, cbc},
		"1.2.392.200011.61.1.1.1.3": {camellia192, cbc},
		"1.2.392.200011.61.1.1.1.4": {camellia256, cbc},
	}
	add := func(arc string, first int, c keyedCipher, modes ...mode) {
		for i, m := range modes {
			all[arc+strconv.Itoa(first+i)] = encryption{c, m}
		}
	}
	add("1.3.14.3.2.", 6, singleDES, ecb, cbc, ofb, cfb)
	add("1.2.156.10197.1.104.", 1, sm4, ecb, cbc, ofb, cfb)
	add("1.2.410.200004.1.", 3, seed, ecb, cbc, cfb, ofb)
	for i, c := range []keyedCipher{aes128, aes192, aes256} {
		add("2.16.840.1.101.3.4.1.", 1+20*i, c, ecb, cbc, ofb, cfb, wrap)
		add("2.16.840.1.101.3.4.1.", 8+20*i, c, wrapPadded)
	}
	for i, c := range []keyedCipher{aria128, aria192, aria256} {
		add("1.2.410.200046.1.1.", 1+5*i, c, ecb, cbc, cfb, ofb, ctr)
	}
	for i, c := range []keyedCipher{camellia128, camellia192, camellia256} {
		add("0.3.4401.5.3.1.9.", 1+20*i, c, ecb)
		add("0.3.4401.5.3.1.9.", 3+20*i, c, ofb, cfb)
	}
	return all
})

// pkcs12Ciphers are the ciphers of the password-based encryption of PKCS#12 (RFC 7292, appendix C). A cipher is found
// by the last number of its object identifier.
var pkcs12Ciphers = map[string]keyedCipher{
	"1": rc4Of128, "2": rc4Of40, "3": tripleDES, "4": doubleDES, "5": rc2Of(128), "6": rc2Of(40),
}

// pbes1Schemes are the encryption schemes of PKCS#5 version 1.5 (RFC 8018, appendix A.3). A scheme is found by the last
// number of its object identifier.
var pbes1Schemes = map[string]struct {
	digest
	keyedCipher
}{
	"3": {md5Digest, singleDES}, "6": {md5Digest, rc2Of(64)},
	"10": {sha1Digest, singleDES}, "11": {sha1Digest, rc2Of(64)},
}

// rfc1423Ciphers are the ciphers of OpenSSL's own encryption of PEM text, by the beginning of the names, such as
// AES-128 in AES-128-CBC.
var rfc1423Ciphers = map[string]keyedCipher{
	"AES-128":      aes128,
	"AES-192":      aes192,
	"AES-256":      aes256,
	"ARIA-128":     aria128,
	"ARIA-192":     aria192,
	"ARIA-256":     aria256,
	"CAMELLIA-128": camellia128, "CAMELLIA-192": camellia192, "CAMELLIA-256": camellia256, "SM4": sm4, "SEED": seed,
	"DES-EDE3": tripleDES, "DES-EDE": doubleDES, "DES": singleDES, "DESX": desx, "BF": blowfish128, "CAST5": cast128,
	"RC2": rc2Of(128), "RC2-64": rc2Of(64), "RC2-40": rc2Of(40),
}

// rfc1423Modes are the modes of OpenSSL's own encryption of PEM text, by the end of the names, such as -CBC in
// AES-128-CBC.
var rfc1423Modes = map[string]mode{"-CBC": cbc, "-CFB": cfb, "-CFB8": cfb8, "-CFB1": cfb1, "-OFB": ofb, "-CTR": ctr}

// rfc1423Encryption returns the cipher and the mode for a name such as AES-128-CBC, and whether the name is known.
func rfc1423Encryption(name string) (encryption, bool) {
	if name == "ChaCha20" {
		return encryption{chaCha20, chaCha20Stream}, true
	}
	end := max(strings.LastIndexByte(name, '-'), 0)
	use, known := rfc1423Ciphers[name[:end]]
	m, possible := rfc1423Modes[name[end:]]
	return encryption{use, m}, known && possible
}

// unsupportedError is the error for an algorithm that this package does not implement. OpenSSL 3, as systems install
// it, does not support the algorithm either.
type unsupportedError struct{ algorithm string }

func (e *unsupportedError) Error() string { return e.algorithm + " is not supported" }

// otherCiphers are the names, for messages, of ciphers that this package does not implement. Most systems build OpenSSL
// without IDEA, RC5 and MD2.
var otherCiphers = map[string]string{
	"1.3.6.1.4.1.188.7.1.1.2": "IDEA", "1.2.840.113549.3.8": "RC5",
	oidPBES1 + "1": "DES with MD2", oidPBES1 + "4": "RC2 with MD2",
}

func unsupported(id string) error {
	return &unsupportedError{cmp.Or(otherCiphers[id], "the algorithm "+id)}
}

func reversed[T any](list []T) []T {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// roundCipher is a block cipher with blocks of 16 bytes that encrypts and decrypts by the same steps, with other round
// keys.
type roundCipher[Keys any] struct {
	crypt                  func(dst, src []byte, keys Keys)
	encryption, decryption Keys
}

func (roundCipher[_]) BlockSize() int { return 16 }

func (c roundCipher[_]) Encrypt(dst, src []byte) { c.crypt(dst, src, c.encryption) }

func (c roundCipher[_]) Decrypt(dst, src []byte) { c.crypt(dst, src, c.decryption) }
