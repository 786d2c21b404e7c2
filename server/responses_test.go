package server

import (
	stdjson "encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/archive"
	"github.com/gosling-rwkv/gosling/service"
)

// sum is a question that the model answers with 42.
const sum = "What is 17 + 25?"

func TestResponses(t *testing.T) {
	k := newClient(t, service.Options{Cache: 64 << 20})
	answer := k.post("/v1/responses", fields{"input": sum, "temperature": 0, "metadata": fields{"a": "b"}, "user": "u"})
	assert.Equal(t, "response", answer["object"])
	assert.Equal(t, "completed", answer["status"])
	assert.Equal(t, "42", at(answer, "output", 0, "content", 0, "text"))
	assert.Equal(t, "output_text", at(answer, "output", 0, "content", 0, "type"))
	assert.Regexp(t, "^resp_", answer["id"])
	assert.Regexp(t, "^msg_", at(answer, "output", 0, "id"))
	assert.Equal(t, fields{"a": "b"}, answer["metadata"])
	assert.Equal(t, 34.0, at(answer, "usage", "input_tokens"))
	assert.Equal(t, true, answer["store"])

	path := "/v1/responses/" + answer["id"].(string)
	_, kept := k.ask("GET", path, nil)
	assert.Equal(t, answer, kept)
	_, items := k.ask("GET", path+"/input_items", nil)
	assert.Equal(t, sum, at(items, "data", 0, "content", 0, "text"))
	assert.Equal(t, false, items["has_more"])
	status, _ := k.ask("POST", path+"/cancel", nil)
	assert.Equal(t, http.StatusBadRequest, status, "it was no background response")
	_, deleted := k.ask("DELETE", path, nil)
	assert.Equal(t, fields{"id": answer["id"], "object": "response", "deleted": true}, deleted)
	for _, request := range [][2]string{{"GET", path}, {"DELETE", path}, {"GET", path + "/input_items"}, {"POST", path + "/cancel"}} {
		status, _ := k.ask(request[0], request[1], nil)
		assert.Equal(t, http.StatusNotFound, status, request)
	}
	assert.Equal(t, fields{"object": "response.input_tokens", "input_tokens": 34.0}, k.post("/v1/responses/input_tokens", fields{"input": sum}))

	short := k.post("/v1/responses", fields{"input": sum, "temperature": 0, "max_output_tokens": 1, "store": false})
	assert.Equal(t, "incomplete", short["status"])
	assert.Equal(t, "max_output_tokens", at(short, "incomplete_details", "reason"))
	status, _ = k.ask("GET", "/v1/responses/"+short["id"].(string), nil)
	assert.Equal(t, http.StatusNotFound, status)
}

func TestAConversationGoesOnFromAResponse(t *testing.T) {
	answers := map[string][]any{}
	for name, cache := range map[string]int64{"the state is found": 64 << 20, "the text is read again": 0} {
		t.Run(name, func(t *testing.T) {
			k := newClient(t, service.Options{Cache: cache})
			input := "Capitals: red wine"
			turn := k.post("/v1/responses/input_tokens", fields{"input": input})["input_tokens"].(float64)
			request := fields{"input": "ROMEO:", "temperature": 0, "ignore_eos": true, "max_output_tokens": 64}
			for i := range 3 {
				r := k.post("/v1/responses", request)
				answers[name] = append(answers[name], at(r, "output", 0, "content", 0, "text"))
				total, found := at(r, "usage", "input_tokens").(float64), at(r, "usage", "input_tokens_details", "cached_tokens").(float64)
				assert.Equal(t, total, k.post("/v1/responses/input_tokens", request)["input_tokens"])
				switch {
				case cache == 0:
					assert.Zero(t, found)
				case i > 0: // the two line ends behind the answer are new
					assert.InDelta(t, turn, total-found, 2, "only the new input is read")
				}
				require.NoError(t, k.o.Model.Settle(t.Context()))
				request["input"], request["previous_response_id"] = input, r["id"]
				_, items := k.ask("GET", "/v1/responses/"+r["id"].(string)+"/input_items", nil)
				assert.Len(t, items["data"], 1, "the input of one request")
			}
			same := k.post("/v1/chat/completions", fields{"temperature": 0, "ignore_eos": true, "max_tokens": 64, "messages": append(user("ROMEO:"),
				fields{"role": "assistant", "content": answers[name][0]}, user(input)[0])})
			assert.Equal(t, at(same, "choices", 0, "message", "content"), answers[name][1])
			status, answer := k.ask("POST", "/v1/responses", fields{"input": "Hi", "previous_response_id": "resp_none"})
			assert.Equal(t, http.StatusNotFound, status)
			assert.Equal(t, "previous_response_id", at(answer, "error", "param"))
		})
	}
	assert.Equal(t, answers["the text is read again"], answers["the state is found"])
}

