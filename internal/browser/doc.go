// Package browser holds tests that drive the page of "gosling serve" in headless Chromium. It is a module of its own, so that no driver
// of browsers enters the program's. "make page" runs it.
package browser
