package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/rounds"
	"github.com/gosling-rwkv/gosling/internal/served"
)

// side is one of the two servers.
type side struct {
	name, program string
	args          func(slots int) []string
}

func (o options) ours() side {
	return side{"gosling", o.gosling, func(slots int) []string {
		return slices.Concat([]string{"serve", "--threads", strconv.Itoa(o.threads), "--slots", strconv.Itoa(slots)}, strings.Fields(o.goslingArgs), []string{o.model})
	}}
}

func (o options) theirs() side {
	return side{"llama-server", o.peer, func(slots int) []string {
		return append([]string{"-m", o.model, "-t", strconv.Itoa(o.threads), "-np", strconv.Itoa(slots), "--no-webui", "-c", "65536"}, strings.Fields(o.peerArgs)...)
	}}
}

// slots is how many sequences a server computes side by side, except where 64 conversations share few.
const (
	slots    = 16
	fewSlots = 8
)

// compare measures both servers in turns. The results are the figures of each round.
func compare(ctx context.Context, o options, stderr io.Writer) (ours, theirs []figures, err error) {
	measure := func(s side, into *[]figures) func(int) error {
		return func(round int) error {
			fmt.Fprintf(stderr, "round %d of %d: %s\n", round+1, o.rounds, s.name)
			got, err := s.measure(ctx, o, round, stderr)
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", s.name, round+1, err)
			}
			*into = append(*into, got)
			return nil
		}
	}
	gosling := measure(o.ours(), &ours)
	err = rounds.InTurns(o.rounds, func(round int) error {
		if err := gosling(round); err != nil || !o.wants("throughput") || !slices.Contains(o.clients, 8) {
			return err
		}
		speed, err := o.bench(ctx, stderr)
		ours[len(ours)-1].add(ownBench, "tok/s", speed)
		return err
	}, measure(o.theirs(), &theirs))
	return ours, theirs, err
}

// ownBench is the figure of gosling bench.
const ownBench = "gosling bench --parallel 8"

// bench returns how many tokens per second gosling bench generates in eight sequences, with the time for reading their prompts, as clients see it.
func (o options) bench(ctx context.Context, stderr io.Writer) (float64, error) {
	cmd := exec.CommandContext(ctx, o.gosling, "bench", "--parallel", "8", "-p", "16", "-n", strconv.Itoa(wanted), "-r", "1", "-t", strconv.Itoa(o.threads), "-o", "json", o.model)
	cmd.Stderr = stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", cmd, err)
	}
	var results []struct {
		Time float64 `json:"t"` // of reading and generating, in seconds
	}
	if err := json.Unmarshal(out, &results); err != nil || len(results) != 1 || results[0].Time <= 0 {
		return 0, fmt.Errorf("%s: printed %q, want one result with t", cmd, out)
	}
	return 8 * wanted / results[0].Time, nil
}

// measure runs the server and takes the figures of the wanted bars.
func (s side) measure(ctx context.Context, o options, round int, stderr io.Writer) (figures, error) {
	var all figures
	err := s.with(ctx, slots, stderr, func(b *bench) error {
		b.round, b.options = round, o
		for _, bar := range bars {
			if o.wants(bar) {
				if err := b.cases(bar)(ctx, &all); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || !o.wants("turns") {
		return all, err
	}
	err = s.with(ctx, fewSlots, stderr, func(b *bench) error {
		b.round, b.options = round, o
		return b.conversations(ctx, &all)
	})
	return all, err
}

// with starts the server, warms it up, calls f and stops it.
func (s side) with(ctx context.Context, slots int, stderr io.Writer, f func(*bench) error) (err error) {
	var log served.Tail
	process, err := served.Start(ctx, &log, s.program, s.args(slots)...)
	if err == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = conversations
		b := &bench{Client: served.Client{URL: process.URL, HTTP: &http.Client{Transport: transport}}}
		if err = b.warmUp(ctx); err == nil {
			err = f(b)
		}
		transport.CloseIdleConnections() // llama-server waits for them when it is stopped
		err = errors.Join(err, process.Stop())
	}
	if err != nil {
		fmt.Fprint(stderr, log.String())
	}
	return err
}
