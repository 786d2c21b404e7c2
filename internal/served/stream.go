package served

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Usage counts the tokens of a request.
type Usage struct {
	Prompt    int `json:"prompt_tokens"`
	Completed int `json:"completion_tokens"`
	Details   struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// Timings are llama.cpp's.
type Timings struct {
	Cached    int     `json:"cache_n"`
	Prompt    int     `json:"prompt_n"` // tokens that were read
	PromptMS  float64 `json:"prompt_ms"`
	Predicted int     `json:"predicted_n"`
}

// Answer is what a stream brought. Times count from when the request was sent.
type Answer struct {
	Text     string // of the answer
	Thoughts string
	Finish   string // the reason why it ended, such as stop or length
	Pieces   []time.Duration
	Total    time.Duration
	Usage    Usage
	Timings  Timings
}

// First returns when the first piece of text came, or the end of the stream if there was none.
func (a *Answer) First() time.Duration {
	if len(a.Pieces) == 0 {
		return a.Total
	}
	return a.Pieces[0]
}

// Gaps returns the times between neighboring pieces.
func (a *Answer) Gaps() (gaps []time.Duration) {
	for i := 1; i < len(a.Pieces); i++ {
		gaps = append(gaps, a.Pieces[i]-a.Pieces[i-1])
	}
	return gaps
}

// errorObject is the error of an answer.
type errorObject struct {
	Message string `json:"message"`
	Type    string `json:"type"`
}

// chunk is an event of a stream of chat or text completions.
type chunk struct {
	Choices []struct {
		Text  string `json:"text"`
		Delta struct {
			Content   string `json:"content"`
			Reasoning string `json:"reasoning_content"`
		} `json:"delta"`
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Usage   *Usage       `json:"usage"`
	Timings *Timings     `json:"timings"`
	Error   *errorObject `json:"error"`
}

// Stream posts a request for chat or text completions and reads the stream of the answer. piece, if not nil, is called after each
// piece of text; its error ends the stream, closes the connection and is returned. Stream also returns what came before an error.
func (c *Client) Stream(ctx context.Context, path string, body Body, piece func(*Answer) error) (*Answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a, begin := &Answer{}, time.Now()
	defer func() { a.Total = time.Since(begin) }()
	response, err := c.do(ctx, http.MethodPost, path, body.With(Body{"stream": true, "stream_options": Body{"include_usage": true}}))
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return a, statusError(response)
	}
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return a, fmt.Errorf("the stream's content type is %q", kind)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok {
			continue
		}
		if string(data) == "[DONE]" {
			return a, nil
		}
		brought, err := a.take(data, begin)
		if err == nil && brought && piece != nil {
			err = piece(a)
		}
		if err != nil {
			return a, err
		}
	}
	return a, errors.Join(lines.Err(), errors.New("the stream ended without [DONE]"))
}

// take adds an event. It reports whether the event brought text.
func (a *Answer) take(data []byte, begin time.Time) (bool, error) {
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		return false, fmt.Errorf("an event is not JSON: %w", err)
	}
	if c.Error != nil {
		return false, &StatusError{Type: c.Error.Type, Message: c.Error.Message}
	}
	if c.Usage != nil {
		a.Usage = *c.Usage
	}
	if c.Timings != nil {
		a.Timings = *c.Timings
	}
	brought := false
	for _, choice := range c.Choices {
		text := choice.Text + choice.Delta.Content
		brought = brought || text != "" || choice.Delta.Reasoning != ""
		a.Text += text
		a.Thoughts += choice.Delta.Reasoning
		if choice.Finish != "" {
			a.Finish = choice.Finish
		}
	}
	if brought {
		a.Pieces = append(a.Pieces, time.Since(begin))
	}
	return brought, nil
}
