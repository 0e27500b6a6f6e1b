package certificate

import (
	"bytes"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"errors"
	"hash"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/scrypt"
)

var (
	errWrongPassword = errors.New("wrong password")
	// errTooMuchWork is the error for a key derivation that would keep the provider busy for too long.
	errTooMuchWork = errors.New("too much work")
)

// maxWork is the limit for all key derivations of one bundle, in rounds of HMAC-SHA-1. This work takes a second or two.
// The limit allows three million rounds for a key and its certificate, which is thirty times what most tools choose.
const maxWork = 12_000_000

// maxMemory is the limit for the memory that scrypt takes for one bundle, in bytes. OpenSSL uses 16 MiB for a key, and
// another 16 MiB for a certificate.
const maxMemory = 48 << 20

// budget is the work, in rounds of HMAC-SHA-1, and the memory, in bytes, that are left for a bundle.
type budget struct{ left, memory int64 }

// spend subtracts the work of a number of rounds from the budget. weight is the work of ten rounds. If too little is
// left, spend returns errTooMuchWork, so that the work does not begin. It refuses a negative number in the same way,
// because subtracting that would add to the budget.
func (b *budget) spend(rounds, weight int64) error {
	if rounds < 0 || rounds > maxWork || rounds*weight/10 > b.left {
		return errTooMuchWork
	}
	b.left -= rounds * weight / 10
	return nil
}

// digest is a hash function. weight is the work of ten rounds of its HMAC, and plain is the work of ten rounds of the
// hash alone. The unit is one round of HMAC-SHA-1.
type digest struct {
	new           func() hash.Hash
	weight, plain int64
}

var (
	sha1Digest = digest{sha1.New, 10, 5}
	md5Digest  = digest{md5.New, 12, 5}
)

// digests are the hash functions, by the object identifiers of the hashes and of their HMACs.
var digests = map[string]digest{
	"1.2.840.113549.2.5": md5Digest, "1.2.840.113549.2.6": md5Digest,
	"1.3.14.3.2.26": sha1Digest, "1.2.840.113549.2.7": sha1Digest,
	"1.3.6.1.5.5.8.1.1": md5Digest, "1.3.6.1.5.5.8.1.2": sha1Digest,
	"2.16.840.1.101.3.4.2.4": sha224, "1.2.840.113549.2.8": sha224,
	"2.16.840.1.101.3.4.2.1": sha256Digest, "1.2.840.113549.2.9": sha256Digest,
	"2.16.840.1.101.3.4.2.2": sha384, "1.2.840.113549.2.10": sha384,
	"2.16.840.1.101.3.4.2.3": sha512Digest, "1.2.840.113549.2.11": sha512Digest,
	"2.16.840.1.101.3.4.2.5": sha512_224, "1.2.840.113549.2.12": sha512_224,
	"2.16.840.1.101.3.4.2.6": sha512_256, "1.2.840.113549.2.13": sha512_256,
	"2.16.840.1.101.3.4.2.7": sha3_224, "2.16.840.1.101.3.4.2.13": sha3_224,
	"2.16.840.1.101.3.4.2.8": sha3_256, "2.16.840.1.101.3.4.2.14": sha3_256,
	"2.16.840.1.101.3.4.2.9": sha3_384, "2.16.840.1.101.3.4.2.15": sha3_384,
	"2.16.840.1.101.3.4.2.10": sha3_512, "2.16.840.1.101.3.4.2.16": sha3_512,
}

var (
	sha224       = digest{sha256.New224, 12, 5}
	sha256Digest = digest{sha256.New, 12, 5}
	sha384       = digest{sha512.New384, 26, 12}
	sha512Digest = digest{sha512.New, 26, 12}
	sha512_224   = digest{sha512.New512_224, 26, 12}
	sha512_256   = digest{sha512.New512_256, 26, 12}
	sha3_224     = digest{func() hash.Hash { return sha3.New224() }, 75, 35}
	sha3_256     = digest{func() hash.Hash { return sha3.New256() }, 75, 35}
	sha3_384     = digest{func() hash.Hash { return sha3.New384() }, 75, 35}
	sha3_512     = digest{func() hash.Hash { return sha3.New512() }, 75, 35}
)

