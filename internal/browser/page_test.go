package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A page is a tab in a profile of its own. It finds controls as a screen reader does: by their roles and names.
type page struct {
	t   *testing.T
	ctx context.Context

	mu      sync.Mutex
	foreign []string // requests to other servers
	faults  []string // errors at the console, exceptions, violations of the policy, dialogs
	offline bool     // failed requests are expected
	chooser chan cdp.BackendNodeID
}

// watch makes an error at the console of each violation of the Content-Security-Policy.
const watch = `addEventListener("securitypolicyviolation", (e) => console.error("policy: " + e.violatedDirective + " " + e.blockedURI))`

// open opens the page of a server, in a window of 1280 x 800. When the test ends, it fails if a request went to another server, or if
// the browser reported an error.
func open(t *testing.T, at string) *page {
	t.Helper()
	p := blank(t, at)
	p.load(at)
	return p
}

// blank makes a page that is still empty.
func blank(t *testing.T, at string) *page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &page{t: t, ctx: ctx, chooser: make(chan cdp.BackendNodeID, 1)}
	host, err := url.Parse(at)
	require.NoError(t, err)
	require.NoError(t, chromedp.Listen(ctx, func(event any) { p.take(event, host.Host) }))
	call(p, network.Enable, network.EnableParams{})
	call(p, log.Enable, cdp.Empty{})
	call(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	call(p, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: watch})
	call(p, cdppage.SetInterceptFileChooserDialog, cdppage.SetInterceptFileChooserDialogParams{Enabled: true})
	p.size(1280, 800)
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		assert.Empty(t, p.foreign, "requests to other servers")
		assert.Empty(t, p.faults, "what the browser reports")
		if t.Failed() && ctx.Err() == nil {
			p.keep()
		}
	})
	return p
}

// load goes to an address and waits until the page can ask the server.
func (p *page) load(at string) {
	p.t.Helper()
	p.visit(at)
	p.status("Ready")
}

// visit goes to an address and waits for the page.
func (p *page) visit(at string) {
	p.t.Helper()
	p.do(chromedp.Navigate(at + "/"))
	p.find("textbox", "Message")
}

func (p *page) take(event any, host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Host != host && u.Scheme != "data" && u.Scheme != "blob" {
			p.foreign = append(p.foreign, e.Request.URL)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !(p.offline && e.Entry.Source == log.EntrySourceNetwork) {
			p.faults = append(p.faults, string(e.Entry.Source)+": "+e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, "exception: "+e.ExceptionDetails.Text+" "+describe(e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError && len(e.Args) > 0 {
			p.faults = append(p.faults, "console: "+describe(e.Args[0]))
		}
	case *cdppage.EventJavascriptDialogOpening:
		p.faults = append(p.faults, "dialog: "+e.Message)
	case *cdppage.EventFileChooserOpened:
		p.chooser <- e.BackendNodeID
	}
}

func describe(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return o.Description + string(o.Value)
}

// keep writes a picture of a page whose test failed to a temporary file.
func (p *page) keep() {
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	if data, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
		name := filepath.Join(os.TempDir(), "gosling-page-"+strings.ReplaceAll(p.t.Name(), "/", "-")+".png")
		if os.WriteFile(name, data, 0o600) == nil {
			p.t.Logf("a picture of the page: %s", name)
		}
	}
}

// expectFailures allows requests that fail.
func (p *page) expectFailures() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offline = true
}

// do runs an action, with a limit of its time.
func (p *page) do(action chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, *patience)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, action))
}

// call runs a command of the protocol.
func call[P, R any](p *page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, *patience)
	defer cancel()
	r, err := chromedp.Call(ctx, command, params)
	require.NoError(p.t, err)
	return r
}

// eval evaluates an expression of JavaScript, which may be a promise.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, *patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err, expression)
	return v
}

// evaluate evaluates an expression whose value does not matter.
func (p *page) evaluate(expression string) { p.t.Helper(); eval[chromedp.Void](p, expression) }

// until asks again until a condition holds.
func (p *page) until(what string, holds func(ctx context.Context) (bool, error)) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, *patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		ok, err := holds(ctx)
		if ok {
			return
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("not in %s: %s (%v)\nThe page shows:\n%s", *patience, what, last, p.text())
		case <-tick.C:
		}
	}
}

