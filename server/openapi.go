package server

import (
	"net/http"

	"github.com/gosling-rwkv/gosling/docs"
)

// describe sends the description of this interface.
func (s *Server) describe(c *call) error {
	return c.write(http.StatusOK, "application/yaml", []byte(docs.OpenAPI))
}
