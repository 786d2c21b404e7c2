package anthropic

import (
	"fmt"
	"net/http"

	"github.com/gosling-rwkv/gosling/api"
)

// overloaded is the status of a server that takes no requests now.
const overloaded = 529

// Status returns the HTTP status of an error.
func Status(e *api.Error) int {
	if code := e.Code(); code != http.StatusServiceUnavailable {
		return code
	}
	return overloaded
}

// types are the types of errors by their status.
var types = map[int]string{
	http.StatusUnauthorized: "authentication_error", http.StatusForbidden: "permission_error", http.StatusNotFound: "not_found_error",
	http.StatusRequestEntityTooLarge: "request_too_large", http.StatusTooManyRequests: "rate_limit_error",
	http.StatusGatewayTimeout: "timeout_error", overloaded: "overloaded_error",
}

// EncodeError returns the body of a response with an error. id is the request's.
func EncodeError(e *api.Error, id string) []byte {
	type wire struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	status := Status(e)
	kind, known := types[status]
	switch {
	case known:
	case status < http.StatusInternalServerError:
		kind = "invalid_request_error"
	default:
		kind = "api_error"
	}
	message := e.Message
	if e.Kind == api.TooLong && e.ContextTokens > 0 { // clients look for these words, and then make the conversation shorter
		message = fmt.Sprintf("prompt is too long: %d tokens > %d maximum", e.PromptTokens, e.ContextTokens)
	}
	return api.Encode(struct {
		Type  string `json:"type"`
		Error wire   `json:"error"`
		ID    string `json:"request_id"`
	}{"error", wire{kind, message}, id})
}

// ErrorEvent returns the event that ends a stream with an error.
func ErrorEvent(e *api.Error, id string) []byte { return api.NamedEvent("error", EncodeError(e, id)) }
