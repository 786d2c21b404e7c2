package browser

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
)

func TestSettingsAreSent(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) { s.delta("content", "ok") })
	f.fixed("/props", object{"default_generation_settings": object{"params": object{"temperature": 1, "top_p": 0.2, "max_tokens": -1}}})
	p := open(t, f.url)
	p.sets("Temperature", "1")
	p.sets("Top P", "0.2")
	p.sets("Longest answer", "")
	asked := func() object {
		t.Helper()
		p.click("New conversation")
		p.send("x")
		p.answered("ok")
		all := object{}
		for _, name := range []string{"temperature", "top_p", "max_tokens", "chat_template_kwargs", "model"} {
			if v, ok := f.chat()[name]; ok {
				all[name] = v
			}
		}
		return all
	}
	assert.Equal(t, object{"model": "demo"}, asked(), "what nobody set")
	p.fill("spinbutton", "Temperature", "0.5")
	p.fill("spinbutton", "Top P", "0.25")
	p.fill("spinbutton", "Longest answer", "7")
	p.choose("Think", "Yes")
	want := object{"model": "demo", "temperature": 0.5, "top_p": 0.25, "max_tokens": 7.0, "chat_template_kwargs": object{"enable_thinking": true}}
	assert.Equal(t, want, asked())
	p.load(f.url)
	assert.Equal(t, want, asked(), "settings are kept")
	p.choose("Think", "No")
	p.fill("spinbutton", "Top P", "")
	assert.Equal(t, object{"model": "demo", "temperature": 0.5, "max_tokens": 7.0, "chat_template_kwargs": object{"enable_thinking": false}}, asked())
	p.click("Use the model's defaults")
	p.sets("Temperature", "1")
	p.sets("Top P", "0.2")
	p.sets("Longest answer", "")
	assert.Equal(t, object{"model": "demo"}, asked())
}

// TestEverySettingIsSent fills in every field, with values that the server takes.
func TestEverySettingIsSent(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) { s.delta("content", "ok") })
	f.fixed("/props", object{"default_generation_settings": object{"params": object{"temperature": 0.9, "top_p": 0.4, "top_k": 5, "min_p": 0.1,
		"presence_penalty": 0.2, "frequency_penalty": 0.3, "penalty_decay": 0.99, "seed": 7, "max_tokens": -1}}})
	p := open(t, f.url)
	fields := []struct {
		name, usual, value, field string
		sent                      float64
	}{
		{"Temperature", "0.9", "0.75", "temperature", 0.75},
		{"Top P", "0.4", "0.5", "top_p", 0.5},
		{"Top K", "5", "20", "top_k", 20},
		{"Min P", "0.1", "0.05", "min_p", 0.05},
		{"Presence penalty", "0.2", "-0.5", "presence_penalty", -0.5},
		{"Frequency penalty", "0.3", "0", "frequency_penalty", 0},
		{"Penalty decay", "0.99", "0.996", "penalty_decay", 0.996},
		{"Longest answer", "", "3", "max_tokens", 3},
		{"Seed", "", "42", "seed", 42},
	}
	for _, each := range fields {
		p.sets(each.name, each.usual)
		p.fill("spinbutton", each.name, each.value)
	}
	p.fill("textbox", "System message", "Be brief.")
	p.send("x")
	p.answered("ok")
	for _, each := range fields {
		assert.Equal(t, each.sent, f.chat()[each.field], each.name)
	}
	assert.Equal(t, []any{object{"role": "system", "content": "Be brief."}, object{"role": "user", "content": "x"}}, f.chat()["messages"])
	p.click("Use the model's defaults")
	for _, each := range fields {
		p.sets(each.name, each.usual)
	}
	p.click("Retry")
	p.find("button", "Previous version")
	p.idle()
	for _, each := range fields {
		assert.NotContains(t, f.chat(), each.field)
	}
	assert.Equal(t, []any{object{"role": "user", "content": "x"}}, f.chat()["messages"])
}

// TestTheServerTakesEverySetting asks the real server.
func TestTheServerTakesEverySetting(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	for name, value := range map[string]string{"Temperature": "0", "Top P": "0.5", "Top K": "20", "Min P": "0.05", "Presence penalty": "0.5",
		"Frequency penalty": "0.5", "Penalty decay": "0.996", "Longest answer": "30", "Seed": "42"} {
		p.fill("spinbutton", name, value)
	}
	p.fill("textbox", "System message", "Be brief.")
	p.send(sum)
	p.holds(messages + ".length === 2 && " + messages + ".at(-1).text")
	p.idle()
	p.holds(`!document.querySelector("[role=alert]").innerText`)
}

func TestWrongSettingsAreNotSent(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) { s.delta("content", "ok") })
	p := open(t, f.url)
	p.sets("Temperature", "1")
	for name, values := range map[string][]string{"Temperature": {"-1", "1000"}, "Top P": {"1.01"}, "Top K": {"2.5", "-3"},
		"Longest answer": {"0"}, "Seed": {"-1", "1e30"}} {
		for _, value := range values {
			p.fill("spinbutton", name, value)
			p.holds(`document.querySelectorAll("[aria-invalid=true]").length === 1`)
			p.holds(`[...document.querySelectorAll(".wrong")].filter((e) => e.textContent.startsWith("Not used: want a")).length === 1`)
		}
		p.fill("spinbutton", name, "")
		p.holds(`document.querySelectorAll("[aria-invalid=true]").length === 0`)
	}
	p.fill("spinbutton", "Top P", "7")
	p.send("x")
	p.answered("ok")
	assert.NotContains(t, f.chat(), "top_p")
}

