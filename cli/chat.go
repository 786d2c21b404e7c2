package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/prompt"
)

// chatLimit is how many tokens an answer has unless told otherwise.
const chatLimit = 2048

const chatHelp = `/reset           start from the beginning
/save FILE       save the state of the conversation
/load FILE       go on from a saved state, of the same model
/think [MODE]    let a G1 model think first: off, fast or empty (thoughts that are over), on, low, medium, high; or show
                 what is set
/system [TEXT]   begin again with this system text, or none
/tool RESULT     tell the model what its function call came to, for it to call the next function
/answer RESULT   the same, for it to answer in words
/help            this list
/exit            leave, as Ctrl-D and Ctrl-C do
Ctrl-C stops an answer. A message may be pasted with several lines; one that begins with a slash needs a blank in front.
`

func chatCommand() *urfave.Command {
	flags := []urfave.Flag{
		escapeFlag(),
	}
	return &urfave.Command{
		Name: "chat", Usage: "talk with a model", ArgsUsage: "MODEL",
		Description: `A conversation in the form that the model was trained on, found from its name and version, or --template's. Lines can be
edited, and the arrows bring back earlier ones. If standard input is no terminal each of its lines is a message, and the first error ends it.

` + indent(chatHelp) + `
Examples:
  gosling chat demo
  gosling chat model.gguf
  gosling chat model.gguf --temp 0 --think fast
  gosling chat model.gguf --template raven --system "Alice knows everything about geese."
  printf 'What is a goose?\n/save goose.state\n' | gosling chat model.gguf`,
		Flags:  slices.Concat(flags, templateFlags(), samplingFlags(chatLimit), stateFlags(), modelFlags()),
		Action: chat,
	}
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

func chat(c *urfave.Context) error {
	if c.NArg() != 1 {
		return misuse(c, "want one model, not %d arguments", c.NArg())
	}
	w, err := wordingFlags(c)
	if err != nil {
		return err
	}
	m, loaded, err := loadModel(c)
	if err != nil {
		return err
	}
	defer m.Close()
	vocab, err := vocabForText(m)
	if err != nil {
		return err
	}
	if err := w.settle(c, m, m.Template()); err != nil {
		return err
	}
	if !w.Chat {
		return misuse(c, "template %s is for single texts: use gosling run", w.Name)
	}
	o, err := w.options(c, vocab, nil)
	if err != nil {
		return err
	}
	session, err := m.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	v := &conversation{session: session, wording: w, options: o, errs: c.App.ErrWriter, now: clockOf(c)}
	t := &talk{conversation: v, c: c, lines: newLines(c), loaded: loaded}
	_, t.interactive = t.lines.(*terminalLines)
	return t.run()
}

// talk is a conversation with somebody at the keyboard, or a script.
type talk struct {
	*conversation
	c           *urfave.Context
	lines       lines
	interactive bool
	loaded      time.Duration
}

// run talks until the input ends. In a script the first error ends it. Only where the model's file has changed, the lines that
// follow are still obeyed, so that the script may save its conversation.
func (t *talk) run() error {
	if err := t.open(t.c.Context); err != nil {
		return err
	}
	unanswered := 0
	if t.c.Args().First() == demo.Name {
		fmt.Fprintln(t.c.App.ErrWriter, demo.About)
	}
	if t.interactive {
		fmt.Fprintln(t.c.App.Writer, "Talk to the model, or type /help. Ctrl-D leaves.")
	}
	for {
		text, err := t.nextLine()
		if errors.Is(err, io.EOF) {
			if t.interactive {
				fmt.Fprintln(t.c.App.Writer)
			}
			return t.ended(unanswered)
		}
		if err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(text, "/exit"), strings.HasPrefix(text, "/quit"):
			return t.ended(unanswered)
		case strings.HasPrefix(text, "/"):
			err = t.command(text)
		case strings.TrimSpace(text) != "":
			err = t.answer(message{text, t.start()})
		}
		if errors.Is(err, gguf.ErrChanged) {
			err = &hinted{err, "/save FILE keeps the conversation, to go on with a whole copy of the same model"}
			unanswered++
		} else if err != nil && (!t.interactive || t.c.Err() != nil) {
			return err
		}
		if err != nil {
			printError(t.c.App.ErrWriter, err)
		}
	}
}

