package certificate

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
)

// desxCipher implements DESX, which is DES with a key added before it and a key added after it:
// DES(text ⊕ before) ⊕ after.
type desxCipher struct {
	cipher.Block
	before, after []byte
}

// newDESX returns the cipher DESX for a key of 24 bytes. The key is in OpenSSL's order: the key of DES, the key added
// before DES, the key added after DES.
func newDESX(key []byte) (cipher.Block, error) {
	if len(key) != 24 {
		return nil, des.KeySizeError(len(key))
	}
	inner, err := des.NewCipher(key[:8])
	return desxCipher{inner, key[8:16], key[16:]}, err
}

func (c desxCipher) Encrypt(dst, src []byte) {
	var text [des.BlockSize]byte
	subtle.XORBytes(text[:], src, c.before)
	c.Block.Encrypt(text[:], text[:])
	subtle.XORBytes(dst, text[:], c.after)
}

func (c desxCipher) Decrypt(dst, src []byte) {
	var text [des.BlockSize]byte
	subtle.XORBytes(text[:], src, c.after)
	c.Block.Decrypt(text[:], text[:])
	subtle.XORBytes(dst, text[:], c.before)
}
