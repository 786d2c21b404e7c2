package server

import (
	"net/http"
	"time"
)

// writer gives each chunk of a response a time limit, and remembers what was written.
type writer struct {
	http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration // for each chunk
	status  int           // 0 until the header is written
}

func newWriter(w http.ResponseWriter, limit time.Duration) *writer {
	return &writer{ResponseWriter: w, control: http.NewResponseController(w), limit: limit}
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.ResponseWriter.WriteHeader(status)
	}
}

// chunk is how many bytes a client must read within the limit.
const chunk = 64 << 10

func (w *writer) Write(data []byte) (n int, err error) {
	w.WriteHeader(http.StatusOK)
	defer w.rest()
	for len(data) > 0 && err == nil {
		w.hurry()
		var m int
		m, err = w.ResponseWriter.Write(data[:min(len(data), chunk)])
		n, data = n+m, data[m:]
	}
	return n, err
}

// flush sends what is written.
func (w *writer) flush() error {
	w.hurry()
	defer w.rest()
	return w.control.Flush()
}

// hurry begins the time of a chunk. Recorders have no deadlines.
func (w *writer) hurry() { _ = w.control.SetWriteDeadline(time.Now().Add(w.limit)) }

// rest ends the time of a chunk. HTTP/2 would end the stream at a deadline even if there is nothing to write.
func (w *writer) rest() { _ = w.control.SetWriteDeadline(time.Time{}) }
