package certificate

import (
	"bytes"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/asn1"
	"errors"
	"hash"
	"math/big"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"
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
// left, spend returns errTooMuchWork, so that the work does not begin.
func (b *budget) spend(rounds, weight int64) error {
	if rounds > maxWork || rounds*weight/10 > b.left {
		return errTooMuchWork
	}
	b.left -= rounds * weight / 10
	return nil
}

// digest is a hash function. weight is the work of ten rounds of its HMAC, and plain is the work of ten rounds of the
// hash alone. The unit is one round of HMAC-SHA-1.
type digest struct {
	name          string
	new           func() hash.Hash
	weight, plain int64
}

var (
	sha1Digest = digest{"SHA-1", sha1.New, 10, 5}
	md5Digest  = digest{"MD5", md5.New, 12, 5}
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
	sha224       = digest{"SHA-224", sha256.New224, 12, 5}
	sha256Digest = digest{"SHA-256", sha256.New, 12, 5}
	sha384       = digest{"SHA-384", sha512.New384, 26, 12}
	sha512Digest = digest{"SHA-512", sha512.New, 26, 12}
	sha512_224   = digest{"SHA-512/224", sha512.New512_224, 26, 12}
	sha512_256   = digest{"SHA-512/256", sha512.New512_256, 26, 12}
	sha3_224     = digest{"SHA3-224", func() hash.Hash { return sha3.New224() }, 75, 35}
	sha3_256     = digest{"SHA3-256", func() hash.Hash { return sha3.New256() }, 75, 35}
	sha3_384     = digest{"SHA3-384", func() hash.Hash { return sha3.New384() }, 75, 35}
	sha3_512     = digest{"SHA3-512", func() hash.Hash { return sha3.New512() }, 75, 35}
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

// algorithm is an ASN.1 AlgorithmIdentifier: an object identifier and its parameters.
type algorithm struct {
	id         string
	parameters cryptobyte.String
}

func readAlgorithm(s *cryptobyte.String) (algorithm, error) {
	var sequence cryptobyte.String
	var id asn1.ObjectIdentifier
	if !s.ReadASN1(&sequence, der.SEQUENCE) || !sequence.ReadASN1ObjectIdentifier(&id) {
		return algorithm{}, errMalformed
	}
	return algorithm{id.String(), sequence}, nil
}

// legacy reports whether OpenSSL 3 decrypts with the algorithm only with the option -legacy. It needs this option for
// everything of PKCS#5 version 1.5, and for old ciphers.
func (a algorithm) legacy() bool {
	if a.id == oidPBES2 {
		_, use, _, err := a.readPBES2()
		return err == nil && use.legacy
	}
	if number := lastNumber(a.id, oidPKCS12PBE); number != "" {
		return pkcs12Ciphers[number].legacy
	}
	_, ok := pbes1Schemes[lastNumber(a.id, oidPBES1)]
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
func (a algorithm) wide() bool { return lastNumber(a.id, oidPKCS12PBE) != "" }

// decrypt decrypts a ciphertext with one encoding of the password. The padding shows most wrong passwords, for which
// the error is errWrongPassword, but not all.
func (a algorithm) decrypt(ciphertext, password []byte, work *budget) ([]byte, error) {
	if a.id == oidPBES2 {
		return a.decryptPBES2(ciphertext, password, work)
	}
	if number := lastNumber(a.id, oidPKCS12PBE); number != "" {
		use, known := pkcs12Ciphers[number]
		if !known {
			return nil, unsupported(a.id)
		}
		salt, rounds, ok := a.saltAndRounds()
		if !ok {
			return nil, errMalformed
		}
		key, err := pkcs12Key(sha1Digest, salt, password, 1, rounds, use.size, work)
		if err != nil {
			return nil, err
		}
		iv, err := pkcs12Key(sha1Digest, salt, password, 2, rounds, 8, work)
		if err != nil {
			return nil, err
		}
		m := cbc
		if use.new == nil {
			m = rc4Stream
		}
		return encryption{use, m}.decrypt(key, iv, ciphertext)
	}
	scheme, ok := pbes1Schemes[lastNumber(a.id, oidPBES1)]
	if !ok {
		return nil, unsupported(a.id)
	}
	salt, rounds, ok := a.saltAndRounds()
	if !ok {
		return nil, errMalformed
	}
	if err := work.spend(rounds, scheme.plain); err != nil {
		return nil, err
	}
	sum := append(append([]byte{}, password...), salt...)
	for range max(rounds, 1) {
		h := scheme.digest.new()
		h.Write(sum)
		sum = h.Sum(nil)
	}
	return encryption{scheme.keyedCipher, cbc}.decrypt(sum[:8], sum[8:16], ciphertext)
}

func (a algorithm) saltAndRounds() (salt cryptobyte.String, rounds int64, ok bool) {
	var sequence cryptobyte.String
	parameters := a.parameters
	ok = parameters.ReadASN1(&sequence, der.SEQUENCE) && sequence.ReadASN1(&salt, der.OCTET_STRING) &&
		sequence.ReadASN1Integer(&rounds) && rounds >= 0
	return salt, rounds, ok
}

// decryptPBES2 decrypts a ciphertext of PBES2 (RFC 8018, section 6.2).
func (a algorithm) decryptPBES2(ciphertext, password []byte, work *budget) ([]byte, error) {
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

// readPBES2 reads the parameters of PBES2 (RFC 8018, appendix A.4).
func (a algorithm) readPBES2() (derivation algorithm, use encryption, iv cryptobyte.String, err error) {
	var sequence cryptobyte.String
	parameters := a.parameters
	if !parameters.ReadASN1(&sequence, der.SEQUENCE) {
		return derivation, use, nil, errMalformed
	}
	if derivation, err = readAlgorithm(&sequence); err != nil {
		return derivation, use, nil, err
	}
	scheme, err := readAlgorithm(&sequence)
	if err != nil {
		return derivation, use, nil, err
	}
	use, ok := pbes2Ciphers()[scheme.id]
	vector := scheme.parameters
	if scheme.id == oidRC2CBC {
		var inner cryptobyte.String
		var version int64
		if !vector.ReadASN1(&inner, der.SEQUENCE) || !inner.ReadASN1Integer(&version) {
			return derivation, use, nil, errMalformed
		}
		// The version number of RC2 stands for the strength of the key, in bits (RFC 8018, appendix B.2.3).
		bits, known := map[int64]int{160: 40, 120: 64, 58: 128}[version]
		if !known {
			return derivation, use, nil, unsupported(scheme.id)
		}
		use, ok, vector = encryption{rc2Of(bits), cbc}, true, inner
	}
	if !ok {
		return derivation, use, nil, unsupported(scheme.id)
	}
	// Key wrapping has no initialization vector. OpenSSL writes an element without meaning in its place.
	if use.needsVector() && !vector.ReadASN1(&iv, der.OCTET_STRING) {
		return derivation, use, nil, errMalformed
	}
	return derivation, use, iv, nil
}

// derive derives a key of size bytes from a password, with PBKDF2 (RFC 8018, appendix A.2) or scrypt (RFC 7914).
func (a algorithm) derive(password []byte, size int, work *budget) ([]byte, error) {
	var sequence, salt cryptobyte.String
	parameters := a.parameters
	if !parameters.ReadASN1(&sequence, der.SEQUENCE) || !sequence.ReadASN1(&salt, der.OCTET_STRING) {
		return nil, errMalformed
	}
	switch a.id {
	case oidPBKDF2:
		var rounds int64
		if !sequence.ReadASN1Integer(&rounds) || rounds < 1 || !skipInteger(&sequence) {
			return nil, errMalformed
		}
		prf := sha1Digest
		if !sequence.Empty() {
			named, err := readAlgorithm(&sequence)
			if err != nil {
				return nil, err
			}
			var ok bool
			if prf, ok = digests[named.id]; !ok {
				return nil, unsupported(named.id)
			}
		}
		blocks := int64((size + prf.new().Size() - 1) / prf.new().Size())
		if err := work.spend(rounds, blocks*prf.weight); err != nil {
			return nil, err
		}
		key, err := pbkdf2.Key(prf.new, string(password), salt, int(rounds), size)
		if err != nil {
			return nil, errMalformed
		}
		return key, nil
	case oidScrypt:
		var n, r, p int64
		if !sequence.ReadASN1Integer(&n) || !sequence.ReadASN1Integer(&r) || !sequence.ReadASN1Integer(&p) ||
			n < 2 || r < 1 || p < 1 {
			return nil, errMalformed
		}
		// scrypt needs 128·n·r bytes of memory. OpenSSL chooses 16 MiB when it writes a file, and accepts less than 32
		// MiB when it reads one.
		if n > 1<<20 || r > 1<<10 || p > 1<<10 || 128*n*r >= 32<<20 || 128*n*r > work.memory {
			return nil, errTooMuchWork
		}
		work.memory -= 128 * n * r
		if err := work.spend(n*r*p, 10); err != nil {
			return nil, err
		}
		key, err := scrypt.Key(password, salt, int(n), int(r), int(p), size)
		if err != nil {
			return nil, errMalformed
		}
		return key, nil
	}
	return nil, unsupported(a.id)
}

// skipInteger skips an optional integer, which is the size of a key. The size is not needed, because it follows from
// the cipher.
func skipInteger(s *cryptobyte.String) bool {
	return s.SkipOptionalASN1(der.INTEGER)
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
