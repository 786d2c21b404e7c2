package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/internal/outfile"
)

// measuredOn returns what the flags of "compare" and "sensitivity" say about the base and its measurement.
func measuredOn(c *urfave.Context) (s compare.Setup, err error) {
	if c.IsSet("chunks") && c.Int("chunks") < 1 {
		return s, misuse(c, "--chunks %d: want 1 or more", c.Int("chunks"))
	}
	s = compare.Setup{Chunks: c.Int("chunks"), BaseLogits: c.Path("base-logits"), Work: c.Path("work"), Resume: c.Bool("resume")}
	s.Base.Name = c.Args().First()
	texts, err := textNames(c, s.Base.Name, c.StringSlice("text"))
	if err != nil {
		return s, err
	}
	for _, path := range texts {
		s.Texts = append(s.Texts, compare.Text{Path: path})
	}
	if len(s.Texts) == 0 {
		return s, misuse(c, "no text: name one with --text FILE")
	}
	for word := range strings.SplitSeq(c.String("context"), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < compare.MinContext {
			return s, misuse(c, "--context %q: want numbers from %d", word, compare.MinContext)
		}
		s.Contexts = append(s.Contexts, n)
	}
	return s, notStdout(c, "base-logits")
}

// logitsOutputs returns the files that --base-logits asks for.
func logitsOutputs(s *compare.Setup) []outfile.Output {
	var files []outfile.Output
	for _, path := range s.LogitsFiles() {
		files = append(files, outfile.Output{Path: path, Begun: true})
	}
	return files
}

// setUp adds the models' options, the text from standard input and the progress on standard error. end ends the progress.
func setUp(c *urfave.Context, s *compare.Setup) (end func(), err error) {
	if s.Importance, err = importance(c); err != nil {
		return nil, err
	}
	if s.Options, err = modelOptions(c); err != nil {
		return nil, err
	}
	if s.Base.Path, err = modelPath(c, s.Base.Name); err != nil {
		return nil, err
	}
	for i, text := range s.Texts {
		if text.Path == "-" {
			if s.Texts[i].Data, err = readWhole(c, "-", textLimit); err != nil {
				return nil, err
			}
		}
	}
	s.Progress, end = follow(c)
	return end, nil
}

// stopped adds how to resume to the error of a comparison that ended early, if there is anything to resume from.
func stopped(c *urfave.Context, err error) error {
	var left *compare.StoppedError
	if !errors.As(err, &left) {
		return advised(err)
	}
	advice := fmt.Sprintf("the measurements are kept in %s: run the same command with --resume to continue", left.Work)
	if c.Err() != nil { // the program then ends without a message
		fmt.Fprintf(c.App.ErrWriter, "gosling: %s\n", advice)
		return err
	}
	var already *hinted
	if err = advised(err); !errors.As(err, &already) {
		err = &hinted{err, advice}
	}
	return err
}

// advised adds the flags that help to an error of package compare.
func advised(err error) error {
	var (
		short    *compare.ShortError
		logits   *compare.BaseLogitsError
		disk     *compare.DiskError
		settings *compare.SettingsError
		none     *compare.NoTokenizerError
	)
	switch {
	case errors.As(err, &short):
		return &hinted{err, "take a longer text, or chunks of fewer tokens: two must fit"}
	case errors.As(err, &logits):
		return &hinted{err, "name another file with --base-logits, or remove this one"}
	case errors.As(err, &disk):
		return &hinted{err, "use fewer --chunks, or another disk with --work DIR or --base-logits FILE"}
	case errors.As(err, &settings):
		return &hinted{err, "use the same settings to resume, or leave --resume out to start over"}
	case errors.As(err, &none):
		return fmt.Errorf("%w: convert it again with --vocab", err)
	}
	return err
}

// warnOfNotes warns that the notes of a finished comparison could not be removed. The comparison still succeeds.
func warnOfNotes(c *urfave.Context, err error) {
	if err != nil {
		fmt.Fprintf(c.App.ErrWriter, "gosling: warning: the notes were not removed: %v\n", err)
	}
}
