package server

import (
	"net/http"

	"github.com/gosling-rwkv/gosling/keys"
)

// open is the permission of routes that need no key.
const open keys.Permission = 0

// route is an entry of the table of routes.
type route struct {
	method, path string // as for http.ServeMux; GET stands for HEAD too
	permission   keys.Permission
	dialect      *dialect // of its errors
	body         bodyKind
	limit        int64 // bytes of the body; 0 is Options.MaxBody
	handler      func(c *call) error
}

// bodyKind is what a request's body must be.
type bodyKind int

const (
	none bodyKind = iota // it is not read
	json                 // application/json
	raw                  // any type
)

// table returns the table of all routes.
func (s *Server) table() []route {
	return []route{
		{"GET", "/health", open, llamaCpp, none, 0, s.health},
		{"GET", "/v1/health", open, llamaCpp, none, 0, s.health},
		{"GET", "/ready", open, own, none, 0, s.ready},
	}
}

// health says that the process is alive.
func (s *Server) health(c *call) error { return c.answer(http.StatusOK, []byte(`{"status":"ok"}`)) }

// ready says whether new requests are taken.
func (s *Server) ready(c *call) error {
	if err := s.life.refusal(); err != nil {
		return err
	}
	return c.answer(http.StatusOK, []byte(`{"status":"ready"}`))
}
