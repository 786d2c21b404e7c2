// Package cli is the command line of Gosling, with one command per file. The other files hold what commands share: exit codes,
// signals and progress.
//
// A command writes its result to standard output and everything else to standard error. The exit code is 0 on success, 1 for an
// error, 2 for a wrong command line, and 130 after Ctrl-C.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	urfave "github.com/urfave/cli/v2"

	calibrated "github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/checkpoint/adapter"
	"github.com/gosling-rwkv/gosling/checkpoint/dialect"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/dialog"
	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/cmdline"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Run runs the program and returns its exit code. args[0] is the program's own name.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runAt(time.Now, args, stdin, stdout, stderr)
}

// runAt is Run with a given clock.
func runAt(now clock.Clock, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	signal.Ignore(syscall.SIGPIPE) // a reader that closes the pipe causes EPIPE instead, so outputs are still cleaned up
	out, about := term.NewOutput(stdout), term.NewOutput(stderr)
	defer about.Close()
	defer out.Close()
	app := newApp(stdin, out, about)
	arranged, err := cmdline.Arrange(app, args)
	if err == nil {
		err = app.RunContext(clock.With(context.Background(), now), arranged)
	}
	return report(about, err)
}

// report prints the error, if it needs words, and returns its exit code.
func report(stderr io.Writer, err error) int {
	var usage *cmdline.UsageError
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return 0
	case errors.Is(err, context.Canceled):
		return 130
	case errors.As(err, &usage):
		printError(stderr, err)
		return 2
	default:
		printError(stderr, err)
		return 1
	}
}

func printError(w io.Writer, err error) {
	fmt.Fprintf(w, "gosling: %s\n", errorText(err))
	var h *hinted
	if errors.As(err, &h) {
		fmt.Fprintf(w, "hint: %s\n", h.hint)
	}
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(w, "hint: %s\n", hint)
	}
	var usage *cmdline.UsageError
	if errors.As(err, &usage) {
		fmt.Fprintf(w, "hint: see \"%s --help\"\n", usage.Command)
	}
}

// damagedHint is the hint for numbers that are not finite.
const damagedHint = "look for damaged weights with gosling inspect --check MODEL"

// hintFor returns a hint for an error, usually the flag that helps.
func hintFor(err error) string {
	if hint := fileHint(err); hint != "" {
		return hint
	}
	var unclear *dialect.Unclear
	var epsilon *convert.NoGroupNormError
	var threads *lm.ThreadsError
	var checkpoint *lm.CheckpointError
	var odd *tokenizer.UnknownError
	var device *lm.DeviceError
	var memory *lm.DeviceMemoryError
	var logit *sampler.LogitError
	var functions *dialog.NoFunctionsError
	var network *hub.NetworkError
	switch {
	case errors.As(err, &network) && network.Kept > 0:
		return units.Bytes(network.Kept) + " have arrived and are kept: the same command continues there"
	case errors.As(err, &network):
		return "downloads need a network; HF_ENDPOINT names a mirror"
	case errors.As(err, &functions):
		return "offer functions with --tools FILE"
	case errors.As(err, &odd):
		return "token ids still work: give them with --tokens, and print them with --ids"
	case errors.As(err, &checkpoint):
		return "convert the checkpoint first: gosling convert " + checkpoint.Path
	case errors.As(err, &unclear) && unclear.States:
		return "use --state-transpose for a state from web-rwkv or Ai00, --state-transpose=false for the layout of the authors' .pth files"
	case errors.As(err, &unclear):
		return "use --dialect web-rwkv for a model from web-rwkv or Ai00, --dialect pth for the layout of the authors' .pth files"
	case errors.As(err, &epsilon):
		return "use --group-norm-eps 64e-5 for a converted release; flash-linear-attention trains with 1e-5 (RWKV-6) or the head size times 1e-5 (RWKV-7)"
	case errors.As(err, &threads):
		return fmt.Sprintf("use --threads %d", threads.Most)
	case errors.As(err, &device):
		return "try --device cpu"
	case errors.As(err, &memory):
		return "try --gpu-layers N or --device cpu"
	case errors.As(err, &logit):
		return damagedHint
	}
	return ""
}

// fileHint returns a hint for the error of a file that is not what the command needs.
func fileHint(err error) string {
	var exists *atomicfile.ExistsError
	var quantized *quant.QuantizedError
	var matrix *quant.ImportanceError
	var unfinished *calibrated.UnfinishedError
	var part *convert.PartError
	var alpha *adapter.AlphaError
	var init *adapter.InitError
	switch {
	case errors.As(err, &exists):
		return "add --force to overwrite it"
	case errors.As(err, &quantized):
		return "add --allow-requantize to quantize it all the same, and lose more"
	case errors.As(err, &unfinished):
		return "finish it with the same gosling calibrate command and --resume"
	case errors.As(err, &matrix):
		return "make an importance matrix with gosling imatrix"
	case errors.As(err, &part) && part.State:
		return "use the state when its model runs with --state FILE, or merge it with gosling convert --merge-state FILE"
	case errors.As(err, &part):
		return "merge an adapter into its model with gosling convert --lora FILE"
	case errors.As(err, &alpha):
		return "give the alpha with --lora-alpha"
	case errors.As(err, &init):
		return "name this file with --lora-init, and the trained adapter with --lora"
	}
	return ""
}

// readerTime is how long a pipe's reader has after Ctrl-C to read the remaining output.
const readerTime = time.Second

// makeStoppable lets Ctrl-C end the wait for the reader of standard output, if that is a pipe.
func makeStoppable(ctx context.Context, stdout io.Writer) {
	out, ok := stdout.(*term.Output)
	f := term.File(stdout)
	if !ok || f == nil {
		return
	}
	if info, err := f.Stat(); err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0 {
		out.Redirect(infile.Output(ctx, f, readerTime))
	}
}

// errorText returns an error's message, shortened for a terminal.
func errorText(err error) string { return excerpt.Message(err) }

// misuse returns the error of a command with wrong arguments or flags.
func misuse(c *urfave.Context, format string, args ...any) error {
	return &cmdline.UsageError{Command: "gosling " + c.Command.Name, Reason: fmt.Sprintf(format, args...)}
}

// hinted is an error with a hint, which is printed on a line of its own.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// stoppedBy wraps an action so that the first of the signals cancels its context. The next signal ends the program at once.
func stoppedBy(signals ...os.Signal) func(urfave.ActionFunc) urfave.ActionFunc {
	return func(action urfave.ActionFunc) urfave.ActionFunc {
		return func(c *urfave.Context) error {
			ctx, stop := signal.NotifyContext(c.Context, signals...)
			defer stop()
			context.AfterFunc(ctx, stop)
			c.Context = ctx
			makeStoppable(ctx, c.App.Writer)
			return action(c)
		}
	}
}
