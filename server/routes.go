package server

import (
	"net/http"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/keys"
)

// open is the permission of routes that need no key.
const open keys.Permission = 0

// anyHost are the paths that answer to any Host, because those who ask whether the server is alive may know it by another name.
var anyHost = []string{"/health", "/v1/health"}

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

// withState returns the most bytes of a request that may have a saved state in it, in base64.
func (s *Server) withState() int64 {
	if s.o.Model == nil {
		return 0
	}
	return s.o.MaxBody + s.o.Model.Layout().FileBytes(engine.StateF32)*4/3 + 4
}

// table returns the table of all routes.
func (s *Server) table() []route {
	table := []route{
		{"GET", "/{$}", open, own, none, 0, s.page},
		{"GET", "/page/{file}", open, own, none, 0, s.pageFile},
		{"GET", "/health", open, llamaCpp, none, 0, s.health},
		{"GET", "/v1/health", open, llamaCpp, none, 0, s.health},
		{"GET", "/ready", open, own, none, 0, s.ready},
		{"GET", "/openapi.yaml", open, own, none, 0, s.describe},
		{"GET", "/metrics", keys.Metrics, llamaCpp, none, 0, s.serveMetrics},
		{"POST", "/props", keys.Infer, llamaCpp, none, 0, notOffered("settings of the whole server are its operator's")},

		{"GET", "/v1/models", keys.Infer, openAI, none, 0, s.models},
		{"GET", "/models", keys.Infer, openAI, none, 0, s.models},
		{"GET", "/v1/models/{id...}", keys.Infer, openAI, none, 0, s.model},
		{"POST", "/v1/chat/completions", keys.Infer, openAI, json, s.withState(), s.chatCompletions},
		{"POST", "/chat/completions", keys.Infer, openAI, json, s.withState(), s.chatCompletions},
		{"POST", "/v1/chat/completions/input_tokens", keys.Infer, openAI, json, 0, s.inputTokens},
		{"POST", "/chat/completions/input_tokens", keys.Infer, openAI, json, 0, s.inputTokens},
		{"POST", "/v1/completions", keys.Infer, openAI, json, s.withState(), s.completions},
		{"POST", "/v1/embeddings", keys.Infer, openAI, json, 0, s.embeddings},

		{"POST", "/v1/responses", keys.Infer, openAI, json, s.withState(), s.createResponse},
		{"POST", "/responses", keys.Infer, openAI, json, s.withState(), s.createResponse},
		{"POST", "/v1/responses/input_tokens", keys.Infer, openAI, json, 0, s.countResponse},
		{"POST", "/responses/input_tokens", keys.Infer, openAI, json, 0, s.countResponse},
		{"GET", "/v1/responses/{id}", keys.Infer, openAI, none, 0, s.getResponse},
		{"DELETE", "/v1/responses/{id}", keys.Infer, openAI, none, 0, s.deleteResponse},
		{"POST", "/v1/responses/{id}/cancel", keys.Infer, openAI, none, 0, s.cancelResponse},
		{"GET", "/v1/responses/{id}/input_items", keys.Infer, openAI, none, 0, s.responseInput},

		{"POST", "/v1/messages", keys.Infer, claude, json, s.withState(), s.messages},
		{"POST", "/v1/messages/count_tokens", keys.Infer, claude, json, 0, s.countMessage},
		{"POST", "/messages/count_tokens", keys.Infer, claude, json, 0, s.countMessage},

		{"POST", "/completion", keys.Infer, llamaCpp, json, s.withState(), s.llamaCompletion},
		{"POST", "/completions", keys.Infer, llamaCpp, json, s.withState(), s.llamaCompletion},
		{"POST", "/embedding", keys.Infer, llamaCpp, json, 0, s.llamaEmbeddings},
		{"POST", "/embeddings", keys.Infer, llamaCpp, json, 0, s.llamaEmbeddings},
		{"POST", "/tokenize", keys.Infer, llamaCpp, json, 0, s.tokenize},
		{"POST", "/detokenize", keys.Infer, llamaCpp, json, 0, s.detokenize},
		{"POST", "/apply-template", keys.Infer, llamaCpp, json, 0, s.applyTemplate},
		{"GET", "/props", keys.Infer, llamaCpp, none, 0, s.props},
		{"GET", "/slots", keys.Infer, llamaCpp, none, 0, s.slots},

		{"GET", "/v1/states", keys.States, own, none, 0, s.listStates},
		{"POST", "/v1/states", keys.States, own, json, 0, s.makeState},
		{"GET", "/v1/states/{name}", keys.States, own, none, 0, s.describeState},
		{"PUT", "/v1/states/{name}", keys.States, own, raw, s.largestState(), s.uploadState},
		{"DELETE", "/v1/states/{name}", keys.States, own, none, 0, s.deleteState},
		{"GET", "/v1/states/{name}/content", keys.States, own, none, 0, s.downloadState},
		{"POST", "/v1/states/{name}/fork", keys.States, own, json, 0, s.forkState},
	}
	for _, r := range refused {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			table = append(table, route{method, r.path, keys.Infer, r.dialect, none, 0, notOffered(r.why)})
		}
	}
	return table
}

// refused are paths of other interfaces that clients may try.
var refused = []struct {
	path    string
	dialect *dialect
	why     string
}{
	{"/v1/audio/{any...}", openAI, "these models have no audio"},
	{"/v1/images/{any...}", openAI, "these models have no images"},
	{"/v1/fine_tuning/{any...}", openAI, "models are not trained here"},
	{"/v1/files", openAI, "no files are kept here"},
	{"/v1/files/{any...}", openAI, "no files are kept here"},
	{"/v1/batches", openAI, "there are no batches: send the requests side by side"},
	{"/v1/batches/{any...}", openAI, "there are no batches: send the requests side by side"},
	{"/v1/assistants", openAI, "there are no assistants"},
	{"/v1/assistants/{any...}", openAI, "there are no assistants"},
	{"/v1/threads", openAI, "there are no assistants"},
	{"/v1/threads/{any...}", openAI, "there are no assistants"},
	{"/infill", llamaCpp, "these models do not fill in the middle of a text"},
	{"/rerank", llamaCpp, "no model of this kind ranks texts"},
	{"/reranking", llamaCpp, "no model of this kind ranks texts"},
	{"/v1/rerank", llamaCpp, "no model of this kind ranks texts"},
	{"/v1/reranking", llamaCpp, "no model of this kind ranks texts"},
}

func notOffered(why string) func(*call) error {
	return func(*call) error { return refuse(api.Unsupported, http.StatusNotImplemented, "not offered: %s", why) }
}

// health says that the process is alive. Clients of llama.cpp wait for it until the model is loaded.
func (s *Server) health(c *call) error {
	if s.life.isLoading() {
		return errLoading()
	}
	return c.answer(http.StatusOK, []byte(`{"status":"ok"}`))
}

// ready says whether new requests are taken.
func (s *Server) ready(c *call) error {
	if err := s.life.refusal(); err != nil {
		return err
	}
	return c.answer(http.StatusOK, []byte(`{"status":"ready"}`))
}
