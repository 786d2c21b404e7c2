// Package docs holds those pages of the documentation that the program gives out itself.
package docs

import _ "embed"

// OpenAPI describes the HTTP interface in OpenAPI's format. The server's tests hold it to the server.
//
//go:embed openapi.yaml
var OpenAPI string