const (
	oidPKCS12PBE = "1.2.840.113549.1.12.1."
	oidPBES1     = "1.2.840.113549.1.5."
	oidPBES2     = "1.2.840.113549.1.5.13"
	oidPBMAC1    = "1.2.840.113549.1.5.14"
	oidPBKDF2    = "1.2.840.113549.1.5.12"
	oidRC2CBC    = "1.2.840.113549.3.2"
	oidScrypt    = "1.3.6.1.4.1.11591.4.11"
)

// legacy reports whether OpenSSL 3 decrypts with the algorithm only with the option -legacy. It needs this option for
// everything of PKCS#5 version 1.5, and for old ciphers.
func (a algorithm) legacy() bool {
	if a.id() == oidPBES2 {
		_, use, _, err := a.readPBES2()
		return err == nil && use.legacy
	}
	if number := lastNumber(a.id(), oidPKCS12PBE); number != "" {
		return pkcs12Ciphers[number].legacy
	}
	_, ok := pbes1Schemes[lastNumber(a.id(), oidPBES1)]
	return ok
}

// lastNumber returns the part of an object identifier after prefix; "" if the identifier does not begin with prefix.
func lastNumber(id, prefix string) string {
	if number, ok := strings.CutPrefix(id, prefix); ok {
		return number
	}
	return ""
}

// wide reports whether the algorithm uses the password as a BMPString (two bytes per character).
func (a algorithm) wide() bool { return lastNumber(a.id(), oidPKCS12PBE) != "" }

// decrypt decrypts a ciphertext with one encoding of the password. The padding shows most wrong passwords, for which
// the error is errWrongPassword, but not all.
func (a algorithm) decrypt(ciphertext, password []byte, work *budget) ([]byte, error) {
	if a.id() == oidPBES2 {
		derivation, use, iv, err := a.readPBES2()
		if err != nil {
			return nil, err
		}
		key, err := derivation.derive(password, use.size, work)
		if err != nil {
			return nil, err
		}
		return use.decrypt(key, iv, ciphertext)
	}
	use, ofPKCS12 := pkcs12Ciphers[lastNumber(a.id(), oidPKCS12PBE)]
	scheme, ofPBES1 := pbes1Schemes[lastNumber(a.id(), oidPBES1)]
	if !ofPKCS12 && !ofPBES1 {
		return nil, unsupported(a.id())
	}
	var v saltAndRounds
	if err := unmarshal(a.parameters(), &v); err != nil || v.Rounds < 0 {
		return nil, errMalformed
	}
	if ofPKCS12 {
		key, err := pkcs12Key(sha1Digest, v.Salt, password, 1, v.Rounds, use.size, work)
		if err != nil {
			return nil, err
		}
		iv, err := pkcs12Key(sha1Digest, v.Salt, password, 2, v.Rounds, 8, work)
		if err != nil {
			return nil, err
		}
		m := cbc
		if use.new == nil {
			m = rc4Stream
		}
		return encryption{use, m}.decrypt(key, iv, ciphertext)
	}
	if err := work.spend(v.Rounds, scheme.plain); err != nil {
		return nil, err
	}
	sum := slices.Concat(password, v.Salt)
	for range max(v.Rounds, 1) {
		h := scheme.digest.new()
		h.Write(sum)
		sum = h.Sum(nil)
	}
	return encryption{scheme.keyedCipher, cbc}.decrypt(sum[:8], sum[8:16], ciphertext)
}

// readPBES2 reads the parameters of PBES2 (RFC 8018, appendix A.4).
func (a algorithm) readPBES2() (derivation algorithm, use encryption, iv []byte, err error) {
	var parts derivedScheme
	if err := unmarshal(a.parameters(), &parts); err != nil {
		return derivation, use, nil, err
	}
	derivation, scheme := parts.Derivation, parts.Scheme
	if scheme.id() == oidRC2CBC {
		var v rc2Values
		if err := unmarshal(scheme.parameters(), &v); err != nil {
			return derivation, use, nil, err
		}
		// The version number of RC2 stands for the strength of the key, in bits (RFC 8018, appendix B.2.3).
		bits, known := map[int64]int{160: 40, 120: 64, 58: 128}[v.Version]
		if !known {
			return derivation, use, nil, unsupported(scheme.id())
		}
		return derivation, encryption{rc2Of(bits), cbc}, v.IV, nil
	}
	use, ok := pbes2Ciphers()[scheme.id()]
	if !ok {
		return derivation, use, nil, unsupported(scheme.id())
	}
	// Key wrapping has no initialization vector. OpenSSL writes an element without meaning in its place.
	if use.needsVector() {
		err = unmarshal(scheme.parameters(), &iv)
	}
	return derivation, use, iv, err
}

