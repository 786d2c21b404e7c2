package llamacpp

import "github.com/gosling-rwkv/gosling/api"

// EncodeHealth returns the body of the response that the server can take requests. While it cannot, the response is an error of kind
// api.Unavailable.
func EncodeHealth() []byte {
	return api.Encode(struct {
		Status string `json:"status"`
	}{"ok"})
}

// Props are the properties of a server.
type Props struct {
	Settings Settings // what a request without fields is generated with
	Context  int      // the most tokens of a prompt with its answer; 0 is no limit
	Slots    int      // texts that are computed side by side
	Alias    string   // the model's name for clients
	File     string   // the name of the model's file, without its folder
	Type     string   // the type of most weights, such as "Q4_K_M"
	Template string   // the name of the chat format
	Turns    bool     // the chat format has turns, of which one may be the system's, and a place for functions
	Thinks   bool     // the model can think before it answers
	Begin    string   // what every text of the model begins with, if it is a special token
	End      string   // what ends a text
	Build    string   // of the program; clients expect it to begin with "b"

	HasSlots, HasMetrics bool // the endpoints are open
}

// EncodeProps returns the body of the response with the properties.
func EncodeProps(p Props) []byte {
	type modalities struct {
		Vision bool `json:"vision"`
		Video  bool `json:"video"`
		Audio  bool `json:"audio"`
	}
	type caps struct {
		System        bool `json:"supports_system_role"`
		Tools         bool `json:"supports_tools"`
		Calls         bool `json:"supports_tool_calls"`
		ParallelCalls bool `json:"supports_parallel_tool_calls"`
		Thinking      bool `json:"supports_thinking"` // llama.cpp has no name for it
	}
	type defaults struct {
		Params  numbers `json:"params"`
		Context int     `json:"n_ctx"`
	}
	return api.Encode(struct {
		Defaults   defaults   `json:"default_generation_settings"`
		Slots      int        `json:"total_slots"`
		Alias      string     `json:"model_alias"`
		Type       string     `json:"model_ftype"`
		File       string     `json:"model_path"`
		Modalities modalities `json:"modalities"`
		HasSlots   bool       `json:"endpoint_slots"`
		HasProps   bool       `json:"endpoint_props"`
		HasMetrics bool       `json:"endpoint_metrics"`
		Template   string     `json:"chat_template"`
		Caps       caps       `json:"chat_template_caps"`
		Begin      string     `json:"bos_token"`
		End        string     `json:"eos_token"`
		Build      string     `json:"build_info"`
		Sleeping   bool       `json:"is_sleeping"`
	}{Defaults: defaults{p.Settings.numbers(), p.Context}, Slots: p.Slots, Alias: p.Alias, Type: p.Type, File: p.File, HasSlots: p.HasSlots,
		HasMetrics: p.HasMetrics, Template: p.Template, Caps: caps{System: p.Turns, Tools: p.Turns, Calls: p.Turns, Thinking: p.Thinks},
		Begin: p.Begin, End: p.End, Build: p.Build})
}

// Slot is a place for a text that is computed. Its zero value is a place without one.
type Slot struct {
	Busy bool

	// Of the text that is computed.
	Prompt, Read, Cached int  // tokens of the prompt, tokens that were read of it, tokens that a found state had read
	Generated            int  // tokens
	Remaining            *int // tokens up to the limit; nil is no limit
	NewLine              bool // the text has a line end
}

// EncodeSlots returns the body of the response with all slots. context is the most tokens of a prompt with its answer, or 0. It tells no
// settings and no texts, since they are other clients'.
func EncodeSlots(slots []Slot, context int) []byte {
	type next struct {
		More      bool `json:"has_next_token"`
		NewLine   bool `json:"has_new_line"`
		Remaining int  `json:"n_remain"`
		Generated int  `json:"n_decoded"`
	}
	type item struct {
		ID          int     `json:"id"`
		Context     int     `json:"n_ctx"`
		Speculative bool    `json:"speculative"`
		Busy        bool    `json:"is_processing"`
		Prompt      int     `json:"n_prompt_tokens"`
		Read        int     `json:"n_prompt_tokens_processed"`
		Cached      int     `json:"n_prompt_tokens_cache"`
		Next        [1]next `json:"next_token"`
	}
	items := make([]item, len(slots))
	for i, s := range slots {
		n := next{s.Busy, s.NewLine, -1, s.Generated}
		api.Set(&n.Remaining, s.Remaining)
		items[i] = item{ID: i, Context: context, Busy: s.Busy, Prompt: s.Prompt, Read: s.Read, Cached: s.Cached, Next: [1]next{n}}
	}
	return api.Encode(items)
}
