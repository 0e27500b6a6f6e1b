package certificate

import "errors"

// BER allows several encodings of the same value, and DER allows only one of them (X.690). Bouncy Castle and NSS write
// PFX files in BER, but Go reads only DER.

var errMalformed = errors.New("malformed")

const (
	// maxDepth is the maximum depth of nested values, and maxElements is their maximum number. Both are far above what
	// a certificate bundle has. They bound the time and the memory that a malicious bundle takes.
	maxDepth    = 32
	maxElements = 1 << 16
)

// toDER returns the first BER value of data with definite lengths in their shortest form, and with every octet string
// in one piece. The structure of a certificate bundle needs no other rule of DER: toDER does not sort sets, and does
// not change the content of octet strings.
func toDER(data []byte) ([]byte, error) {
	c := berConverter{out: make([]byte, 0, len(data))}
	if _, err := c.value(data, 0, false); err != nil {
		return nil, err
	}
	return c.out, nil
}

type berConverter struct {
	out      []byte
	elements int
}

// berHeader is the identifier of a BER value, and what its length says about the content.
type berHeader struct {
	tag         []byte
	content     []byte // the content; if the length is indefinite, all data that follows
	indefinite  bool
	constructed bool
}

func readBER(data []byte) (h berHeader, rest []byte, err error) {
	if len(data) < 2 {
		return h, nil, errMalformed
	}
	end := 1
	if data[0]&0x1f == 0x1f {
		// In a tag of several bytes, the last byte has its highest bit clear.
		for end < len(data) && data[end]&0x80 != 0 {
			end++
		}
		if end++; end > 5 {
			return h, nil, errMalformed
		}
	}
	if end >= len(data) {
		return h, nil, errMalformed
	}
	h.tag, h.constructed = data[:end], data[0]&constructedBit != 0
	first := data[end]
	data = data[end+1:]
	if first == 0x80 {
		if !h.constructed {
			return h, nil, errMalformed
		}
		h.indefinite, h.content = true, data
		return h, nil, nil
	}
	length := int(first)
	if first > 0x80 {
		size := int(first & 0x7f)
		if size > len(data) {
			return h, nil, errMalformed
		}
		length = 0
		for _, b := range data[:size] {
			if length = length<<8 | int(b); length > len(data) {
				return h, nil, errMalformed
			}
		}
		data = data[size:]
	}
	if length > len(data) {
		return h, nil, errMalformed
	}
	h.content = data[:length]
	return h, data[length:], nil
}

const (
	sequenceTag    = 0x30
	octetStringTag = 0x04
	constructedBit = 0x20
)

// value appends the first value of data to the output in DER, and returns the data after this value. If piece is true,
// the value must be a piece of an octet string, which may consist of pieces itself, and only its content is appended.
func (c *berConverter) value(data []byte, depth int, piece bool) (rest []byte, err error) {
	if c.elements++; depth > maxDepth || c.elements > maxElements {
		return nil, errMalformed
	}
	h, rest, err := readBER(data)
	if err != nil {
		return nil, err
	}
	tag, isString := h.tag, h.tag[0]&^constructedBit == octetStringTag
	if piece && !isString {
		return nil, errMalformed
	}
	if isString {
		tag = []byte{octetStringTag}
	}
	var start int
	if !piece {
		start = c.begin(tag)
	}
	if h.constructed {
		after, err := c.children(h, depth, isString)
		if err != nil {
			return nil, err
		}
		if h.indefinite {
			rest = after
		}
	} else {
		c.out = append(c.out, h.content...)
	}
	if !piece {
		c.end(start)
	}
	return rest, nil
}

// children appends the values inside a constructed value. If the length of this value is indefinite, children returns
// the data after it, else nil.
func (c *berConverter) children(h berHeader, depth int, pieces bool) (after []byte, err error) {
	for data := h.content; ; {
		switch {
		case len(data) == 0 && !h.indefinite:
			return nil, nil
		case h.indefinite && len(data) >= 2 && data[0] == 0 && data[1] == 0:
			return data[2:], nil
		}
		if data, err = c.value(data, depth+1, pieces); err != nil {
			return nil, err
		}
	}
}

// begin appends a tag and one byte for the length. It returns the position after them, where the content starts.
func (c *berConverter) begin(tag []byte) (start int) {
	c.out = append(c.out, tag...)
	c.out = append(c.out, 0)
	return len(c.out)
}

// end writes the length of the content, which was appended since begin returned start. If the length needs more than
// one byte, end moves the content.
func (c *berConverter) end(start int) {
	length := len(c.out) - start
	if length < 0x80 {
		c.out[start-1] = byte(length)
		return
	}
	var size []byte
	for n := length; n > 0; n >>= 8 {
		size = append([]byte{byte(n)}, size...)
	}
	c.out[start-1] = 0x80 | byte(len(size))
	c.out = append(c.out, size...)
	copy(c.out[start+len(size):], c.out[start:start+length])
	copy(c.out[start:], size)
}