// derive derives a key of size bytes from a password, with PBKDF2 (RFC 8018, appendix A.2) or scrypt (RFC 7914).
func (a algorithm) derive(password []byte, size int, work *budget) (key []byte, err error) {
	switch a.id() {
	case oidPBKDF2:
		var v pbkdf2Values
		if err := unmarshal(a.parameters(), &v); err != nil || v.Rounds < 1 {
			return nil, errMalformed
		}
		prf := sha1Digest
		if len(v.PRF.FullBytes) > 0 {
			var named algorithm
			if err := unmarshal(v.PRF.FullBytes, &named); err != nil {
				return nil, err
			}
			var ok bool
			if prf, ok = digests[named.id()]; !ok {
				return nil, unsupported(named.id())
			}
		}
		blocks := int64((size + prf.new().Size() - 1) / prf.new().Size())
		if err := work.spend(v.Rounds, blocks*prf.weight); err != nil {
			return nil, err
		}
		key, err = pbkdf2.Key(prf.new, string(password), v.Salt, int(v.Rounds), size)
	case oidScrypt:
		var v scryptValues
		if err := unmarshal(a.parameters(), &v); err != nil || v.N < 2 || v.R < 1 || v.P < 1 {
			return nil, errMalformed
		}
		// scrypt needs 128·n·r bytes of memory. OpenSSL chooses 16 MiB when it writes a file, and accepts less than 32
		// MiB when it reads one.
		memory := 128 * v.N * v.R
		if v.N > 1<<20 || v.R > 1<<10 || v.P > 1<<10 || memory >= 32<<20 || memory > work.memory {
			return nil, errTooMuchWork
		}
		work.memory -= memory
		if err := work.spend(v.N*v.R*v.P, 10); err != nil {
			return nil, err
		}
		key, err = scrypt.Key(password, v.Salt, int(v.N), int(v.R), int(v.P), size)
	default:
		return nil, unsupported(a.id())
	}
	if err != nil {
		return nil, errMalformed
	}
	return key, nil
}

// pkcs12Key derives size bytes from a password (RFC 7292, appendix B). They are a key if purpose is 1, an
// initialization vector if purpose is 2, and the key of a MAC if purpose is 3.
func pkcs12Key(use digest, salt, password []byte, purpose byte, rounds int64, size int, work *budget) ([]byte, error) {
	h := use.new()
	u, v := h.Size(), h.BlockSize()
	if err := work.spend(rounds, use.plain*int64((size+u-1)/u)); err != nil {
		return nil, err
	}
	input := append(repeatTo(salt, v), repeatTo(password, v)...)
	var key []byte
	sum := make([]byte, 0, u)
	for {
		h.Reset()
		h.Write(bytes.Repeat([]byte{purpose}, v))
		h.Write(input)
		sum = h.Sum(sum[:0])
		for range rounds - 1 {
			h.Reset()
			h.Write(sum)
			sum = h.Sum(sum[:0])
		}
		if key = append(key, sum...); len(key) >= size {
			return key[:size], nil
		}
		// Each block of the input becomes block + B + 1, modulo 2 to the power of its number of bits. B is sum,
		// repeated to the length of a block.
		b := new(big.Int).SetBytes(repeatTo(sum, v)[:v])
		b.Add(b, big.NewInt(1))
		for i := 0; i < len(input); i += v {
			block := new(big.Int).SetBytes(input[i : i+v])
			full := make([]byte, v+1)
			block.Add(block, b).FillBytes(full)
			copy(input[i:i+v], full[1:])
		}
	}
}

// repeatTo returns data, repeated up to the next multiple of v bytes; nil if data is empty.
func repeatTo(data []byte, v int) []byte {
	if len(data) == 0 {
		return nil
	}
	size := v * ((len(data) + v - 1) / v)
	return bytes.Repeat(data, size/len(data)+1)[:size]
}
