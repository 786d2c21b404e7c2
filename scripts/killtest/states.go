package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
	"github.com/gosling-rwkv/gosling/states"
)

// openStates opens a store of states in a folder, for a model of 270 KB a state.
func openStates(dir string) (*states.Names, engine.Layout, error) {
	c := rwkv.NewConfig("rwkv7")
	c.Layers, c.Embed, c.FFN, c.HeadSize, c.Vocab = 4, 256, 256, 64, 64
	layout := engine.NewLayout(v7.Arch(), c, [32]byte{1})
	names, err := states.OpenNames(states.NamesOptions{Model: "killtest", Layout: layout, Dir: dir, Memory: 1 << 20})
	return names, layout, err
}

// numbered returns a state whose numbers are all n, and which has read n tokens.
func numbered(l engine.Layout, n int) (*states.State, error) {
	snapshot, err := l.Tuned(func(string) ([]float32, error) { return make([]float32, 256*64), nil })
	if err != nil {
		return nil, err
	}
	snapshot.Tokens = int64(n)
	for _, part := range snapshot.State {
		for i := range part {
			part[i] = float32(n)
		}
	}
	return states.NewState(snapshot), nil
}

// number is the reverse of numbered.
func number(s *states.State) (int, error) {
	snapshot := s.Snapshot()
	n := int(snapshot.Tokens)
	for _, part := range snapshot.State {
		for _, x := range part {
			if x != float32(n) {
				return 0, fmt.Errorf("a state after %d tokens has the number %g", n, x)
			}
		}
	}
	return n, nil
}

// deed is a change of a store. The writer prints one before and after it does it.
type deed struct {
	verb, name, other string
	number            int
}

func (d deed) String() string { return fmt.Sprintf("%s %s %s %d", d.verb, d.name, d.other, d.number) }

func parseDeed(line string) (d deed, err error) {
	_, err = fmt.Sscanf(line, "%s %s %s %d", &d.verb, &d.name, &d.other, &d.number)
	return d, err
}

// apply does a deed in a map.
func (d deed) apply(kept map[string]int) {
	switch d.verb {
	case "put":
		kept[d.name] = d.number
	case "fork":
		kept[d.other] = kept[d.name]
	case "delete":
		delete(kept, d.name)
	}
}

// writeStates changes the store in a folder until it is killed. seed and first make its deeds and its states others than those of earlier
// writers.
func writeStates(dir string, seed uint64, first int, out io.Writer) error {
	names, layout, err := openStates(dir)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, 1))
	for n := first; ; n++ {
		d := deed{"put", fmt.Sprint("n", r.IntN(6)), fmt.Sprint("n", r.IntN(6)), n}
		if list := names.List(""); len(list) > 0 && r.IntN(2) == 0 {
			d.verb, d.name = []string{"fork", "delete"}[r.IntN(2)], list[r.IntN(len(list))].Name
		}
		fmt.Fprintln(out, d)
		if err := do(names, layout, d); err != nil {
			return err
		}
		fmt.Fprintln(out, "done")
	}
}

func do(names *states.Names, layout engine.Layout, d deed) error {
	switch d.verb {
	case "fork":
		_, err := names.Fork("", d.name, d.other, 0)
		return err
	case "delete":
		return names.Delete("", d.name)
	}
	s, err := numbered(layout, d.number)
	if err != nil {
		return err
	}
	defer s.Release()
	_, err = names.Put("", d.name, s, time.Duration(d.number%2)*time.Hour)
	return err
}

// runStates kills a writer again and again, and compares what is left with what the writer said that it had done.
func runStates(ctx context.Context, program string, kills int, seed uint64, output io.Writer) error {
	dir, err := os.MkdirTemp("", "killtest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, kept, deeds, undone := rand.New(rand.NewPCG(seed, 2)), map[string]int{}, 0, 0
	for killed := range kills {
		done, last, err := killWriter(ctx, program, dir, r.Uint64(), 1+deeds+killed, time.Duration(r.Int64N(int64(50*time.Millisecond))))
		if err != nil {
			return fmt.Errorf("writer %d: %w", killed, err)
		}
		for _, d := range done {
			d.apply(kept)
		}
		deeds += len(done)
		found, err := whatIsLeft(dir)
		if err != nil {
			return fmt.Errorf("after kill %d: %w", killed, err)
		}
		if !same(found, kept) && last != nil {
			undone++
			last.apply(kept) // it was done, and not reported
		}
		if !same(found, kept) {
			return fmt.Errorf("after kill %d: the store has %v, want %v; the last change was %v", killed, found, kept, last)
		}
	}
	if deeds == 0 {
		return errors.New("every writer was killed before it had done something: they are too slow on this machine")
	}
	fmt.Fprintf(output, "killed %d writers of states after %d changes, %d of them done and not reported: the store always opened, and had what was reported\n", kills, deeds, undone)
	return nil
}

func same(a, b map[string]int) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// killWriter starts a writer. It kills one half of them some time after their start, while they open the store, and the others some time
// after their first line. It returns the deeds that were done, and the one that was begun.
func killWriter(ctx context.Context, program, dir string, seed uint64, first int, after time.Duration) (done []deed, last *deed, err error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "-write", dir, "-seed", fmt.Sprint(seed), "-first", fmt.Sprint(first))
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if seed%2 == 0 {
		timer.Stop()
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if done == nil && last == nil && seed%2 == 0 {
			timer.Reset(after)
		}
		if lines.Text() == "done" {
			done, last = append(done, *last), nil
			continue
		}
		d, err := parseDeed(lines.Text())
		if err != nil {
			break // the line was cut short, so nothing had begun
		}
		last = &d
	}
	_ = cmd.Wait() // it was killed
	if said.Len() > 0 {
		return nil, nil, errors.New(said.String())
	}
	return done, last, ctx.Err()
}

// whatIsLeft opens a store and reads all states in it.
func whatIsLeft(dir string) (map[string]int, error) {
	names, _, err := openStates(dir)
	if err != nil {
		return nil, err
	}
	defer names.Close()
	found, bodies := map[string]int{}, map[states.ID]bool{}
	for _, n := range names.List("") {
		s, err := names.Hold("", n.Name)
		if err != nil {
			return nil, err
		}
		found[n.Name], err = number(s)
		s.Release()
		if err != nil {
			return nil, err
		}
		bodies[n.ID] = true
	}
	files, err := filepath.Glob(filepath.Join(dir, "bodies", "*"))
	if err != nil || len(files) != len(bodies) {
		return nil, fmt.Errorf("%d states have the files %s: %w", len(bodies), strings.Join(files, ", "), err)
	}
	return found, names.Close()
}