func TestInstructionsAreReplaced(t *testing.T) {
	k := newClient(t, service.Options{})
	count := func(r fields) any { return k.post("/v1/responses/input_tokens", r)["input_tokens"] }
	first := k.post("/v1/responses", fields{"input": sum, "temperature": 0, "instructions": "Be a goose."})
	with := count(fields{"input": "Hi", "previous_response_id": first["id"], "instructions": "Be a goose."}).(float64)
	without := count(fields{"input": "Hi", "previous_response_id": first["id"]}).(float64)
	assert.Greater(t, with, without+float64(len("Be a goose.")))
}

func TestResponsesAreStreamed(t *testing.T) {
	k := newClient(t, service.Options{})
	names, events := k.events("/v1/responses", fields{"input": sum, "temperature": 0, "timings_per_token": true, "return_progress": true})
	assert.Equal(t, []string{"response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.output_text.delta",
		"response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"}, names)
	var said strings.Builder
	for i, e := range events {
		assert.Equal(t, float64(i), e["sequence_number"])
		if text, ok := e["delta"].(string); ok {
			said.WriteString(text)
			assert.Contains(t, e["timings"], "predicted_per_second")
		}
	}
	assert.Equal(t, "42", said.String())
	assert.Contains(t, events[2], "prompt_progress")
	last := events[len(events)-1]
	assert.Contains(t, last, "timings")
	_, kept := k.ask("GET", "/v1/responses/"+at(last, "response", "id").(string), nil)
	assert.Equal(t, last["response"], any(kept))
	status, _ := k.ask("GET", "/v1/responses/"+at(last, "response", "id").(string)+"?stream=true", nil)
	assert.Equal(t, http.StatusBadRequest, status, "its events are not kept")
}

func TestABackgroundResponseGoesOnWithoutItsClient(t *testing.T) {
	k := newClient(t, service.Options{})
	begun := k.post("/v1/responses", fields{"input": sum, "temperature": 0, "background": true})
	assert.Equal(t, "in_progress", begun["status"])
	path := "/v1/responses/" + begun["id"].(string)
	_, text := k.do("GET", path+"?stream=true", "")
	names, all := readEvents(t, text)
	assert.Equal(t, "response.queued", names[1])
	assert.Equal(t, "response.completed", names[len(names)-1])
	_, text = k.do("GET", path+"?stream=true&starting_after=4", "")
	_, rest := readEvents(t, text)
	assert.Equal(t, all[5:], rest)
	_, ended := k.ask("GET", path, nil)
	assert.Equal(t, "completed", ended["status"])
	assert.Equal(t, "42", at(ended, "output", 0, "content", 0, "text"))
	_, same := k.ask("POST", path+"/cancel", nil)
	assert.Equal(t, ended, same, "one that has ended stays as it is")
	next := k.post("/v1/responses", fields{"input": sum, "temperature": 0, "previous_response_id": begun["id"]})
	assert.Equal(t, "completed", next["status"])
	names, _ = k.events("/v1/responses", fields{"input": sum, "temperature": 0, "background": true})
	assert.Equal(t, "response.completed", names[len(names)-1])
	_, deleted := k.ask("DELETE", path, nil)
	assert.Equal(t, true, deleted["deleted"])
	status, _ := k.ask("GET", path, nil)
	assert.Equal(t, http.StatusNotFound, status)
	for _, query := range []string{"stream=maybe", "starting_after=-1"} {
		status, _ := k.ask("GET", path+"?"+query, nil)
		assert.Equal(t, http.StatusBadRequest, status, query)
	}
}

// unending is a request whose response does not end by itself.
func unending() fields {
	return fields{"input": "ROMEO:", "background": true, "ignore_eos": true, "max_output_tokens": 1 << 20}
}

