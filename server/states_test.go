package server

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/demotest"
	"github.com/gosling-rwkv/gosling/internal/writers"
	"github.com/gosling-rwkv/gosling/service"
)

func TestAStateIsMadeUsedForkedAndDeleted(t *testing.T) {
	k := newClient(t, service.Options{})
	whole := k.post("/v1/completions", fields{"prompt": "ROMEO:\nBut soft", "max_tokens": 12, "temperature": 0})
	made := k.post("/v1/states", fields{"prompt": "ROMEO:\nBut", "name": "but"})
	assert.Equal(t, "but", made["name"])
	assert.Equal(t, 10.0, made["tokens"])
	rest := fields{"prompt": " soft", "max_tokens": 12, "temperature": 0, "state": "but"}
	assert.Equal(t, at(whole, "choices", 0, "text"), at(k.post("/v1/completions", rest), "choices", 0, "text"))

	forked := k.post("/v1/states/but/fork", fields{"to": "other"})
	assert.Equal(t, "other", forked["name"])
	status, _ := k.ask("DELETE", "/v1/states/but", nil)
	assert.Equal(t, http.StatusOK, status)
	status, _ = k.ask("GET", "/v1/states/but", nil)
	assert.Equal(t, http.StatusNotFound, status)
	_, list := k.ask("GET", "/v1/states", nil)
	require.Len(t, list["data"], 1)
	rest["state"] = "other"
	assert.Equal(t, at(whole, "choices", 0, "text"), at(k.post("/v1/completions", rest), "choices", 0, "text"))
}

func TestAStateIsDownloadedAndUploaded(t *testing.T) {
	k := newClient(t, service.Options{})
	saved := k.post("/v1/completions", fields{"prompt": "ROMEO:", "max_tokens": 5, "temperature": 0, "save_state": "a"})
	assert.Equal(t, "a", at(saved, "state", "name"))
	r, file := k.do("GET", "/v1/states/a/content", "")
	require.Equal(t, http.StatusOK, r.StatusCode)
	assert.True(t, strings.HasPrefix(file, "GSLSTATE"))
	_, half := k.do("GET", "/v1/states/a/content?type=f16", "")
	assert.Less(t, len(half), len(file)*6/10)
	r, answer := k.do("PUT", "/v1/states/b", file)
	require.Equal(t, http.StatusOK, r.StatusCode, answer)
	next := func(state any) any {
		return at(k.post("/v1/completions", fields{"prompt": " ", "max_tokens": 9, "temperature": 0, "state": state}), "choices", 0, "text")
	}
	assert.Equal(t, next("a"), next("b"))
	r, answer = k.do("PUT", "/v1/states/c", file[:len(file)-1])
	assert.Equal(t, http.StatusBadRequest, r.StatusCode, answer)
	assert.NotContains(t, answer, "/tmp", "no path is told")
	r, _ = k.do("GET", "/v1/states/a/content?type=q8", "")
	assert.Equal(t, http.StatusBadRequest, r.StatusCode)
}

func TestStatesOfRequests(t *testing.T) {
	k := newClient(t, service.Options{Cache: 64 << 20})
	first := k.post("/v1/chat/completions", fields{"messages": user("What is 17 + 25?"), "temperature": 0, "return_state": "id"})
	id, _ := at(first, "state", "id").(string)
	require.NotEmpty(t, id)
	data := k.post("/v1/chat/completions", fields{"messages": user("What is 17 + 25?"), "temperature": 0, "return_state": "base64"})
	messages := append(user("What is 17 + 25?"), fields{"role": "assistant", "content": at(first, "choices", 0, "message", "content")}, user("Capitals: red wine")[0])
	want := k.post("/v1/chat/completions", fields{"messages": messages, "temperature": 0})
	for name, state := range map[string]any{"an id": id, "bytes": fields{"data": at(data, "state", "data")}} {
		t.Run(name, func(t *testing.T) {
			got := k.post("/v1/chat/completions", fields{"messages": user("Capitals: red wine"), "temperature": 0, "state": state})
			assert.Equal(t, at(want, "choices", 0, "message", "content"), at(got, "choices", 0, "message", "content"))
			assert.Less(t, at(got, "usage", "prompt_tokens"), at(want, "usage", "prompt_tokens"))
		})
	}
	made := k.post("/v1/states", fields{"messages": messages[:2], "name": "talk"})
	got := k.post("/v1/chat/completions", fields{"messages": user("Capitals: red wine"), "temperature": 0, "state": "talk"})
	assert.Equal(t, at(want, "choices", 0, "message", "content"), at(got, "choices", 0, "message", "content"))
	assert.Greater(t, made["tokens"], 30.0)
}