// text returns the text between the panels, for messages of failed tests.
func (p *page) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.querySelector('main').innerText"))
	return text
}

// holds waits until an expression of JavaScript is true.
func (p *page) holds(expression string) {
	p.t.Helper()
	p.until(expression, func(ctx context.Context) (bool, error) {
		return chromedp.Run(ctx, chromedp.Evaluate[bool]("(async () => Boolean(await ("+expression+")))()", chromedp.EvalAwaitPromise))
	})
}

// all returns the elements of that role and name, in the order of the page.
func (p *page) all(ctx context.Context, role, name string) (found []cdp.BackendNodeID, err error) {
	root, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: "document", ObjectGroup: "root"})
	if err != nil {
		return nil, err
	}
	tree, err := chromedp.Call(ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: root.Result.ObjectID, Role: role, AccessibleName: name})
	for _, n := range tree.Nodes {
		if !n.Ignored && n.BackendDOMNodeID != 0 {
			found = append(found, n.BackendDOMNodeID)
		}
	}
	return found, err
}

// nth returns the element of that role and name and number, counted from 0, or from the end with -1; and whether there is one.
func (p *page) nth(ctx context.Context, role, name string, at int) (cdp.BackendNodeID, bool, error) {
	found, err := p.all(ctx, role, name)
	if at < 0 {
		at += len(found)
	}
	if err != nil || at < 0 || at >= len(found) {
		return 0, false, err
	}
	return found[at], true, nil
}

// find waits for an element of that role and name and returns the last one.
func (p *page) find(role, name string) (node cdp.BackendNodeID) {
	p.t.Helper()
	p.until(fmt.Sprintf("there is a %s %q", role, name), func(ctx context.Context) (ok bool, err error) {
		node, ok, err = p.nth(ctx, role, name, -1)
		return ok, err
	})
	return node
}

// count waits until there are n elements of that role and name.
func (p *page) count(role, name string, n int) {
	p.t.Helper()
	p.until(fmt.Sprintf("there are %d of the %s %q", n, role, name), func(ctx context.Context) (bool, error) {
		found, err := p.all(ctx, role, name)
		return err == nil && len(found) == n, err
	})
}

// gone waits until there is no element of that role and name.
func (p *page) gone(role, name string) { p.t.Helper(); p.count(role, name, 0) }

// on calls a function of JavaScript with an element as this.
func on[T any](ctx context.Context, node cdp.BackendNodeID, function string, arguments ...any) (v T, err error) {
	o, err := chromedp.Call(ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: node})
	if err != nil {
		return v, err
	}
	promise := true
	return chromedp.Run(ctx, chromedp.CallFunctionOn[T](function, func(c *runtime.CallFunctionOnParams) {
		c.ObjectID, c.AwaitPromise = o.Object.ObjectID, &promise
	}, arguments...))
}

// point returns where a mouse hits an element, or nothing while it is hidden, disabled, moving or behind another.
const point = `async function() {
	this.scrollIntoView({block: "nearest"});
	const before = this.getBoundingClientRect();
	await new Promise(requestAnimationFrame);
	const r = this.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2, hit = document.elementFromPoint(x, y);
	return r.x === before.x && r.y === before.y && hit && this.contains(hit) && !this.disabled ? [x, y] : [];
}`

// click clicks the last button of that name with the mouse.
func (p *page) click(name string) { p.t.Helper(); p.clickOn("button", name, -1) }

// clickOn clicks an element with the mouse, as soon as nothing is in the way.
func (p *page) clickOn(role, name string, at int) {
	p.t.Helper()
	var where []float64
	p.until(fmt.Sprintf("a mouse can hit the %s %q", role, name), func(ctx context.Context) (bool, error) {
		node, ok, err := p.nth(ctx, role, name, at)
		if !ok {
			return false, err
		}
		where, err = on[[]float64](ctx, node, point)
		return len(where) == 2, err
	})
	p.do(chromedp.MouseClickXY(where[0], where[1]))
}

