// Command recording runs the program at a terminal and draws the final screen, for the README:
//
//	go run ./scripts/recording              # all pictures, into docs/img
//	go run ./scripts/recording chat         # only chat.svg
//
// It builds the program first and runs it in an empty folder, with ggml's libraries from third_party. The pictures follow the reader's
// light or dark colors.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "recording:", err)
		os.Exit(1)
	}
}

// scene is a picture: a command, and what is typed each time it waits for input.
type scene struct {
	name    string
	command string
	typed   []string
	waits   string // how the program shows that it waits for input
	columns int    // width of the terminal
}

const endOfInput = "\x04"

var scenes = []scene{
	{name: "run", columns: 80, command: `gosling run demo "ROMEO:" --n-predict 200 --seed 5`},
	{name: "chat", columns: 104, command: `gosling chat demo`, waits: "> ", typed: []string{
		"What is 17 + 25?\r", "Sort the words: pear apple fig\r", "Reverse the words: goose egg nest\r", "Complete the line: Made glorious summer by\r", endOfInput,
	}},
	{name: "compare", columns: 150, command: `gosling compare demo --types Q6_K,Q4_K_M,Q2_K --chunks 20 --no-speed`},
}

// longest is the maximum time for a scene.
const longest = 20 * time.Minute

func run(names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(scenes, func(s scene) bool { return s.name == name }) {
			return fmt.Errorf("no picture %q", name)
		}
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "recording-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	build := exec.Command("go", "build", "-o", filepath.Join(work, "bin", "gosling"), ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	for _, s := range scenes {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		screen, err := record(s, root, work)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		file := filepath.Join(root, "docs", "img", s.name+".svg")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, draw(s.command, screen.text()), 0o644); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, file)
	}
	return nil
}

// record runs a scene until the program ends.
func record(s scene, root, work string) (*screen, error) {
	empty, err := os.MkdirTemp(work, "")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("sh", "-c", "exec "+s.command)
	cmd.Dir = empty
	cmd.Env = []string{"HOME=" + empty, "TERM=xterm", "LANG=C.UTF-8", "GOSLING_GGML=" + filepath.Join(root, "third_party"),
		"PATH=" + filepath.Join(work, "bin") + ":/usr/bin:/bin"}
	t, err := start(cmd, s.columns)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	stop := time.AfterFunc(longest, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	shown := newScreen(s.columns)
	typed := s.typed
	buffer := make([]byte, 4096)
	for {
		n, err := t.Read(buffer)
		shown.write(buffer[:n])
		if err != nil {
			break // the program has ended
		}
		if len(typed) > 0 && strings.HasSuffix(shown.line(), s.waits) && shown.waiting(len(s.waits)) {
			if _, err := t.WriteString(typed[0]); err != nil {
				return nil, err
			}
			typed = typed[1:]
		}
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w:\n%s", s.command, err, strings.Join(shown.text(), "\n"))
	}
	if len(typed) > 0 {
		return nil, fmt.Errorf("%s ended before %q was typed:\n%s", s.command, typed[0], strings.Join(shown.text(), "\n"))
	}
	return shown, nil
}
