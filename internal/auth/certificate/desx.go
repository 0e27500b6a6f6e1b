package certificate

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
)

// desxCipher is DESX, DES between two additions of a key: DES(text ⊕ before) ⊕ after.
type desxCipher struct {
	cipher.Block
	before, after []byte
}

// newDESX takes the keys in OpenSSL's order: that of DES, the one before it, the one after.
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