func TestABackgroundResponseIsCancelled(t *testing.T) {
	k := newClient(t, service.Options{})
	begun := k.post("/v1/responses", unending())
	path := "/v1/responses/" + begun["id"].(string)
	_, now := k.ask("GET", path, nil)
	assert.Equal(t, "in_progress", now["status"])
	_, items := k.ask("GET", path+"/input_items", nil)
	assert.Len(t, items["data"], 1)
	status, answer := k.ask("POST", "/v1/responses", fields{"input": "Hi", "previous_response_id": begun["id"]})
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Contains(t, at(answer, "error", "message"), "has not ended")
	_, cancelled := k.ask("POST", path+"/cancel", nil)
	assert.Equal(t, "cancelled", cancelled["status"])
	_, now = k.ask("GET", path, nil)
	assert.Equal(t, "cancelled", now["status"])

	begun = k.post("/v1/responses", unending())
	path = "/v1/responses/" + begun["id"].(string)
	_, deleted := k.ask("DELETE", path, nil)
	assert.Equal(t, true, deleted["deleted"])
	status, _ = k.ask("GET", path, nil)
	assert.Equal(t, http.StatusNotFound, status)
}

func TestResponsesOutliveTheServer(t *testing.T) {
	dir := t.TempDir()
	var complete, running string
	serve := func(t *testing.T, use func(k client)) {
		kept, err := archive.Open(archive.Options{Dir: dir})
		require.NoError(t, err)
		k := client{trial: start(t, Options{Model: newModel(t, service.Options{}), Responses: kept})}
		use(k)
		require.NoError(t, k.stop())
		require.NoError(t, kept.Close())
	}
	t.Run("before", func(t *testing.T) {
		serve(t, func(k client) {
			complete = k.post("/v1/responses", fields{"input": sum, "temperature": 0})["id"].(string)
			running = k.post("/v1/responses", unending())["id"].(string)
		})
	})
	t.Run("after", func(t *testing.T) {
		serve(t, func(k client) {
			next := k.post("/v1/responses", fields{"input": sum, "temperature": 0, "previous_response_id": complete})
			assert.Equal(t, "completed", next["status"])
			_, ended := k.ask("GET", "/v1/responses/"+running, nil)
			assert.Equal(t, "failed", ended["status"])
			assert.Equal(t, "the server is stopping", at(ended, "error", "message"))
		})
	})
}

func TestAResponseThatCannotBeKeptSaysSo(t *testing.T) {
	kept, err := archive.Open(archive.Options{Bytes: 10})
	require.NoError(t, err)
	k := client{trial: start(t, Options{Model: newModel(t, service.Options{}), Responses: kept})}
	answer := k.post("/v1/responses", fields{"input": sum, "temperature": 0})
	assert.Equal(t, "completed", answer["status"])
	assert.Equal(t, false, answer["store"])
	assert.Contains(t, k.log.String(), "a response is not kept")
}

func TestItemsAreListedInPages(t *testing.T) {
	k := newClient(t, service.Options{})
	var input []fields
	for i := range 5 {
		input = append(input, fields{"role": "user", "content": fmt.Sprint("Part ", i)})
	}
	answer := k.post("/v1/responses", fields{"input": input, "max_output_tokens": 1})
	path := "/v1/responses/" + answer["id"].(string) + "/input_items"
	list := func(query string) (texts []any, page fields) {
		_, page = k.ask("GET", path+query, nil)
		for i := range page["data"].([]any) {
			texts = append(texts, at(page, "data", i, "content", 0, "text"))
		}
		return texts, page
	}
	texts, page := list("?limit=2&order=asc")
	assert.Equal(t, []any{"Part 0", "Part 1"}, texts)
	assert.Equal(t, true, page["has_more"])
	texts, page = list("?limit=9&order=asc&after=" + page["last_id"].(string))
	assert.Equal(t, []any{"Part 2", "Part 3", "Part 4"}, texts)
	assert.Equal(t, false, page["has_more"])
	texts, _ = list("")
	assert.Equal(t, "Part 4", texts[0])
	for _, query := range []string{"?limit=101", "?limit=x", "?order=up", "?after=msg_none"} {
		status, _ := k.ask("GET", path+query, nil)
		assert.Equal(t, http.StatusBadRequest, status, query)
	}
}

func TestTheEventsOfEndedJobsAreForgotten(t *testing.T) {
	now := time.Unix(1790000000, 0)
	var s jobs
	s.all = map[[2]string]*job{}
	for i := range 4 {
		s.all[[2]string{"a", fmt.Sprint(i)}] = &job{bytes: jobBytes / 2, ended: now.Add(time.Duration(i) * time.Second)}
	}
	s.all[[2]string{"a", "running"}] = &job{bytes: 9 * jobBytes}
	s.forget(now.Add(time.Minute))
	assert.Nil(t, s.find("a", "1"))
	assert.NotNil(t, s.find("a", "2"))
	s.forget(now.Add(jobLife + 2*time.Second))
	assert.Nil(t, s.find("a", "2"))
	assert.NotNil(t, s.find("a", "3"))
	assert.NotNil(t, s.find("a", "running"))
}

