package certificate

import (
	"bytes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

const (
	// semiblock is half a block of AES, in bytes. It is the unit of key wrapping.
	semiblock = 8
	// maxWrapPadding is the maximum length of the padding of a wrapped key, in bytes.
	maxWrapPadding = semiblock - 1
)

var (
	// wrapCheck is the check value that unwrapping without padding must yield (RFC 3394, section 2.2.3.1).
	wrapCheck = []byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}
	// wrapPaddedCheck is the first half of the check value that unwrapping with padding must yield. The second half is
	// the length of the key (RFC 5649, section 3).
	wrapPaddedCheck = []byte{0xa6, 0x59, 0x59, 0xa6}
)

// unwrapKey undoes AES key wrapping, with padding (RFC 5649) or without (RFC 3394). It returns errWrongPassword if the
// check value or the padding is wrong.
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

// unwrapSemiblocks unwraps a key and returns the check value without comparing it (RFC 3394, section 2.2.2). A key of a
// single semiblock, which is only possible with padding, is decrypted as one block of AES (RFC 5649, section 4.2).
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
