package certificate

import (
	"crypto/cipher"
	"encoding/binary"
	"math/bits"
)

// camelliaKeys are the subkeys for encryption or for decryption. Decryption uses the subkeys of encryption in reverse
// order.
type camelliaKeys struct{ whitening, rounds, layers []uint64 }

// newCamellia returns the cipher Camellia for a key of 16, 24 or 32 bytes (RFC 3713, section 2.2). No library offers
// it. NSS can write PFX files with this cipher.
func newCamellia(key []byte) (cipher.Block, error) {
	var left, right pair
	left = pair{binary.BigEndian.Uint64(key), binary.BigEndian.Uint64(key[8:])}
	switch len(key) {
	case 24:
		right.high = binary.BigEndian.Uint64(key[16:])
		right.low = ^right.high
	case 32:
		right = pair{binary.BigEndian.Uint64(key[16:]), binary.BigEndian.Uint64(key[24:])}
	}
	a := pair{left.high ^ right.high, left.low ^ right.low}
	a.mix(camelliaSigma[0], camelliaSigma[1])
	a.high, a.low = a.high^left.high, a.low^left.low
	a.mix(camelliaSigma[2], camelliaSigma[3])
	b := pair{a.high ^ right.high, a.low ^ right.low}
	b.mix(camelliaSigma[4], camelliaSigma[5])

	var rounds, layers, whitening []uint64
	add := func(keys *[]uint64, values ...pair) {
		for _, v := range values {
			*keys = append(*keys, v.high, v.low)
		}
	}
	if len(key) == 16 {
		add(&whitening, left, a.rotate(111))
		add(&rounds, a, left.rotate(15), a.rotate(15), left.rotate(45), pair{a.rotate(45).high, left.rotate(60).low},
			a.rotate(60), left.rotate(94), a.rotate(94), left.rotate(111))
		add(&layers, a.rotate(30), left.rotate(77))
	} else {
		add(&whitening, left, b.rotate(111))
		add(&rounds, b, right.rotate(15), a.rotate(15), b.rotate(30), left.rotate(45), a.rotate(45),
			right.rotate(60), b.rotate(60), left.rotate(77), right.rotate(94), a.rotate(94), left.rotate(111))
		add(&layers, right.rotate(30), left.rotate(60), a.rotate(77))
	}
	return roundCipher[camelliaKeys]{
		crypt:      camelliaCrypt,
		encryption: camelliaKeys{whitening, rounds, layers},
		decryption: camelliaKeys{append(whitening[2:4:4], whitening[:2]...), reversed(rounds), reversed(layers)},
	}, nil
}

func camelliaCrypt(dst, src []byte, k camelliaKeys) {
	high, low := binary.BigEndian.Uint64(src)^k.whitening[0], binary.BigEndian.Uint64(src[8:])^k.whitening[1]
	for i := 0; i < len(k.rounds); i += 2 {
		if i > 0 && i%6 == 0 {
			layer := k.layers[i/3-2:]
			high, low = camelliaFL(high, layer[0]), camelliaInverseFL(low, layer[1])
		}
		low ^= camelliaF(high, k.rounds[i])
		high ^= camelliaF(low, k.rounds[i+1])
	}
	binary.BigEndian.PutUint64(dst, low^k.whitening[2])
	binary.BigEndian.PutUint64(dst[8:], high^k.whitening[3])
}

// pair is an unsigned integer of 128 bits.
type pair struct{ high, low uint64 }

func (p pair) rotate(n uint) pair {
	if n >= 64 {
		p, n = pair{p.low, p.high}, n-64
	}
	return pair{p.high<<n | p.low>>(64-n), p.low<<n | p.high>>(64-n)}
}

// mix applies two rounds of Camellia to p, with the subkeys first and second.
func (p *pair) mix(first, second uint64) {
	p.low ^= camelliaF(p.high, first)
	p.high ^= camelliaF(p.low, second)
}

