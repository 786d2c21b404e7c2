package served

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Client asks a server. It may be shared between goroutines.
type Client struct {
	URL  string
	Key  string       // the API key, or ""
	HTTP *http.Client // nil means http.DefaultClient
}

// Body is the JSON object of a request.
type Body map[string]any

// With returns a copy with more fields.
func (b Body) With(more Body) Body {
	all := Body{}
	for _, fields := range []Body{b, more} {
		for name, value := range fields {
			all[name] = value
		}
	}
	return all
}

// StatusError is an answer other than 200, or an error that came in a stream.
type StatusError struct {
	Status  int // 0 in a stream
	Type    string
	Message string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the server answered %d, %s: %s", e.Status, e.Type, e.Message)
}

// largest is how much of an answer that is not a stream is read.
const largest = 64 << 20

// do sends a request. The caller closes the answer's body.
func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var sent io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, sent)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header["Idempotency-Key"] = nil // not sent; net/http then repeats the request if the server has just closed an idle connection
	if c.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if c.HTTP != nil {
		return c.HTTP.Do(request)
	}
	return http.DefaultClient.Do(request)
}

// statusError reads the error of an answer.
func statusError(response *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, largest))
	if err != nil {
		return err
	}
	var body struct {
		Error errorObject `json:"error"`
	}
	if err := json.Unmarshal(text, &body); err != nil || body.Error.Message == "" {
		return &StatusError{Status: response.StatusCode, Type: "no error object", Message: string(text[:min(len(text), 200)])}
	}
	return &StatusError{Status: response.StatusCode, Type: body.Error.Type, Message: body.Error.Message}
}

// Call sends a request and decodes the JSON of the answer into result. Answers other than 200 are a *StatusError.
func (c *Client) Call(ctx context.Context, method, path string, body, result any) error {
	response, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return statusError(response)
	}
	return json.NewDecoder(io.LimitReader(response.Body, largest)).Decode(result)
}

// Tokens returns how many tokens the server reads a text as.
func (c *Client) Tokens(ctx context.Context, text string) (int, error) {
	var answer struct {
		Tokens []int `json:"tokens"`
	}
	err := c.Call(ctx, http.MethodPost, "/tokenize", Body{"content": text}, &answer)
	return len(answer.Tokens), err
}
