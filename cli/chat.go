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

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/lineedit"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
)

// chatLimit is the default of --n-predict in chat, per answer.
const chatLimit = 2048

const chatHelp = `/reset           start from the beginning
/save FILE       save the state of the conversation
/load FILE       continue from a saved state of the same model
/think [MODE]    let a G1 model think first: off, fast or empty (no thoughts), on, low, medium, high;
                 without MODE, show the current one
/system [TEXT]   start over with this system prompt, or with none
/tool RESULT     give the model the result of its function call, and let it call the next function
/answer RESULT   the same, but let the model answer in words
/help            this list
/exit            leave, as Ctrl-D does
Ctrl-C stops an answer. Alt-Enter, a \ at the end of a line and """ around a text make messages of several lines, and
so does pasting. Put a blank before a message that begins with a slash.
`

func chatCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.BoolFlag{Name: "no-history", Usage: "neither read nor keep the messages that were typed in earlier conversations", DisableDefaultText: true},
		escapeFlag(),
	}
	return &urfave.Command{
		Name: "chat", Usage: "talk with a model", ArgsUsage: "MODEL",
		Description: `A conversation in the format that the model was trained on, found from its name and version, or in that of --template.
Messages can be edited with the keys of a shell: the arrow keys bring back earlier ones, and Ctrl-R searches them. If
standard input is not a terminal, each of its lines is a message, and the first error ends the conversation.

` + indent(chatHelp) + `
Examples:
  gosling chat demo
  gosling chat model.gguf
  gosling chat model.gguf --temp 0 --think fast
  gosling chat model.gguf --template raven --system "Alice knows everything about geese."
  printf 'What is a goose?\n/save goose.state\n' | gosling chat model.gguf`,
		Flags:  slices.Concat(flags, templateFlags(), samplingFlags(chatLimit), stateFlags(), modelFlags()),
		Action: runChat,
	}
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

func runChat(c *urfave.Context) error {
	if c.NArg() != 1 {
		return misuse(c, "want one model, not %d arguments", c.NArg())
	}
	f, err := formatFlags(c)
	if err != nil {
		return err
	}
	m, loaded, err := loadModel(c)
	if err != nil {
		return err
	}
	defer m.Close()
	if _, err := m.TextTokenizer(); err != nil {
		return err
	}
	if err := settle(c, &f, m.Template()); err != nil {
		return err
	}
	if !f.Chat {
		return misuse(c, "template %s is for single texts, not for a conversation: use gosling run", f.Name)
	}
	o, err := samplingOptions(c, m, f.Sampling)
	if err != nil {
		return err
	}
	from, err := newLines(c)
	if err != nil {
		return err
	}
	t := &talk{c: c, model: m, lines: from, loaded: loaded}
	if t.editor, _ = from.(*editedLines); t.editor != nil {
		defer t.editor.Close()
		t.interactive = true
	}
	if err := t.reading(f.Open(f.System), func(ctx context.Context) (err error) {
		t.Conversation, err = m.NewConversation(ctx, lm.ConversationOptions{
			Format: f, Sampling: &o, Stop: stopStrings(c, f.Stops), Limit: max(0, c.Int("n-predict")),
		})
		return err
	}); err != nil {
		return err
	}
	defer t.Close()
	return t.run()
}

// talk is a conversation with a person at the keyboard, or with a script.
type talk struct {
	*lm.Conversation
	c           *urfave.Context
	model       *lm.Model
	lines       lines
	editor      *editedLines // nil in a script
	interactive bool
	leaving     bool // the last message was Ctrl-C, and the next one leaves
	loaded      time.Duration
}

// run reads and answers messages until the input ends. In a script the first error ends the conversation. The exception is a
// model file that has changed: the remaining lines are still read, so that the script can save its conversation.
func (t *talk) run() error {
	unanswered := 0
	if t.c.Args().First() == demo.Name {
		fmt.Fprintln(t.c.App.ErrWriter, demo.About)
	}
	if t.interactive {
		fmt.Fprintln(t.c.App.Writer, "Talk to the model, or type /help. Ctrl-D leaves.")
	}
	for {
		text, err := t.nextLine()
		if errors.Is(err, io.EOF) || errors.Is(err, lineedit.ErrInterrupted) && t.leaving {
			return t.ended(unanswered)
		}
		if t.leaving = errors.Is(err, lineedit.ErrInterrupted); t.leaving {
			fmt.Fprintln(t.c.App.ErrWriter, "Ctrl-C again, Ctrl-D or /bye leaves.")
			continue
		}
		if err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(text, "/exit"), strings.HasPrefix(text, "/quit"), strings.HasPrefix(text, "/bye"):
			return t.ended(unanswered)
		case strings.HasPrefix(text, "/"):
			err = t.command(text)
		case strings.TrimSpace(text) != "":
			err = t.say(text)
		}
		if errors.Is(err, gguf.ErrChanged) {
			err = &hinted{err, "/save FILE keeps the conversation; continue it with an intact copy of the same model"}
			unanswered++
		} else if err != nil && (!t.interactive || t.c.Err() != nil) {
			return err
		}
		if err != nil {
			printError(t.c.App.ErrWriter, err)
		}
	}
}

// ended returns the error of a conversation in which some messages were not answered. A person has already seen the reason.
func (t *talk) ended(unanswered int) error {
	if unanswered == 0 || t.interactive {
		return nil
	}
	return fmt.Errorf("%s not answered: the model's file has changed", units.Count(unanswered, "message"))
}

// nextLine reads a line. If Ctrl-C arrives as a signal, it ends the program.
func (t *talk) nextLine() (string, error) {
	ctx, stop := signal.NotifyContext(t.c.Context, os.Interrupt)
	defer stop()
	return t.lines.Read(ctx, "")
}

// restart returns to the beginning.
func (t *talk) restart() error { return t.reading(t.Open(t.System), t.Reset) }

// reading runs read and shows its progress through text on a line.
func (t *talk) reading(text string, read func(context.Context) error) error {
	tokens, err := t.model.Encode(text)
	if err != nil {
		return err
	}
	line, ctx := reading(t.c.Context, t.c, "reading", len(tokens))
	defer line.End()
	return read(ctx)
}

// say sends a message and shows the answer. Ctrl-C stops the answer.
func (t *talk) say(text string) error {
	return t.answer(t.Ask(text, t.Start()), func(ctx context.Context, each func(chat.Part) error) (lm.Reply, error) {
		return t.Say(ctx, text, each)
	})
}

// answer shows the answer to a prompt as it arrives.
func (t *talk) answer(prompt string, say func(context.Context, func(chat.Part) error) (lm.Reply, error)) error {
	ctx, stop := signal.NotifyContext(t.c.Context, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, func() { // the second Ctrl-C ends the program
		if t.editor != nil {
			_ = t.editor.Close() // so that it leaves the terminal as it was
		}
		stop()
	})
	tokens, err := t.model.Encode(prompt)
	if err != nil {
		return err
	}
	line, ctx := reading(ctx, t.c, "reading", len(tokens))
	defer line.End()
	out := &chat.Printer{Out: term.Text(t.c.App.Writer)}
	r, err := say(ctx, func(p chat.Part) error {
		line.End()
		return out.Print(p)
	})
	line.End()
	if err == nil {
		err = out.End()
	}
	if t.c.Bool("verbose") {
		r.Times.WriteText(t.c.App.ErrWriter, t.loaded)
	}
	switch {
	case err != nil:
		return err
	case r.Cut:
		return t.tellOfCut(r)
	case t.Calls:
		warnOfCall(t.c, r.Start, r.Said)
	}
	return nil
}

// tellOfCut says why a turn is not part of the conversation.
func (t *talk) tellOfCut(r lm.Reply) error {
	what, advice := "answer", ""
	if chat.ForcesCall(r.Start) {
		what = "whole function call"
	}
	if r.Times.Reason == generate.Limit {
		advice = fmt.Sprintf(" of %d tokens, see --n-predict", t.Limit())
	}
	return t.tell("note: the model gave no %s (%s%s): the conversation continues without this turn\n", what, r.Times.Reason, advice)
}

// command runs a line that begins with a slash.
func (t *talk) command(text string) error {
	name, argument, _ := strings.Cut(text, " ")
	argument = strings.TrimSpace(argument)
	switch name {
	case "/help":
		return t.write(chatHelp)
	case "/reset":
		if err := t.restart(); err != nil {
			return err
		}
		return t.tell("back at the beginning\n")
	case "/save", "/load":
		return t.saveOrLoad(name, argument)
	case "/think":
		return t.setThink(argument)
	case "/system":
		t.System = argument
		if err := t.restart(); err != nil {
			return err
		}
		return t.tell("back at the beginning, with this system prompt\n")
	case "/tool", "/answer":
		return t.result(name, argument)
	default:
		return fmt.Errorf("unknown command %s: see /help, or put a blank before a message that begins with a slash", term.Visible(name))
	}
}

func (t *talk) setThink(name string) error {
	if name == "" {
		return t.tell("thinking is %s\n", t.Think.Name)
	}
	think, err := prompt.ParseThink(name)
	switch {
	case err != nil:
		return err
	case !t.Thinks && think.Start != "":
		return fmt.Errorf("this model cannot think: template %s does not support it", t.Name)
	}
	t.Think = think
	return t.tell("thinking is %s\n", t.Think.Name)
}

// result passes on the result of a function call.
func (t *talk) result(name, output string) error {
	if !t.Calls || output == "" {
		return fmt.Errorf("%s needs --tools and the result of a call", name)
	}
	return t.answer(prompt.Result(output), func(ctx context.Context, each func(chat.Part) error) (lm.Reply, error) {
		return t.Result(ctx, output, name == "/answer", each)
	})
}

func (t *talk) saveOrLoad(name, path string) error {
	if path == "" {
		return fmt.Errorf("%s needs the name of a file", name)
	}
	if name == "/save" {
		if err := t.Save(path); err != nil {
			return err
		}
		return t.tell("saved to %s after %d tokens\n", path, t.Tokens())
	}
	ctx, stop := signal.NotifyContext(t.c.Context, os.Interrupt)
	defer stop()
	if err := t.Load(ctx, path); errors.Is(err, context.Canceled) && t.interactive {
		return t.tell("nothing loaded\n")
	} else if err != nil {
		return err
	}
	return t.tell("continuing from %s after %d tokens\n", path, t.Tokens())
}

// write prints what the user asked for. tell prints what happened to standard error, so that it stays out of a script's answers.
func (t *talk) write(text string) error {
	_, err := io.WriteString(t.c.App.Writer, text)
	return err
}

func (t *talk) tell(format string, args ...any) error {
	_, err := fmt.Fprintf(t.c.App.ErrWriter, format, args...)
	return err
}
