package manual_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/manual"
)

func app() *urfave.App {
	return &urfave.App{
		Usage: "run models",
		Commands: []*urfave.Command{
			{
				Name: "run", Usage: "continue a prompt", ArgsUsage: "MODEL", Description: "Prints text.\n\nExamples:\n  gosling run m.gguf",
				Flags: []urfave.Flag{&urfave.IntFlag{Name: "n-predict", Aliases: []string{"n"}, Usage: "generate `N` tokens"}},
			},
			{Name: "help"}, {Name: "secret", Hidden: true},
		},
	}
}

func ExamplePages() {
	for name := range manual.Pages(app(), "gosling v1.0 (go1.26, linux/amd64)") {
		fmt.Println(name)
	}
	// Output:
	// gosling
	// gosling-run
}

func TestThePageOfACommand(t *testing.T) {
	for name, write := range manual.Pages(app(), "gosling v1.0 (go1.26, linux/amd64)") {
		var page strings.Builder
		require.NoError(t, write(&page))
		if name != "gosling-run" {
			assert.Contains(t, page.String(), ".SH COMMANDS\n.TP\n\\fBgosling\\-run\\fR(1)\ncontinue a prompt\n.SH OPTIONS")
			assert.NotContains(t, page.String(), "secret")
			continue
		}
		assert.Regexp(t, `^\.TH GOSLING\\-RUN 1 "[0-9-]*" "gosling v1\.0" "Gosling"\n`, page.String())
		for _, part := range []string{
			"\n.SH SYNOPSIS\n\\fBgosling run\\fR [\\fIflags\\fR] MODEL\n.SH DESCRIPTION\nPrints text.\n",
			"\n.TP\n\\fB\\-\\-n\\-predict\\fR \\fIN\\fR, \\fB\\-n\\fR \\fIN\\fR\ngenerate N tokens",
			"\n.SH EXAMPLES\n.nf\n.RS 4\ngosling run m.gguf\n.RE\n.fi\n",
		} {
			assert.Contains(t, page.String(), part)
		}
	}
}

func TestAPageThatCannotBeWritten(t *testing.T) {
	full := errors.New("no space left")
	for _, write := range manual.Pages(app(), "") {
		r, w := io.Pipe()
		require.NoError(t, r.CloseWithError(full))
		assert.ErrorIs(t, write(w), full)
		break
	}
}