// tuned returns a file of tuned states for the built-in model.
func tuned(t *testing.T, kind string, dtype checkpoint.DType) string {
	t.Helper()
	model := demotest.Model(t)
	c := model.Config()
	var f writers.File
	for i := range c.Layers {
		data := make([]byte, 4*c.Heads()*c.HeadSize*c.HeadSize)
		for j := 0; j < len(data); j += 4 {
			binary.LittleEndian.PutUint32(data[j:], math.Float32bits(float32(j%52)/64))
		}
		f = append(f, writers.Tensor{Name: fmt.Sprintf("blocks.%d.att.time_state", i), DType: checkpoint.F32, Shape: []int64{int64(c.Heads()), int64(c.HeadSize), int64(c.HeadSize)}, Data: data})
	}
	path := filepath.Join(t.TempDir(), "state."+kind)
	f.As(t, dtype).Save(t, path)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func TestATunedStateIsUploaded(t *testing.T) {
	k := newClient(t, service.Options{})
	text := func(state string) any {
		return at(k.post("/v1/completions", fields{"prompt": "ROMEO:", "max_tokens": 12, "temperature": 0, "state": state}), "choices", 0, "text")
	}
	for name, file := range map[string]string{"pth": tuned(t, "pth", checkpoint.F32), "safetensors": tuned(t, "safetensors", checkpoint.F32)} {
		r, answer := k.do("PUT", "/v1/states/"+name, file)
		require.Equal(t, http.StatusOK, r.StatusCode, answer)
		assert.Contains(t, answer, `"tokens":0`)
	}
	assert.Equal(t, text("pth"), text("safetensors"))
	half := tuned(t, "st", checkpoint.F16)
	r, answer := k.do("PUT", "/v1/states/st", half)
	assert.Equal(t, http.StatusBadRequest, r.StatusCode)
	assert.Contains(t, answer, "add ?transpose=1")
	for way, want := range map[string]bool{"0": true, "1": false} {
		r, answer = k.do("PUT", "/v1/states/st?transpose="+way, half)
		require.Equal(t, http.StatusOK, r.StatusCode, answer)
		assert.Equal(t, want, text("st") == text("pth"))
	}
	got := k.post("/v1/completions", fields{"prompt": "ROMEO:", "max_tokens": 12, "temperature": 0, "state": fields{"data": base64.StdEncoding.EncodeToString([]byte(tuned(t, "pth", checkpoint.F32)))}})
	assert.Equal(t, text("pth"), at(got, "choices", 0, "text"))
}

func TestSecurityUploads(t *testing.T) {
	k := newClient(t, service.Options{})
	files, err := filepath.Glob("../../shared/testdata/hostile/*")
	require.NoError(t, err)
	bodies := map[string]string{"nothing": "", "a word": "goose", "JSON": `{"a":1}`, "half a state": "GSLSTATE\x01"}
	for _, path := range files {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		bodies[filepath.Base(path)] = string(data)
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			r, answer := k.do("PUT", "/v1/states/a", body)
			assert.Equal(t, http.StatusBadRequest, r.StatusCode)
			assert.NotContains(t, answer, os.TempDir())
			assert.NotContains(t, answer, "gosling-state")
		})
	}
	model := demotest.Model(t)
	r, answer := k.do("PUT", "/v1/states/a", "GSLSTATE"+strings.Repeat("\x00", int(model.MaxStateFile())))
	assert.Equal(t, http.StatusRequestEntityTooLarge, r.StatusCode, answer)
	_, list := k.ask("GET", "/v1/states", nil)
	assert.Empty(t, list["data"])
}

func TestErrorsOfStatesNameWhatIsWrong(t *testing.T) {
	k := newClient(t, service.Options{})
	k.post("/v1/states", fields{"prompt": "ROMEO:", "name": "romeo"})
	for _, tc := range []struct {
		method, path string
		body         any
		status       int
		param        any
	}{
		{"POST", "/v1/states", fields{"prompt": "a", "name": "../x"}, 400, "name"},
		{"POST", "/v1/states/romeo/fork", fields{"to": "con"}, 400, "to"},
		{"POST", "/v1/states/juliet/fork", fields{"to": "x"}, 404, nil},
		{"GET", "/v1/states/juliet", nil, 404, nil},
		{"DELETE", "/v1/states/juliet", nil, 404, nil},
		{"PUT", "/v1/states/juliet", "no state", 400, nil},
		{"PUT", "/v1/states/con", "no state", 400, "name"},
		{"PUT", "/v1/states/juliet?ttl=soon", "no state", 400, "ttl"},
		{"GET", "/v1/states/juliet/content", nil, 404, nil},
	} {
		status, answer := k.ask(tc.method, tc.path, tc.body)
		assert.Equal(t, tc.status, status, "%s %s", tc.method, tc.path)
		assert.Equal(t, tc.param, at(answer, "error", "param"), "%s %s: %v", tc.method, tc.path, answer)
	}
}