// TestWhatAModelCannotDoIsNotOffered has a model without thoughts and system messages.
func TestWhatAModelCannotDoIsNotOffered(t *testing.T) {
	t.Parallel()
	f := pretend(t, func(s *stream) { s.delta("content", "ok") })
	f.fixed("/props", object{"chat_template_caps": object{"supports_thinking": false, "supports_system_role": false}})
	p := open(t, f.url)
	p.evaluate(`localStorage.setItem("settings of demo", '{"think":"1","system":"x"}')`)
	p.load(f.url)
	p.gone("textbox", "System message")
	p.holds(`document.querySelector("aside").parentNode.innerText.includes("This model does not think.")`)
	p.send("x")
	p.answered("ok")
	assert.NotContains(t, f.chat(), "chat_template_kwargs")
	assert.Len(t, f.chat()["messages"], 1)
}

// sets waits until a setting has that value.
func (p *page) sets(name, value string) {
	p.t.Helper()
	p.until(name+" is "+value, func(context.Context) (bool, error) { return p.value("spinbutton", name) == value, nil })
}

func TestSettingsBelongToAModel(t *testing.T) {
	t.Parallel()
	var name atomic.Value
	f := pretend(t, nil)
	f.mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(object{"data": []object{{"id": name.Load()}}})
	})
	name.Store("first")
	p := open(t, f.url)
	p.find("option", "first")
	p.fill("spinbutton", "Temperature", "0.5")
	for model, temperature := range map[string]string{"second": "1", "first": "0.5"} {
		name.Store(model)
		p.load(f.url)
		p.find("option", model)
		p.sets("Temperature", temperature)
	}
}

// translated is the words of the page itself, as JavaScript.
const translated = `[...document.querySelectorAll("[data-t]")].map((e) => e.textContent).concat(
	[...document.querySelectorAll("[data-l]")].map((e) => e.getAttribute("aria-label")), [...document.querySelectorAll("[data-p]")].map((e) => e.placeholder))`

func TestLanguages(t *testing.T) {
	t.Parallel()
	f := pretend(t, nil)
	f.fixed("/v1/states", object{"data": []object{{"id": "one", "name": "one", "tokens": 1, "bytes": 2048}}})
	p := open(t, f.url)
	p.find("button", "Load one")
	assert.Equal(t, "en", eval[string](p, "document.documentElement.lang"))
	english := eval[[]string](p, translated)
	p.choose("Language", "中文")
	p.find("button", "发送")
	assert.Equal(t, "zh", eval[string](p, "document.documentElement.lang"))
	chinese := eval[[]string](p, translated)
	if assert.Len(t, chinese, len(english)) {
		for i := range english {
			assert.NotEmpty(t, chinese[i])
			if !slices.Contains([]string{"Top P", "Top K", "Min P"}, english[i]) {
				assert.NotEqual(t, english[i], chinese[i])
			}
		}
	}
	p.do(chromedp.Reload())
	p.find("button", "发送")
	p.choose("语言", "English")
	p.find("button", "Send")

	// A browser whose language is Chinese has a Chinese page, without any setting.
	q := blank(t, demo.url)
	call(q, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "test", AcceptLanguage: "zh-CN"})
	q.do(chromedp.Navigate(demo.url + "/"))
	q.find("textbox", "消息")
	q.find("button", "发送")
}

func TestThemes(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	scheme := func(value string) {
		call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}})
	}
	light := func() bool {
		return eval[bool](p, `getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).every((c) => c > 200)`)
	}
	scheme("light")
	assert.True(t, light(), "the system is light")
	scheme("dark")
	assert.False(t, light(), "the system is dark")
	p.choose("Theme", "Light")
	assert.True(t, light(), "the setting is light, the system dark")
	p.load(demo.url)
	assert.True(t, light(), "the setting is kept")
	scheme("light")
	p.choose("Theme", "Dark")
	assert.False(t, light(), "the setting is dark, the system light")
	p.choose("Theme", "Automatic")
	assert.True(t, light(), "the setting is the system's")
}

func TestTheDraftIsKept(t *testing.T) {
	t.Parallel()
	p := open(t, demo.url)
	p.fill("textbox", "Message", "not sent\nyet")
	p.load(demo.url)
	assert.Equal(t, "not sent\nyet", p.value("textbox", "Message"))
	p.fill("textbox", "Message", sum)
	p.click("Send")
	p.answered("42")
	p.load(demo.url)
	assert.Empty(t, p.value("textbox", "Message"))

	// Each conversation has its own.
	p.fill("textbox", "Message", "of the new one")
	p.click(sum)
	p.answered("42")
	assert.Empty(t, p.value("textbox", "Message"))
	p.fill("textbox", "Message", "of the old one")
	p.click("New conversation")
	assert.Equal(t, "of the new one", p.value("textbox", "Message"))
	p.load(demo.url)
	assert.Equal(t, "of the new one", p.value("textbox", "Message"))
	p.click(sum)
	p.answered("42")
	assert.Equal(t, "of the old one", p.value("textbox", "Message"))
}