func TestAResponseThatFailsSaysSoInItsStream(t *testing.T) {
	k := newClient(t, service.Options{})
	data, err := stdjson.Marshal(fields{"input": "ROMEO:", "stream": true, "ignore_eos": true, "max_output_tokens": 1 << 20})
	require.NoError(t, err)
	r, err := k.client.Post(k.url("/v1/responses"), "application/json", strings.NewReader(string(data)))
	require.NoError(t, err)
	defer r.Body.Close()
	first := make([]byte, 1)
	_, err = r.Body.Read(first)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- k.stop() }()
	rest, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, <-ended)
	names, events := readEvents(t, string(first)+string(rest))
	assert.Equal(t, "response.failed", names[len(names)-1])
	assert.Equal(t, "the server is stopping", at(events[len(events)-1], "response", "error", "message"))
}

func TestResponsesThatCallFunctions(t *testing.T) {
	k := newClient(t, service.Options{})
	request := fields{
		"input": "How is it?", "max_output_tokens": 300, "temperature": 1, "top_p": 1, "seed": 8, "tool_choice": "required",
		"tools": []fields{{"type": "function", "name": "weather", "description": "tells the weather", "parameters": weather}},
	}
	answer := k.post("/v1/responses", request)
	require.Len(t, answer["output"], 1, "%v", answer)
	call := at(answer, "output", 0)
	assert.Equal(t, "completed", answer["status"])
	assert.Equal(t, "function_call", at(call, "type"))
	assert.Equal(t, "weather", at(call, "name"))
	assert.Regexp(t, "^call_", at(call, "call_id"))
	var arguments fields
	require.NoError(t, stdjson.Unmarshal([]byte(at(call, "arguments").(string)), &arguments))
	assert.Contains(t, []any{"c", "f"}, arguments["unit"])

	names, events := k.events("/v1/responses", request)
	assert.Equal(t, []string{"response.created", "response.in_progress", "response.output_item.added", "response.function_call_arguments.delta",
		"response.function_call_arguments.done", "response.output_item.done", "response.completed"}, names)
	var pieces strings.Builder
	for _, e := range events {
		if piece, ok := e["delta"].(string); ok {
			pieces.WriteString(piece)
		}
	}
	assert.Equal(t, at(call, "arguments"), pieces.String())

	request["previous_response_id"], request["tool_choice"], request["max_output_tokens"] = answer["id"], "auto", 5
	request["input"] = []fields{{"type": "function_call_output", "call_id": at(call, "call_id"), "output": "Sunny"}}
	next := k.post("/v1/responses", request)
	delete(request, "previous_response_id")
	request["input"] = []any{fields{"role": "user", "content": "How is it?"}, call, request["input"].([]fields)[0]}
	same := k.post("/v1/responses", request)
	assert.Equal(t, at(same, "usage", "input_tokens"), at(next, "usage", "input_tokens"), "the client sends what the server has kept")

	request["tool_choice"], request["max_output_tokens"] = "required", 40
	cut := k.post("/v1/responses", request)
	assert.Equal(t, "incomplete", cut["status"])
	next = k.post("/v1/responses", fields{"input": "Hi", "previous_response_id": cut["id"], "max_output_tokens": 1})
	assert.Equal(t, "incomplete", next["status"], "the conversation goes on without the half of a call")
}

func TestResponsesInAForm(t *testing.T) {
	k := newClient(t, service.Options{})
	schema := fields{"type": "object", "properties": fields{"n": fields{"type": "integer", "minimum": 1, "maximum": 9}}, "required": []string{"n"}, "additionalProperties": false}
	request := fields{"input": sum, "max_output_tokens": 100, "temperature": 1, "top_p": 1, "seed": 3, "text": fields{"format": fields{"type": "json_schema", "name": "n", "schema": schema}}}
	text, _ := at(k.post("/v1/responses", request), "output", 0, "content", 0, "text").(string)
	assert.Regexp(t, `^\{\s*"n"\s*:\s*[1-9]\s*\}$`, text)
	schema["not"] = fields{}
	status, answer := k.ask("POST", "/v1/responses", request)
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, "text.format.schema", at(answer, "error", "param"))
}
