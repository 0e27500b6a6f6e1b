package certificate

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// forms are the encodings of one password, the most probable encoding first. wide is for the algorithms of PKCS#12, and
// text is for all others. A list has several encodings, because a PFX file does not say which one was used.
type forms struct{ wide, text [][]byte }

// formsOf returns the encodings of the password that OpenSSL 3 tries. Older versions of OpenSSL took each byte of UTF-8
// for a character, and every version uses the bytes of a terminal in Latin-1 as they are. An empty password is either
// an empty string or no string at all.
func formsOf(password string) forms {
	if password == "" {
		return forms{wide: [][]byte{{0, 0}, nil}, text: [][]byte{nil}}
	}
	f := forms{text: [][]byte{[]byte(password)}}
	var units []uint16
	for _, b := range []byte(password) {
		units = append(units, uint16(b))
	}
	bytewise := widen(units)
	if utf8.ValidString(password) {
		f.wide = append(f.wide, widen(utf16.Encode([]rune(password))))
		if latin1, ok := latin1Of(password); ok && !bytes.Equal(latin1, f.text[0]) {
			f.text = append(f.text, latin1)
		}
	}
	if len(f.wide) == 0 || !bytes.Equal(f.wide[0], bytewise) {
		f.wide = append(f.wide, bytewise)
	}
	return f
}

// widen returns UTF-16 units as a BMPString with a zero unit at its end.
func widen(units []uint16) []byte {
	var out []byte
	for _, unit := range units {
		out = binary.BigEndian.AppendUint16(out, unit)
	}
	return append(out, 0, 0)
}

func latin1Of(text string) ([]byte, bool) {
	var out []byte
	for _, r := range text {
		if r > 0xff {
			return nil, false
		}
		out = append(out, byte(r))
	}
	return out, true
}

// prefer moves the encoding at index i, which has opened something, to the front of the list.
func prefer(list [][]byte, i int) {
	chosen := list[i]
	copy(list[1:], slices.Clone(list[:i]))
	list[0] = chosen
}
