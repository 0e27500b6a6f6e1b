package certificate

import (
	"bytes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

const (
	// semiblock is half a block of AES, the unit of key wrapping.
	semiblock = 8
	// maxWrapPadding is the most that a length can be filled up by.
	maxWrapPadding = semiblock - 1
)

var (
	// wrapCheck is what unwrapping must show (RFC 3394, section 2.2.3.1).
	wrapCheck = []byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}
	// wrapPaddedCheck is the same with padding; the length follows it (RFC 5649, section 3).
	wrapPaddedCheck = []byte{0xa6, 0x59, 0x59, 0xa6}
)

// unwrapKey undoes AES key wrapping (RFC 3394), with padding (RFC 5649) or without. It
// fails with errWrongPassword if the value it checks is not there.
func unwrapKey(block cipher.Block, ciphertext []byte, padded bool) ([]byte, error) {
	least := 3 * semiblock
	if padded {
		least = 2 * semiblock
	}
	if len(ciphertext) < least || len(ciphertext)%semiblock != 0 {
		return nil, errMalformed
	}
	check, plain := unwrapSemiblocks(block, ciphertext)
	if !padded {
		if subtle.ConstantTimeCompare(check, wrapCheck) != 1 {
			return nil, errWrongPassword
		}
		return plain, nil
	}
	filled := len(plain) - int(binary.BigEndian.Uint32(check[4:]))
	if subtle.ConstantTimeCompare(check[:4], wrapPaddedCheck) != 1 || filled < 0 || filled > maxWrapPadding {
		return nil, errWrongPassword
	}
	end := len(plain) - filled
	if subtle.ConstantTimeCompare(plain[end:], make([]byte, filled)) != 1 {
		return nil, errWrongPassword
	}
	return plain[:end], nil
}

// unwrapSemiblocks is the unwrapping itself (RFC 3394, section 2.2.2). A single semiblock,
// which only padding can leave, is one block of AES (RFC 5649, section 4.2).
func unwrapSemiblocks(block cipher.Block, ciphertext []byte) (check, plain []byte) {
	work := bytes.Clone(ciphertext)
	check, plain = work[:semiblock], work[semiblock:]
	if len(plain) == semiblock {
		block.Decrypt(work, ciphertext)
		return check, plain
	}
	both := make([]byte, 2*semiblock)
	for step := 6 * len(plain) / semiblock; step > 0; step-- {
		at := (step - 1) * semiblock % len(plain)
		part := plain[at : at+semiblock]
		binary.BigEndian.PutUint64(both, binary.BigEndian.Uint64(check)^uint64(step))
		copy(both[semiblock:], part)
		block.Decrypt(both, both)
		copy(check, both)
		copy(part, both[semiblock:])
	}
	return check, plain
}
