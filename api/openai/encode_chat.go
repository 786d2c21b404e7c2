package openai

// ChatResponse is the response to a request for chat completions.
type ChatResponse struct {
	Head
	Choices []ChatChoice
	Usage   Usage
	Timings *Timings
	State   *StateInfo
}

// ChatChoice is an answer.
type ChatChoice struct {
	Index    int
	Content  string
	Thoughts string
	Logprobs []Token // nil if the request did not ask for them
	Finish   Finish
}

// ChatChunk is a part of a streamed answer.
type ChatChunk struct {
	Head
	Index    int
	Begins   bool   // the first chunk of an answer, which has nothing else
	Content  string // the next text of the answer
	Thoughts string // the next text of its thoughts
	Logprobs []Token
	Finish   Finish     // in the last chunk of an answer only
	Usage    *Usage     // in a chunk of its own, behind all answers
	Timings  *Timings   // optional
	Progress *Progress  // in a chunk of its own, before the answer
	State    *StateInfo // with Finish
}

// message is a message or the change of one, as JSON.
type message struct {
	Role     string  `json:"role,omitempty"`
	Content  *string `json:"content,omitempty"`
	Thoughts string  `json:"reasoning_content,omitempty"`
}

// firstDelta is the change that a stream begins with.
type firstDelta struct {
	Role    string  `json:"role"`
	Content *string `json:"content"`
}

// chatLogprobs is the tokens of an answer, as JSON.
type chatLogprobs struct {
	Content []chatToken `json:"content"`
}

type chatToken struct {
	ID      int32        `json:"id"`
	Token   string       `json:"token"`
	Bytes   []int        `json:"bytes"`
	Logprob *float64     `json:"logprob"`
	Top     *[]chatToken `json:"top_logprobs,omitempty"`
}

// chatTokens returns tokens as JSON, and their likeliest rivals if nested.
func chatTokens(tokens []Token, nested bool) []chatToken {
	list := make([]chatToken, len(tokens))
	for i, t := range tokens {
		list[i] = chatToken{ID: int32(t.ID), Token: t.Text, Bytes: make([]int, len(t.Bytes)), Logprob: t.logprob()}
		for j, b := range t.Bytes {
			list[i].Bytes[j] = int(b)
		}
		if nested {
			top := chatTokens(t.Top, false)
			list[i].Top = &top
		}
	}
	return list
}

func newChatLogprobs(tokens []Token) *chatLogprobs {
	if tokens == nil {
		return nil
	}
	return &chatLogprobs{chatTokens(tokens, true)}
}

// EncodeChat returns the body of a response.
func EncodeChat(r ChatResponse) []byte {
	type choice struct {
		Index    int           `json:"index"`
		Message  message       `json:"message"`
		Logprobs *chatLogprobs `json:"logprobs"`
		Finish   *Finish       `json:"finish_reason"`
	}
	choices := make([]choice, len(r.Choices))
	for i, c := range r.Choices {
		choices[i] = choice{c.Index, message{"assistant", &c.Content, c.Thoughts}, newChatLogprobs(c.Logprobs), c.Finish.wire()}
	}
	return encode(struct {
		wireHead
		Choices []choice     `json:"choices"`
		Usage   *wireUsage   `json:"usage"`
		Timings *wireTimings `json:"timings,omitempty"`
		State   *StateInfo   `json:"state,omitempty"`
	}{r.wire("chat.completion"), choices, r.Usage.wire(), r.Timings.wire(), r.State})
}

// EncodeChatChunk returns the data of an event of a stream.
func EncodeChatChunk(c ChatChunk) []byte {
	type choice struct {
		Index    int           `json:"index"`
		Delta    any           `json:"delta"`
		Logprobs *chatLogprobs `json:"logprobs,omitempty"`
		Finish   *Finish       `json:"finish_reason"`
	}
	choices := []choice{}
	if c.Usage == nil && c.Progress == nil {
		choices = append(choices, choice{c.Index, c.delta(), newChatLogprobs(c.Logprobs), c.Finish.wire()})
	}
	return encode(struct {
		wireHead
		Choices  []choice      `json:"choices"`
		Usage    *wireUsage    `json:"usage,omitempty"`
		Timings  *wireTimings  `json:"timings,omitempty"`
		Progress *wireProgress `json:"prompt_progress,omitempty"`
		State    *StateInfo    `json:"state,omitempty"`
	}{c.wire("chat.completion.chunk"), choices, c.Usage.wire(), c.Timings.wire(), c.Progress.wire(), c.State})
}

// delta returns the change that a chunk brings.
func (c ChatChunk) delta() any {
	if c.Begins {
		return firstDelta{Role: "assistant"}
	}
	m := message{Thoughts: c.Thoughts}
	if c.Content != "" {
		m.Content = &c.Content
	}
	return m
}
