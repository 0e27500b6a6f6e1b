package certificate

import (
	"crypto/cipher"
	"crypto/rc4"
	"encoding/binary"

	"golang.org/x/crypto/chacha20"
)

// mode is the mode of operation of a block cipher, or a stream cipher, which has no modes.
type mode int

const (
	cbc mode = iota
	ecb
	cfb
	cfb8
	cfb1
	ofb
	ctr
	wrap
	wrapPadded
	rc4Stream
	chaCha20Stream
)

// encryption is a cipher in its mode.
type encryption struct {
	keyedCipher
	mode mode
}

// needsVector reports whether the mode needs an initialization vector.
func (e encryption) needsVector() bool {
	return e.mode != ecb && e.mode != wrap && e.mode != wrapPadded
}

// bitsEach returns how many bits one call of the block cipher decrypts in the modes CFB8 and CFB1; 0 in all other
// modes.
func (e encryption) bitsEach() int64 {
	switch e.mode {
	case cfb8:
		return 8
	case cfb1:
		return 1
	default:
		return 0
	}
}

// decrypt decrypts a ciphertext, and removes the padding (RFC 8018, section 6.1.1) in the modes that have padding.
func (e encryption) decrypt(key, iv, ciphertext []byte) ([]byte, error) {
	switch e.mode {
	case rc4Stream:
		stream, err := rc4.NewCipher(key)
		if err != nil {
			return nil, errMalformed
		}
		return throughStream(stream, ciphertext), nil
	case chaCha20Stream:
		return decryptChaCha20(key, iv, ciphertext)
	default:
	}
	block, err := e.new(key)
	if err != nil || e.needsVector() && len(iv) != block.BlockSize() {
		return nil, errMalformed
	}
	switch e.mode {
	case wrap, wrapPadded:
		return unwrapKey(block, ciphertext, e.mode == wrapPadded)
	// CFB and OFB are deprecated, because they do not authenticate the data. A PFX file has a MAC for that purpose.
	case cfb:
		stream := cipher.NewCFBDecrypter(block, iv) //nolint:staticcheck // deprecated: see above
		return throughStream(stream, ciphertext), nil
	case ofb:
		return throughStream(cipher.NewOFB(block, iv), ciphertext), nil //nolint:staticcheck // deprecated: see above
	case ctr:
		return throughStream(cipher.NewCTR(block, iv), ciphertext), nil
	case cfb8, cfb1:
		return decryptSmallCFB(block, iv, ciphertext, int(e.bitsEach())), nil
	default:
		return decryptBlocks(block, e.mode, iv, ciphertext)
	}
}

func throughStream(stream cipher.Stream, ciphertext []byte) []byte {
	plain := make([]byte, len(ciphertext))
	stream.XORKeyStream(plain, ciphertext)
	return plain
}

// decryptBlocks decrypts in the modes CBC and ECB, and removes the padding. If the padding is wrong, it returns
// errWrongPassword.
func decryptBlocks(block cipher.Block, m mode, iv, ciphertext []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(ciphertext) == 0 || len(ciphertext)%size != 0 {
		return nil, errMalformed
	}
	plain := make([]byte, len(ciphertext))
	if m == cbc {
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, ciphertext)
	} else {
		for i := 0; i < len(plain); i += size {
			block.Decrypt(plain[i:], ciphertext[i:])
		}
	}
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > size {
		return nil, errWrongPassword
	}
	end := len(plain) - padding
	for _, b := range plain[end:] {
		if int(b) != padding {
			return nil, errWrongPassword
		}
	}
	return plain[:end], nil
}

// decryptSmallCFB decrypts in the mode CFB (NIST SP 800-38A, section 6.3) with segments of 8 bits or of 1 bit. Each
// segment needs one call of the block cipher, and is then shifted into the register.
func decryptSmallCFB(block cipher.Block, iv, ciphertext []byte, segment int) []byte {
	register := append([]byte{}, iv...)
	keystream := make([]byte, len(register))
	plain := make([]byte, len(ciphertext))
	for i, b := range ciphertext {
		for done := 0; done < 8; done += segment {
			block.Encrypt(keystream, register)
			next := b << done >> (8 - segment)
			plain[i] |= (next ^ keystream[0]>>(8-segment)) << (8 - segment - done)
			for j := len(register) - 1; j >= 0; j-- {
				register[j], next = register[j]<<segment|next, register[j]>>(8-segment)
			}
		}
	}
	return plain
}

// decryptChaCha20 decrypts ChaCha20 with an initialization vector in OpenSSL's form: a block counter of 32 bits,
// little-endian, and then the nonce of RFC 8439. If the counter overflows, it carries into the nonce.
func decryptChaCha20(key, iv, ciphertext []byte) ([]byte, error) {
	if len(iv) != 16 {
		return nil, errMalformed
	}
	const size = 64
	start := append([]byte{}, iv...)
	plain := make([]byte, len(ciphertext))
	for i := 0; i < len(plain); i += size {
		stream, err := chacha20.NewUnauthenticatedCipher(key, start[4:])
		if err != nil {
			return nil, errMalformed
		}
		stream.SetCounter(binary.LittleEndian.Uint32(start))
		end := min(i+size, len(plain))
		stream.XORKeyStream(plain[i:end], ciphertext[i:end])
		binary.LittleEndian.PutUint64(start, binary.LittleEndian.Uint64(start)+1)
	}
	return plain, nil
}