// ended is how a conversation ends in which some messages were not answered. A person has seen why.
func (t *talk) ended(unanswered int) error {
	if unanswered == 0 || t.interactive {
		return nil
	}
	return fmt.Errorf("%s not answered: the model's file has changed", counted(unanswered, "message"))
}

// nextLine reads a line; Ctrl-C, where it is a signal, ends the program.
func (t *talk) nextLine() (string, error) {
	ctx, stop := signal.NotifyContext(t.c.Context, os.Interrupt)
	defer stop()
	return t.lines.Read(ctx)
}

// answer lets the model answer; Ctrl-C stops it.
func (t *talk) answer(asked message) error {
	ctx, stop := signal.NotifyContext(t.c.Context, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // the second one ends the program
	times := timing{now: clockOf(t.c)}
	r, err := t.ask(ctx, asked, term.Text(t.c.App.Writer), &times)
	if t.c.Bool("verbose") {
		times.loaded = t.loaded
		times.print(t.c.App.ErrWriter)
	}
	switch {
	case err != nil:
		return err
	case r.cut:
		return t.tellOfCut(asked, times.reason)
	case t.calls:
		warnOfCall(t.c, asked.start, r.said)
	}
	return nil
}

// tellOfCut says why a turn is not in the conversation.
func (t *talk) tellOfCut(asked message, why generate.Reason) error {
	what, advice := "answer", ""
	if forcesCall(asked.start) {
		what = "whole function call"
	}
	if why == generate.Limit {
		advice = fmt.Sprintf(" of %d tokens, see --n-predict", t.options.Limit)
	}
	return t.tell("note: the model came to no %s (%s%s): the conversation goes on without this turn\n", what, why, advice)
}

// command obeys a line that begins with a slash.
func (t *talk) command(text string) error {
	name, argument, _ := strings.Cut(text, " ")
	argument = strings.TrimSpace(argument)
	switch name {
	case "/help":
		return t.say(chatHelp)
	case "/reset":
		if err := t.open(t.c.Context); err != nil {
			return err
		}
		return t.tell("back at the beginning\n")
	case "/save", "/load":
		return t.saveOrLoad(name, argument)
	case "/think":
		return t.setThink(argument)
	case "/system":
		t.system = argument
		if err := t.open(t.c.Context); err != nil {
			return err
		}
		return t.tell("back at the beginning, with this system text\n")
	case "/tool", "/answer":
		return t.result(name, argument)
	default:
		return fmt.Errorf("unknown command %s: see /help, or put a blank in front of a message that begins with a slash", term.Visible(name))
	}
}

func (t *talk) setThink(name string) error {
	if name == "" {
		return t.tell("thinking is %s\n", t.think.Name)
	}
	think, err := prompt.ParseThink(name)
	switch {
	case err != nil:
		return err
	case !t.Thinks && think.Start != "":
		return fmt.Errorf("no thinking here: template %s", t.Name)
	}
	t.think = think
	return t.tell("thinking is %s\n", t.think.Name)
}

// result passes the result of a function call on. A request for thoughts is no part of it.
func (t *talk) result(name, result string) error {
	if !t.calls || result == "" {
		return fmt.Errorf("%s needs --tools and the result of a call", name)
	}
	start := t.start()
	if name == "/answer" {
		start = t.think
	}
	start.Request = ""
	return t.answer(message{prompt.Result(result), start})
}

func (t *talk) saveOrLoad(name, path string) error {
	if path == "" {
		return fmt.Errorf("%s needs the name of a file", name)
	}
	if name == "/save" {
		if err := t.save(path); err != nil {
			return err
		}
		return t.tell("saved to %s after %d tokens\n", path, t.session.Tokens())
	}
	ctx, stop := signal.NotifyContext(t.c.Context, os.Interrupt)
	defer stop()
	if err := t.load(ctx, path); errors.Is(err, context.Canceled) && t.interactive {
		return t.tell("nothing loaded\n")
	} else if err != nil {
		return err
	}
	return t.tell("going on from %s after %d tokens\n", path, t.session.Tokens())
}

// say writes what was asked for, tell what happened: to a person, not into the answers of a script.
func (t *talk) say(text string) error {
	_, err := io.WriteString(t.c.App.Writer, text)
	return err
}

func (t *talk) tell(format string, args ...any) error {
	_, err := fmt.Fprintf(t.c.App.ErrWriter, format, args...)
	return err
}
