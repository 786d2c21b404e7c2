package server

import (
	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/web"
)

// page sends the page.
func (s *Server) page(c *call) error { return c.pageFile(web.Index) }

// pageFile sends a file of the page.
func (s *Server) pageFile(c *call) error { return c.pageFile(c.r.PathValue("file")) }

func (c *call) pageFile(name string) error {
	if c.s.o.NoPage {
		return refuse(api.NotFound, 0, "the page is switched off on this server")
	}
	if !web.Serve(c.w, c.r, name) {
		return refuse(api.NotFound, 0, "there is nothing at this path")
	}
	return nil
}
