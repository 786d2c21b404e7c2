package server

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/internal/watch"
)

// Certificate names the files of a server's certificate and its key, in PEM.
type Certificate struct{ File, Key string }

// certificate is what the files of a Certificate hold. It reads them again when they change.
type certificate struct {
	files Certificate
	log   *slog.Logger
	now   func() time.Time

	mu   sync.Mutex
	last *tls.Certificate
	seen *watch.Files
}

func newCertificate(files Certificate, log *slog.Logger, now func() time.Time) (*certificate, error) {
	c := &certificate{files: files, log: log, now: now, seen: watch.New(files.File, files.Key)}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// config returns the TLS settings of the server. Connections of HTTP/2 are possible.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// get returns the certificate for a new connection. While changed files cannot be read, it is the one before: the two files may not change
// at the same moment.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen.Changed(c.now()) {
		if err := c.load(); err != nil {
			c.log.Error("the certificate has changed and cannot be read: the one before stays in use", "error", withoutPaths(err))
		} else {
			c.log.Info("the certificate was read again")
		}
	}
	return c.last, nil
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.files.File, c.files.Key)
	if err == nil {
		c.last = &pair
		return nil
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return err
	}
	return &fs.PathError{Op: "read", Path: c.files.File, Err: err}
}
