package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// endTime is how long requests have to write their last event once they are cancelled.
const endTime = 5 * time.Second

// Serve answers the requests of the listeners, and closes them at its end. The end of ctx begins the draining: new requests are refused,
// and running ones have Options.Drain. Those that still run then are cancelled. Serve returns nil once all have ended.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	h := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 250, WriteByteTimeout: writeTime},
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
	group, failed := errgroup.WithContext(ctx)
	for _, l := range listeners {
		group.Go(func() error {
			if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	<-failed.Done()
	s.drain()
	end, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	if h.Shutdown(end) != nil {
		h.Close()
	}
	return group.Wait()
}

// drain ends the running requests.
func (s *Server) drain() {
	s.life.drain()
	select {
	case <-s.life.idle:
		return
	case <-time.After(s.o.Drain):
	}
	s.life.stop(errStopping())
	select {
	case <-s.life.idle:
	case <-time.After(endTime):
	}
}
