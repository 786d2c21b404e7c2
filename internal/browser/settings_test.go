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
	p := open(t, f.url)
	p.sets("Temperature", "1")
	p.sets("Top P", "0.2")
	p.sets("Longest answer, in tokens", "")
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
	p.fill("spinbutton", "Longest answer, in tokens", "7")
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
	p.sets("Longest answer, in tokens", "")
	assert.Equal(t, object{"model": "demo"}, asked())
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
	p := open(t, demo.url)
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
}