// fill types a text into the last field of that name, in place of what is there, and leaves the field.
func (p *page) fill(role, name, text string) {
	p.t.Helper()
	node := p.find(role, name)
	p.run(node, "function() { this.focus(); this.select() }")
	if text == "" {
		p.press("\b")
	} else {
		call(p, input.InsertText, input.InsertTextParams{Text: text})
	}
	p.run(node, "function() { this.blur() }")
}

// choose chooses the option with that text.
func (p *page) choose(name, option string) {
	p.t.Helper()
	p.run(p.find("combobox", name), `function(text) {
		const o = [...this.options].find((o) => o.text === text);
		if (!o) throw new Error("no option " + text);
		this.value = o.value;
		for (const e of ["input", "change"]) this.dispatchEvent(new Event(e, {bubbles: true}));
	}`, option)
}

// run calls a function of JavaScript with an element as this.
func (p *page) run(node cdp.BackendNodeID, function string, arguments ...any) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, *patience)
	defer cancel()
	_, err := on[chromedp.Void](ctx, node, function, arguments...)
	require.NoError(p.t, err)
}

// value returns the value of a field.
func (p *page) value(role, name string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, *patience)
	defer cancel()
	v, err := on[string](ctx, p.find(role, name), "function() { return this.value }")
	require.NoError(p.t, err)
	return v
}

// press presses keys.
func (p *page) press(keys string, modifiers ...chromedp.Modifier) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
}

// upload clicks a button and gives a file to the file chooser that it opens.
func (p *page) upload(button, file string) {
	p.t.Helper()
	p.click(button)
	select {
	case node := <-p.chooser:
		call(p, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{file}, BackendNodeID: node})
	case <-time.After(*patience):
		p.t.Fatalf("%q opens no file chooser", button)
	}
}

// download clicks a button and returns the file that it writes.
func (p *page) download(button string) (name string) {
	p.t.Helper()
	to := p.t.TempDir()
	call(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow,
		BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID, DownloadPath: to})
	p.click(button)
	p.until(button+" writes a file", func(context.Context) (bool, error) {
		found, err := filepath.Glob(filepath.Join(to, "*"))
		if len(found) != 1 || strings.HasSuffix(found[0], ".crdownload") {
			return false, err
		}
		name = found[0]
		return true, nil
	})
	return name
}

// size sets the size of the window.
func (p *page) size(width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height))
}

// A message is one of the conversation.
type message struct{ Who, Text string }

// messages is the conversation as JavaScript.
const messages = `[...document.querySelectorAll("[role=log] article")].map((a) => ({who: a.getAttribute("aria-label"), text: a.querySelector(".body") ? a.querySelector(".body").innerText.trim() : ""}))`

// messages returns the messages of the conversation.
func (p *page) messages() []message {
	p.t.Helper()
	var all []message
	require.NoError(p.t, json.Unmarshal(eval[[]byte](p, messages), &all))
	return all
}

// last is true in JavaScript if the last message is that of who with that text.
func last(who, text string) string {
	return fmt.Sprintf(`((m) => m && m.who === %s && m.text === %s)(%s.at(-1))`, quote(who), quote(text), messages)
}

// send sends a message.
func (p *page) send(text string) {
	p.t.Helper()
	p.fill("textbox", "Message", text)
	p.click("Send")
}

// answered waits until no answer is under way and the last one has that text.
func (p *page) answered(text string) {
	p.t.Helper()
	p.holds(last("Assistant", text))
	p.idle()
}

// idle waits until no answer is under way.
func (p *page) idle() {
	p.t.Helper()
	p.find("button", "Send")
	p.gone("button", "Stop")
}

// says waits until the page shows an error with that text.
func (p *page) says(text string) {
	p.t.Helper()
	p.holds(fmt.Sprintf(`[...document.querySelectorAll("[role=alert]")].some((e) => e.innerText.includes(%s))`, quote(text)))
}

// status waits until the page's status has that text.
func (p *page) status(text string) {
	p.t.Helper()
	p.holds(fmt.Sprintf(`document.querySelector("[role=status]").innerText.includes(%s)`, quote(text)))
}

// quote returns a text as JavaScript has it.
func quote(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(data)
}
