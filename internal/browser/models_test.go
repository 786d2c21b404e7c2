package browser

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestSeveralModels chooses which model answers. Each has its own settings and facts.
func TestSeveralModels(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) { s.delta("content", "ok") })
	f.fixed("/v1/models", object{"data": []object{
		{"id": "small", "meta": object{"n_params": 1000, "state_bytes": 2048}}, {"id": hostile, "meta": object{"n_params": 2000}}, {"id": "__proto__"},
	}})
	f.mux.HandleFunc("GET /props", func(w http.ResponseWriter, r *http.Request) {
		temperature := map[string]float64{"small": 0.25, hostile: 0.75}[r.URL.Query().Get("model")]
		json.NewEncoder(w).Encode(object{"default_generation_settings": object{"params": object{"temperature": temperature}}})
	})
	p := open(t, f.url)
	asked := func() any {
		t.Helper()
		p.click("New conversation")
		p.send("x")
		p.answered("ok")
		return f.chat()["model"]
	}
	p.sets("Temperature", "0.25")
	assert.Equal(t, "small", asked())
	p.fill("spinbutton", "Temperature", "0.5")
	p.choose("Model", hostile)
	p.sets("Temperature", "0.75")
	p.holds(`document.querySelector("dl").innerText.includes("2,000")`)
	assert.Equal(t, hostile, asked())
	assert.NotContains(t, f.chat(), "temperature")
	p.load(f.url)
	p.sets("Temperature", "0.75")
	assert.Equal(t, hostile, asked(), "the choice is kept")
	p.choose("Model", "__proto__")
	p.sets("Temperature", "0")
	p.fill("spinbutton", "Temperature", "1.5")
	assert.Equal(t, "__proto__", asked())
	assert.Equal(t, 1.5, f.chat()["temperature"])
	p.choose("Model", "small")
	p.sets("Temperature", "0.5")
	assert.Equal(t, "small", asked())
	assert.Equal(t, 0.5, f.chat()["temperature"])
	p.harmless()
}

func TestAServerWithoutAModel(t *testing.T) {
	t.Parallel()
	f := pretend(t, nil)
	f.fixed("/v1/models", object{"data": []object{}})
	p := blank(t, f.url)
	p.visit(f.url)
	p.status("The server has no model")
	p.holds(`[...document.querySelectorAll("button")].find((b) => b.textContent === "Send").disabled`)
}

// TestFigures looks at what one short answer shows.
func TestFigures(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.send(sum)
	p.answered("42")
	p.holds(`document.querySelector("#speedPlot circle") && /^[0-9]+\/s$/.test(document.querySelector("#speedPlot text").textContent)`)
	fact := func(name string) string {
		return eval[string](p, `((dt) => dt ? dt.nextSibling.textContent : "")([...document.querySelectorAll("dt")].find((e) => e.textContent === `+quote(name)+`))`)
	}
	assert.Regexp(t, "^[0-9]+$", fact("Cached tokens"))
	assert.Regexp(t, "^[0-9.]+$", fact("Tokens per second"))
	assert.Equal(t, "rwkv7 Q8_0", fact("Weights"))
	assert.NotEmpty(t, fact("Memory, at most"))
	read := eval[string](p, `document.querySelector("#read").textContent`)
	assert.Regexp(t, `^Tokens read: [1-9][0-9]* · Size of the state: 264 KiB$`, read)
	p.holds(`document.querySelector("#memoryText").textContent.startsWith("At 4,096 tokens: 264 KiB here, 16 MiB in a transformer")`)
	p.click("Retry")
	p.find("button", "Previous version")
	p.idle()
	assert.Regexp(t, "^[1-9][0-9]*$", fact("Cached tokens"))
	p.click("New conversation")
	p.holds(`document.querySelector("#read").textContent.startsWith("Tokens read: 0")`)
	p.click(sum)
	p.load(demo.url)
	p.click(sum)
	p.holds(`document.querySelector("#read").textContent === ` + quote(read))
}