// camelliaF computes the function F of Camellia (RFC 3713, section 2.4.1).
func camelliaF(in, key uint64) uint64 {
	x := in ^ key
	s := func(i uint) byte { return byte(x >> (56 - 8*i)) }
	s1 := func(b byte) byte { return camelliaTable[b] }
	s2 := func(b byte) byte { return bits.RotateLeft8(camelliaTable[b], 1) }
	s3 := func(b byte) byte { return bits.RotateLeft8(camelliaTable[b], 7) }
	s4 := func(b byte) byte { return camelliaTable[bits.RotateLeft8(b, 1)] }
	t1, t2, t3, t4 := s1(s(0)), s2(s(1)), s3(s(2)), s4(s(3))
	t5, t6, t7, t8 := s2(s(4)), s3(s(5)), s4(s(6)), s1(s(7))
	return binary.BigEndian.Uint64([]byte{
		t1 ^ t3 ^ t4 ^ t6 ^ t7 ^ t8, t1 ^ t2 ^ t4 ^ t5 ^ t7 ^ t8, t1 ^ t2 ^ t3 ^ t5 ^ t6 ^ t8, t2 ^ t3 ^ t4 ^ t5 ^ t6 ^ t7,
		t1 ^ t2 ^ t6 ^ t7 ^ t8, t2 ^ t3 ^ t5 ^ t7 ^ t8, t3 ^ t4 ^ t5 ^ t6 ^ t8, t1 ^ t4 ^ t5 ^ t6 ^ t7,
	})
}

// camelliaFL and camelliaInverseFL compute the function FL of Camellia and its inverse (RFC 3713, sections 2.4.2 and
// 2.4.3).
func camelliaFL(in, key uint64) uint64 {
	x1, x2 := uint32(in>>32), uint32(in)
	k1, k2 := uint32(key>>32), uint32(key)
	x2 ^= bits.RotateLeft32(x1&k1, 1)
	x1 ^= x2 | k2
	return uint64(x1)<<32 | uint64(x2)
}

func camelliaInverseFL(in, key uint64) uint64 {
	y1, y2 := uint32(in>>32), uint32(in)
	k1, k2 := uint32(key>>32), uint32(key)
	y1 ^= y2 | k2
	y2 ^= bits.RotateLeft32(y1&k1, 1)
	return uint64(y1)<<32 | uint64(y2)
}

var camelliaSigma = [6]uint64{
	0xa09e667f3bcc908b, 0xb67ae8584caa73b2, 0xc6ef372fe94f82be, 0x54ff53a5f1d36f1c, 0x10e527fade682d1d, 0xb05688c2b3e6c1fd,
}

// camelliaTable is the substitution table SBOX1 of Camellia (RFC 3713).
var camelliaTable = [256]byte{
	112, 130, 44, 236, 179, 39, 192, 229, 228, 133, 87, 53, 234, 12, 174, 65,
	35, 239, 107, 147, 69, 25, 165, 33, 237, 14, 79, 78, 29, 101, 146, 189,
	134, 184, 175, 143, 124, 235, 31, 206, 62, 48, 220, 95, 94, 197, 11, 26,
	166, 225, 57, 202, 213, 71, 93, 61, 217, 1, 90, 214, 81, 86, 108, 77,
	139, 13, 154, 102, 251, 204, 176, 45, 116, 18, 43, 32, 240, 177, 132, 153,
	223, 76, 203, 194, 52, 126, 118, 5, 109, 183, 169, 49, 209, 23, 4, 215,
	20, 88, 58, 97, 222, 27, 17, 28, 50, 15, 156, 22, 83, 24, 242, 34,
	254, 68, 207, 178, 195, 181, 122, 145, 36, 8, 232, 168, 96, 252, 105, 80,
	170, 208, 160, 125, 161, 137, 98, 151, 84, 91, 30, 149, 224, 255, 100, 210,
	16, 196, 0, 72, 163, 247, 117, 219, 138, 3, 230, 218, 9, 63, 221, 148,
	135, 92, 131, 2, 205, 74, 144, 51, 115, 103, 246, 243, 157, 127, 191, 226,
	82, 155, 216, 38, 200, 55, 198, 59, 129, 150, 111, 75, 19, 190, 99, 46,
	233, 121, 167, 140, 159, 110, 188, 142, 41, 245, 249, 182, 47, 253, 180, 89,
	120, 152, 6, 106, 231, 70, 113, 186, 212, 37, 171, 66, 136, 162, 141, 250,
	114, 7, 185, 85, 248, 238, 172, 10, 54, 73, 42, 104, 60, 56, 241, 164,
	64, 40, 211, 123, 187, 201, 67, 193, 21, 227, 173, 244, 119, 199, 128, 158,
}
