package server

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gosling-rwkv/gosling/api"
)

// bodies is how many bytes of all bodies that are being read may be in memory. A single one of the largest kind always fits.
const bodies = 32 << 20

// slowest is the rate in bytes per second at which a body that is not JSON must arrive, after the time of a body.
const slowest = 64 << 10

// checkBody checks what the header says of the body.
func (c *call) checkBody() error {
	h := c.r.Header
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return refuse(api.Invalid, http.StatusUnsupportedMediaType, "bodies with a Content-Encoding are not taken: send the body as it is")
	}
	if c.route.body == json {
		if kind, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || kind != "application/json" {
			return refuse(api.Invalid, http.StatusUnsupportedMediaType, "want a body with the Content-Type application/json")
		}
	}
	if c.r.ContentLength > c.bodyLimit() {
		return c.tooLarge()
	}
	if c.route.body == none { // net/http notices that a client went away only after the body's end
		_, err := io.Copy(io.Discard, c.upload())
		return err
	}
	return nil
}

// bodyLimit returns the most bytes of the call's body.
func (c *call) bodyLimit() int64 { return c.s.limitOf(c.route) }

func (s *Server) limitOf(r *route) int64 {
	if r.limit != 0 {
		return r.limit
	}
	return s.o.MaxBody
}

func (c *call) tooLarge() error {
	return refuse(api.Invalid, http.StatusRequestEntityTooLarge, "the body has more than %d bytes, the most that this path takes", c.bodyLimit())
}

// body reads the whole body. Its errors are of type *api.Error.
func (c *call) body() ([]byte, error) {
	var data []byte
	held := int64(0)
	defer func() { c.s.reading.Add(-held) }()
	r := c.upload()
	for {
		if len(data) == cap(data) {
			larger := min(max(2*int64(cap(data)), 4<<10), c.bodyLimit()+1)
			if !hold(&c.s.reading, larger-held, c.s.bodies) {
				return nil, refuse(api.Unavailable, 0, "too many large bodies arrive at the same time: try again")
			}
			data, held = append(make([]byte, 0, larger), data...), larger
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// hold adds n to a counter unless it would then be above most.
func hold(counter *atomic.Int64, n, most int64) bool {
	if counter.Add(n) > most {
		counter.Add(-n)
		return false
	}
	return true
}

// upload returns the body as it arrives. The reader's errors are of type *api.Error, but for io.EOF.
func (c *call) upload() io.Reader {
	return &upload{c: c, body: http.MaxBytesReader(c.w, c.r.Body, c.bodyLimit()), end: time.Now().Add(c.s.times.body)}
}

// upload gives a body its size and time.
type upload struct {
	c    *call
	body io.Reader
	end  time.Time // when the body must be there
}

func (u *upload) Read(p []byte) (int, error) {
	if u.c.route.body == raw {
		_ = u.c.w.control.SetReadDeadline(u.end)
	}
	n, err := u.body.Read(p)
	u.end = u.end.Add(time.Duration(n) * time.Second / slowest)
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF:
		_ = u.c.w.control.SetReadDeadline(time.Time{}) // net/http now waits for the end of the connection
		return n, err
	case errors.As(err, &large):
		return n, u.c.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, refuse(api.Invalid, http.StatusRequestTimeout, "the body did not arrive in time")
	}
	return n, refuse(api.Invalid, 0, "the body ends too early, or is not what its header says")
}

// decoded reads the body and decodes it.
func decoded[T any](c *call, decode func(body []byte) (T, error)) (r T, err error) {
	body, err := c.body()
	if err != nil {
		return r, err
	}
	return decode(body)
}
