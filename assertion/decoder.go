package assertion

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

var blankLine = []byte("\n\n")

// Limits bound what reading takes in. A zero field means its default.
type Limits struct {
	Headers   int // bytes of one header block; 128 KiB
	Body      int // bytes of one body; 2 MiB
	Signature int // bytes of one signature; 128 KiB
	Count     int // assertions in a stream; no limit
}

// RepairLimits are the limits for repairs, whose bodies are whole scripts of up to
// 24 MiB.
var RepairLimits = Limits{Body: 24 << 20}

func (l Limits) withDefaults() Limits {
	if l.Headers == 0 {
		l.Headers = 128 << 10
	}
	if l.Body == 0 {
		l.Body = 2 << 20
	}
	if l.Signature == 0 {
		l.Signature = 128 << 10
	}
	return l
}

// Parse reads exactly one assertion under the default limits. The newline after
// the signature may be missing; anything else after it is an error.
func Parse(encoded []byte) (*Assertion, error) {
	d := NewDecoder(bytes.NewReader(encoded), Limits{})
	a, err := d.Decode()
	if err == io.EOF {
		return nil, errors.New("cannot parse assertion: no input")
	}
	if err != nil {
		return nil, err
	}
	if d.separated {
		return nil, errors.New("cannot parse assertion: something follows the signature")
	}
	return a, nil
}

// Decoder reads a stream of assertions, which blank lines separate.
type Decoder struct {
	in     *bufio.Reader
	limits Limits
	count  int
	err    error
	// separated is true if a blank line followed the last assertion.
	separated bool
}

// NewDecoder reads from r, buffered, at most what limits allow at a time.
func NewDecoder(r io.Reader, limits Limits) *Decoder {
	return &Decoder{in: bufio.NewReader(r), limits: limits.withDefaults()}
}

// Decode returns the next assertion, and io.EOF at the end of a stream that is
// complete. After any other error the stream cannot be read on.
func (d *Decoder) Decode() (*Assertion, error) {
	if d.err != nil {
		return nil, d.err
	}
	a, err := d.decode()
	if err != nil {
		if err != io.EOF {
			err = fmt.Errorf("cannot parse assertion %d: %w", d.count+1, err)
		}
		d.err = err
		return nil, err
	}
	d.count++
	return a, nil
}

func (d *Decoder) decode() (*Assertion, error) {
	head, err := d.readHeaders()
	if err != nil {
		return nil, err
	}
	if d.limits.Count > 0 && d.count == d.limits.Count {
		return nil, fmt.Errorf("stream of more than %d assertions: %w", d.limits.Count, ErrTooLarge)
	}
	headers, err := parseHeaders(head)
	if err != nil {
		return nil, err
	}
	length, err := bodyLength(headers)
	if err != nil {
		return nil, err
	}
	if length > d.limits.Body {
		return nil, fmt.Errorf("body of %d bytes, more than %d: %w", length, d.limits.Body, ErrTooLarge)
	}
	encoded, content, err := d.readBody(head, length)
	if err != nil {
		return nil, err
	}
	signature, err := d.readSignature()
	if err != nil {
		return nil, err
	}
	encoded = append(encoded, blankLine...)
	encoded = append(encoded, signature...)
	encoded = append(encoded, '\n')
	return assemble(headers, bytes.Clone(encoded), content, content-length)
}

// readHeaders reads up to and over a blank line. Between assertions the end of the
// stream is io.EOF.
func (d *Decoder) readHeaders() ([]byte, error) {
	head, end, err := d.readBlock(d.limits.Headers)
	switch {
	case err != nil:
		return nil, fmt.Errorf("headers: %w", err)
	case end && len(head) == 0:
		return nil, io.EOF
	case end:
		return nil, fmt.Errorf("headers: %w", io.ErrUnexpectedEOF)
	}
	return head, nil
}

// readBody reads the body and the blank line after it. It returns headers and body
// as they were written and how long they are together.
func (d *Decoder) readBody(head []byte, length int) (encoded []byte, content int, err error) {
	if length == 0 {
		// An empty body may still have its separator, which then is signed.
		next, err := d.in.Peek(len(blankLine))
		if err != nil && err != io.EOF {
			return nil, 0, fmt.Errorf("signature: %w", err)
		}
		if bytes.Equal(next, blankLine) {
			d.in.Discard(len(blankLine))
			head = append(head, blankLine...)
		}
		return head, len(head), nil
	}
	head = append(head, blankLine...)
	rest := &io.LimitedReader{R: d.in, N: int64(length + len(blankLine))}
	// The buffer grows with what really arrives, not with what was announced.
	buf := bytes.NewBuffer(head)
	if _, err := buf.ReadFrom(rest); err != nil {
		return nil, 0, fmt.Errorf("body: %w", err)
	}
	if rest.N > 0 {
		return nil, 0, fmt.Errorf("body: %w", io.ErrUnexpectedEOF)
	}
	encoded = buf.Bytes()
	content = len(encoded) - len(blankLine)
	if !bytes.Equal(encoded[content:], blankLine) {
		return nil, 0, fmt.Errorf("no blank line after a body of %d bytes, as body-length has it", length)
	}
	return encoded[:content], content, nil
}

func (d *Decoder) readSignature() ([]byte, error) {
	signature, end, err := d.readBlock(d.limits.Signature)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	d.separated = !end
	signature = bytes.TrimSuffix(signature, []byte("\n"))
	if len(signature) == 0 {
		return nil, errors.New("no signature")
	}
	if bytes.IndexByte(signature, ':') >= 0 {
		return nil, errors.New("the signature is none: put a blank line after each assertion of a stream")
	}
	return signature, nil
}

// readBlock reads lines up to a blank one, which it consumes and leaves out, or to
// the end of the stream, which it reports. A block that starts with a blank line
// is an error.
func (d *Decoder) readBlock(limit int) (block []byte, end bool, err error) {
	for {
		part, err := d.in.ReadSlice('\n')
		lineStart := len(block) == 0 || block[len(block)-1] == '\n'
		if lineStart && len(part) == 1 && part[0] == '\n' {
			if len(block) == 0 {
				return nil, false, errors.New("an empty line where text must start")
			}
			return block[:len(block)-1], false, nil
		}
		if len(block)+len(part) > limit+1 {
			return nil, false, fmt.Errorf("more than %d bytes: %w", limit, ErrTooLarge)
		}
		block = append(block, part...)
		switch err {
		case nil, bufio.ErrBufferFull:
		case io.EOF:
			return block, true, nil
		default:
			return nil, false, err
		}
	}
}

// Encoder writes a stream of assertions.
type Encoder struct {
	out   io.Writer
	count int
}

// NewEncoder writes to w, unbuffered.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{out: w} }

// Encode writes a after a blank line, unless it is the first.
func (e *Encoder) Encode(a *Assertion) error {
	if e.count > 0 {
		if _, err := e.out.Write(blankLine[:1]); err != nil {
			return err
		}
	}
	e.count++
	_, err := a.WriteTo(e.out)
	return err
}
