package server

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/keys"
)

// Options says how to serve. The zero value serves requests from this machine only, without keys.
type Options struct {
	Keys *keys.Ring // who may use the server; nil: everyone on this machine may do everything
	// Insecure lets clients of other machines ask the model without a key. Each address is a tenant.
	Insecure bool

	Hosts   []string // names that clients may use for this server, besides localhost and addresses
	Origins []string // origins whose pages may use this server: such as "https://example.com"; "localhost" stands for pages of this machine

	MaxBody  int64         // bytes of a JSON body, by default 8 MiB
	MaxConns int           // open connections, by default 4096
	Ping     time.Duration // the silence after which a stream gets a comment, by default 15 s
	Drain    time.Duration // how long running requests may go on once the server stops; 0: they end at once

	Log *slog.Logger     // one line for each request; by default nothing is logged
	Now func() time.Time // by default time.Now
}

// The time limits of a connection.
const (
	headerTime = 10 * time.Second
	bodyTime   = 60 * time.Second
	idleTime   = 120 * time.Second
	writeTime  = 30 * time.Second // for each chunk
)

// maxHeader is the most bytes of a request's header.
const maxHeader = 32 << 10

func (o Options) withDefaults() Options {
	if o.MaxBody == 0 {
		o.MaxBody = api.MaxBody
	}
	if o.MaxConns == 0 {
		o.MaxConns = 4096
	}
	if o.Ping == 0 {
		o.Ping = 15 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Server answers HTTP requests. It may be shared between goroutines.
type Server struct {
	o      Options
	routes []route
	mux    *http.ServeMux // finds a route
	life   *life
}

// New returns a server. Whoever calls it calls Serve, or uses Handler in a server of its own.
func New(o Options) (*Server, error) {
	s := &Server{o: o.withDefaults(), life: newLife()}
	s.take(s.table())
	return s, nil
}

// take makes the routes those of a table.
func (s *Server) take(table []route) {
	s.routes, s.mux = table, http.NewServeMux()
	for i := range table {
		s.mux.Handle(table[i].method+" "+table[i].path, &table[i])
	}
}

// Handler returns what answers requests.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }
