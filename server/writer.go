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
		w.hurry()
		w.ResponseWriter.WriteHeader(status)
	}
}

// chunk is how many bytes a client must read within the limit.
const chunk = 64 << 10

func (w *writer) Write(data []byte) (n int, err error) {
	w.WriteHeader(http.StatusOK)
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
	return w.control.Flush()
}

// hurry begins the time of the next chunk.
func (w *writer) hurry() { _ = w.control.SetWriteDeadline(time.Now().Add(w.limit)) } // a recorder has no deadlines
