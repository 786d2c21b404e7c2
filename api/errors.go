package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Kind is the type of an error, as OpenAI and llama.cpp name it.
type Kind string

// The kinds.
const (
	Invalid         Kind = "invalid_request_error"
	Unauthenticated Kind = "authentication_error"
	Forbidden       Kind = "permission_error"
	NotFound        Kind = "not_found_error"
	TooLong         Kind = "exceed_context_size_error"
	RateLimited     Kind = "rate_limit_error"
	Unsupported     Kind = "not_supported_error"
	Unavailable     Kind = "unavailable_error"
	Internal        Kind = "server_error"
)

// Status returns the HTTP status of errors of this kind. A request that asks for what is not supported is the client's to mend, so clients
// do not try it again.
func (k Kind) Status() int {
	switch k {
	case Unauthenticated:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case NotFound:
		return http.StatusNotFound
	case RateLimited:
		return http.StatusTooManyRequests
	case Unavailable:
		return http.StatusServiceUnavailable
	case Internal:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// Error is what is wrong with a request, or why it failed.
type Error struct {
	Kind    Kind
	Status  int // the HTTP status; 0 is that of the kind
	Message string
	Param   string // the field that is wrong, such as "messages[0].content"; empty if it is none

	RetryAfter time.Duration // when it may be right to try again; 0 is unknown

	// For TooLong: the tokens of the prompt and the most that prompt and answer may have.
	PromptTokens, ContextTokens int
}

func (e *Error) Error() string { return e.Message }

// Code returns the HTTP status.
func (e *Error) Code() int {
	if e.Status != 0 {
		return e.Status
	}
	return e.Kind.Status()
}

// wireError is an Error as JSON.
type wireError struct {
	Message       string  `json:"message"`
	Type          Kind    `json:"type"`
	Param         *string `json:"param"`
	Code          int     `json:"code"`
	PromptTokens  int     `json:"n_prompt_tokens,omitempty"`
	ContextTokens int     `json:"n_ctx,omitempty"`
}

// EncodeError returns the body of a response with an error, as OpenAI and llama.cpp have it. In a stream it is the last chunk, and no Done
// follows.
func EncodeError(e *Error) []byte {
	w := wireError{Message: e.Message, Type: e.Kind, Code: e.Code(), PromptTokens: e.PromptTokens, ContextTokens: e.ContextTokens}
	if e.Param != "" {
		w.Param = &e.Param
	}
	return Encode(map[string]wireError{"error": w})
}

// Invalidf returns the error of a field with a wrong value.
func Invalidf(param, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Param: param, Message: named(param, fmt.Sprintf(format, args...))}
}

// Unsupportedf returns the error of a field that asks for what cannot be done.
func Unsupportedf(param, format string, args ...any) *Error {
	return &Error{Kind: Unsupported, Param: param, Message: named(param, fmt.Sprintf(format, args...))}
}

func named(param, message string) string {
	if param == "" {
		return excerpt.Lines(message)
	}
	return excerpt.Lines(param + ": " + message)
}
