package server

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/archive"
	"github.com/gosling-rwkv/gosling/keys"
	"github.com/gosling-rwkv/gosling/service"
)

// Options says how to serve. The zero value serves requests from this machine only, without keys.
type Options struct {
	Model *service.Model // what answers; closed by the caller after Serve
	// Load loads the model if Model is nil, and gives it to ready. Serve calls it. Requests that come before ready are answered with 503.
	// An error ends Serve.
	Load func(ctx context.Context, ready func(*service.Model)) error

	Keys *keys.Ring // who may use the server; nil: everyone on this machine may do everything
	// Insecure lets clients of other machines ask the model without a key. Each address is a tenant.
	Insecure bool

	TLS *Certificate // nil: plain HTTP

	Hosts   []string // names that clients may use for this server, besides localhost and addresses
	Origins []string // origins whose pages may use this server: such as "https://example.com"; "localhost" stands for pages of this machine

	Responses *archive.Archive // where responses are kept; by default in memory, until the end. The caller closes it after Serve

	StrictModel bool // a request that names another model is an error; otherwise the name does not matter
	LogPrompts  bool // the log tells what clients ask

	NoMetrics bool // nobody may read the metrics
	NoSlots   bool // nobody may see what the slots do
	NoPage    bool // the page for browsers is not served

	MaxBody  int64         // bytes of a JSON body, by default 8 MiB
	MaxConns int           // open connections, by default 4096
	Ping     time.Duration // the silence after which a stream gets a comment, by default 15 s; negative: there are no comments
	Drain    time.Duration // how long running requests may go on once the server stops; 0: they end at once

	Log *slog.Logger     // one line for each request; by default nothing is logged
	Now func() time.Time // by default time.Now
}

// times are the time limits of a connection.
type times struct {
	header, body, idle time.Duration
	write              time.Duration // for each chunk
	end                time.Duration // for requests to write their last event once they are cancelled
}

var usual = times{header: 10 * time.Second, body: 60 * time.Second, idle: 120 * time.Second, write: 30 * time.Second, end: 5 * time.Second}

// maxStreams is the most requests at the same time on one connection of HTTP/2.
const maxStreams = 250

// maxHeader is the most bytes of a request's header.
const maxHeader = 32 << 10

func (o Options) withDefaults() Options {
	if o.MaxBody <= 0 {
		o.MaxBody = api.MaxBody
	}
	if o.MaxConns <= 0 {
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
	o         Options
	hosts     []string // as hostOf returns them
	origins   origins
	routes    []route
	mux       *http.ServeMux // finds a route
	life      *life
	metrics   *metrics
	tls       *certificate // nil: none
	times     times
	reading   atomic.Int64 // bytes of bodies that are being read
	cached    atomic.Int64 // tokens of prompts that were found in the cache
	predicted atomic.Int64 // tokens of answers that have ended
	longest   atomic.Int64 // the most tokens of a prompt and its answer
	bodies    int64        // the most of them
	secret    [32]byte     // the key of signatures
	jobs      jobs         // responses that go on without their clients
}

// New returns a server. Whoever calls it calls Serve, or uses Handler in a server of its own.
func New(o Options) (*Server, error) {
	s := &Server{o: o.withDefaults(), life: newLife(), times: usual}
	s.metrics = newMetrics(s.o.Now())
	_, _ = rand.Read(s.secret[:]) // it never fails
	var err error
	if o.Responses == nil {
		if s.o.Responses, err = archive.Open(archive.Options{Log: s.o.Log, Now: s.o.Now}); err != nil {
			return nil, err
		}
	}
	if o.TLS != nil {
		if s.tls, err = newCertificate(*o.TLS, s.o.Log, s.o.Now); err != nil {
			return nil, err
		}
	}
	if s.origins, err = newOrigins(o.Origins, o.Keys != nil); err != nil {
		return nil, err
	}
	for _, host := range o.Hosts {
		s.hosts = append(s.hosts, hostOf(host))
	}
	s.life.loading = o.Load != nil
	if o.Model != nil {
		s.metrics.add(s.figures)
	}
	s.take(s.table())
	return s, nil
}

// load loads the model.
func (s *Server) load(ctx context.Context) error {
	return s.o.Load(ctx, func(m *service.Model) {
		s.o.Model = m // nobody reads it before life.loaded
		s.metrics.add(s.figures)
		s.life.loaded()
	})
}

// take makes the routes those of a table.
func (s *Server) take(table []route) {
	s.routes, s.mux, s.bodies = table, http.NewServeMux(), bodies
	for i := range table {
		if table[i].body == json {
			s.bodies = max(s.bodies, 2*s.limitOf(&table[i])) // while body makes room, it holds both
		}
		s.mux.Handle(table[i].method+" "+table[i].path, &table[i])
	}
}

// Handler returns what answers requests.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }
