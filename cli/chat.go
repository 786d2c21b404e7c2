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

	"gosling/generate"
	"gosling/prompt"
	"gosling/sampler"
)

// chatLimit is how many tokens an answer has unless told otherwise.
const chatLimit = 2048

const chatHelp = `/reset           start from the beginning
/save FILE       save the state of the conversation
/load FILE       go on from a saved state, of the same model
/think [MODE]    let the model think first: off, on, fast (empty thoughts), bit, some, lot; or show what is set
/help            this list
/exit            leave, as Ctrl-D and Ctrl-C do
Ctrl-C stops an answer. A message may be pasted with several lines; one that begins with a slash needs a blank in front.
`

func chatCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.StringFlag{Name: "system", Usage: "begin with the system's `TEXT`"},
		&urfave.StringFlag{Name: "think", Usage: "let the model think first: `MODE` off, on, fast, empty, bit, some or lot", Value: "off"},
		escapeFlag(),
	}
	return &urfave.Command{
		Name: "chat", Usage: "talk with a model", ArgsUsage: "MODEL",
		Description: `A conversation in the form that RWKV's chat models know (User: ..., Assistant: ...). Lines can be edited, and the arrows
bring back earlier ones. If standard input is no terminal each of its lines is a message, and the first error ends it.

` + indent(chatHelp) + `
Examples:
  gosling chat model.gguf
  gosling chat model.gguf --temp 0 --think fast
  printf 'What is a goose?\n/save goose.state\n' | gosling chat model.gguf`,
		Flags:  slices.Concat(flags, samplingFlags(sampler.ChatDefaults(), chatLimit), modelFlags()),
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
	think, err := prompt.ParseThink(c.String("think"))
	if err != nil {
		return misuse(c, "--think: %v", err)
	}
	begin := time.Now()
	m, err := openModel(c, c.Args().First())
	if err != nil {
		return err
	}
	defer m.Close()
	vocab, err := vocabForText(m)
	if err != nil {
		return err
	}
	s, err := newSampler(c, vocab, sampler.ChatDefaults())
	if err != nil {
		return err
	}
	session, err := m.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	template := prompt.QA()
	v := &conversation{
		session: session, template: template, system: argumentText(c, c.String("system")), think: think,
		options: generate.Options{Vocab: vocab, Sampler: s, Stop: stopStrings(c, template.Stops), Limit: max(0, c.Int("n-predict"))},
	}
	t := &talk{conversation: v, c: c, lines: newLines(c.App.Reader, c.App.Writer), loaded: time.Since(begin)}
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

func (t *talk) run() error {
	if err := t.open(t.c.Context); err != nil {
		return err
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
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(text, "/exit"), strings.HasPrefix(text, "/quit"):
			return nil
		case strings.HasPrefix(text, "/"):
			err = t.command(text)
		case strings.TrimSpace(text) != "":
			err = t.answer(text)
		}
		if err != nil && (!t.interactive || t.c.Err() != nil) {
			return err
		}
		if err != nil {
			printError(t.c.App.ErrWriter, err)
		}
	}
}

// nextLine reads a line; Ctrl-C, where it is a signal, ends the program.
func (t *talk) nextLine() (string, error) {
	ctx, stop := signal.NotifyContext(t.c.Context, os.Interrupt)
	defer stop()
	return t.lines.Read(ctx)
}

// answer lets the model answer; Ctrl-C stops it.
func (t *talk) answer(text string) error {
	ctx, stop := signal.NotifyContext(t.c.Context, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // the second one ends the program
	times := timing{}
	err := t.ask(ctx, text, t.c.App.Writer, &times)
	if t.c.Bool("verbose") {
		times.loaded = t.loaded
		times.print(t.c.App.ErrWriter)
	}
	return err
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
		if argument != "" {
			think, err := prompt.ParseThink(argument)
			if err != nil {
				return err
			}
			t.think = think
		}
		return t.tell("thinking is %s\n", t.think.Name)
	default:
		return fmt.Errorf("unknown command %s: see /help, or put a blank in front of a message that begins with a slash", name)
	}
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
	if err := t.load(path); err != nil {
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
