package cli

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/archive"
	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/keys"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/server"
	"github.com/gosling-rwkv/gosling/service"
	"github.com/gosling-rwkv/gosling/states"
)

func serveCommand() *urfave.Command {
	listening := []urfave.Flag{
		&urfave.StringSliceFlag{Name: "host", Usage: "listen at `ADDRESS`; one that other machines can reach needs keys; may be repeated", Value: urfave.NewStringSlice("127.0.0.1"), EnvVars: []string{"GOSLING_HOST"}},
		&urfave.IntFlag{Name: "port", Usage: "listen at port `N`; 0 picks a free one", Value: 8080, EnvVars: []string{"GOSLING_PORT"}},
		&urfave.PathFlag{Name: "tls-cert", Usage: "speak HTTPS with the certificate in `FILE`, which is read again when it changes"},
		&urfave.PathFlag{Name: "tls-key", Usage: "the certificate's key is in `FILE`"},
		&urfave.PathFlag{Name: "api-key-file", Usage: "clients need a key of `FILE`, which gosling key writes; GOSLING_API_KEY holds a single key instead"},
		&urfave.BoolFlag{Name: "insecure", Usage: "serve other machines without keys", DisableDefaultText: true},
		&urfave.StringSliceFlag{Name: "allowed-hosts", Usage: "also take requests for the host `NAME`; may be repeated"},
		&urfave.StringSliceFlag{Name: "cors-origins", Usage: "let pages from `ORIGIN` use the server, such as https://example.com; localhost stands for pages of this machine; may be repeated"},
		&urfave.BoolFlag{Name: "no-metrics", Usage: "do not serve /metrics", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "no-slots", Usage: "do not serve /slots", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "no-web", Aliases: []string{"no-webui"}, Usage: "do not serve the page", DisableDefaultText: true},
		&urfave.StringFlag{Name: "debug-addr", Usage: "serve Go's profiles at `ADDRESS`, such as 127.0.0.1:6060"},
	}
	sharing := []urfave.Flag{
		&urfave.StringFlag{Name: "alias", Aliases: []string{"a"}, Usage: "tell clients that the model's name is `NAME`", DefaultText: "the file's name"},
		&urfave.BoolFlag{Name: "strict-model", Usage: "refuse requests that name another model", DisableDefaultText: true},
		&urfave.IntFlag{Name: "slots", Aliases: []string{"parallel", "np"}, Usage: "generate up to `N` texts side by side; more take turns", Value: 8},
		&urfave.IntFlag{Name: "ctx-size", Aliases: []string{"c"}, Usage: "a prompt and its answer have at most `N` tokens together; 0 is no limit", Value: 0},
		&urfave.DurationFlag{Name: "latency", Usage: "a running answer waits at most `TIME` for the reading of others' prompts", Value: 200 * time.Millisecond},
		&urfave.Float64Flag{Name: "read-share", Usage: "prompts get the share `X` of the time while answers run", Value: 0.5},
		&urfave.IntFlag{Name: "queue", Usage: "take at most `N` requests at once, whether they run or wait", Value: 512},
		&urfave.DurationFlag{Name: "timeout", Usage: "an answer ends after `TIME` with what it has; 0 is never", Value: 10 * time.Minute},
		&urfave.DurationFlag{Name: "drain", Usage: "at the end, running requests may go on for `TIME`", Value: 30 * time.Second},
		&urfave.DurationFlag{Name: "sse-ping", Usage: "send a comment after `TIME` of silence in a stream", Value: 15 * time.Second},
		&urfave.BoolFlag{Name: "deterministic", Usage: "results do not depend on what else is computed, even if that takes one text at a time", DisableDefaultText: true},
		&urfave.Int64Flag{Name: "max-body", Usage: "the body of a request has at most `N` bytes", Value: api.MaxBody},
		&urfave.IntFlag{Name: "max-conns", Usage: "keep at most `N` connections open", Value: 4096},
	}
	memory := []urfave.Flag{
		&urfave.StringFlag{Name: "state-cache", Usage: "keep states of prompts and answers in `SIZE` of memory, such as 2GiB; 0 keeps none", DefaultText: "a quarter of what is free, at most 8GiB"},
		&urfave.StringFlag{Name: "state-memory", Usage: "the states of texts that wait for a slot take at most `SIZE`", Value: "1GiB"},
		&urfave.PathFlag{Name: "state-dir", Usage: "keep states that have names, and responses, in `FOLDER`", DefaultText: "in memory, until the end"},
		&urfave.DurationFlag{Name: "response-ttl", Usage: "keep responses for `TIME`", Value: archive.Life},
		&urfave.BoolFlag{Name: "log-prompts", Usage: "log what clients ask", DisableDefaultText: true},
		&urfave.StringFlag{Name: "log-format", Usage: "write the log as `FORMAT`: text or json", Value: "text"},
	}
	format := slices.DeleteFunc(templateFlags(), func(f urfave.Flag) bool { return f.Names()[0] == "tools" }) // requests bring their own
	return &urfave.Command{
		Name: "serve", Usage: "answer over HTTP", ArgsUsage: "MODEL",
		Description: `Serves a model to many clients at once: with OpenAI's interface, llama.cpp's, and states as resources of their own. Each
prompt that was read before is not read again. Ctrl-C stops it: running answers have the time of --drain.

Examples:
  gosling serve demo
  gosling serve model.gguf --port 9000 --slots 16
  gosling key new alice --file keys && gosling serve model.gguf --host 0.0.0.0 --api-key-file keys
  curl http://127.0.0.1:8080/v1/chat/completions -H "Content-Type: application/json" -d '{"messages": [{"role": "user", "content": "Hi"}]}'`,
		Flags:  slices.Concat(listening, sharing, memory, format, samplingFlags(-1), stateFlags(), modelFlags()),
		Action: serve,
	}
}

func serve(c *urfave.Context) error {
	if c.NArg() != 1 {
		return misuse(c, "want one model, not %d arguments", c.NArg())
	}
	p := serving{c: c}
	defer p.close()
	var err error
	if p.o, err = serverOptions(c); err != nil {
		return err
	}
	if p.f, err = formatFlags(c); err != nil {
		return err
	}
	if p.listeners, err = listen(c, &p.o); err != nil {
		return err
	}
	p.o.Load = p.load
	if p.o.Responses, err = archive.Open(archive.Options{Dir: responseFolder(c), Life: c.Duration("response-ttl"), Log: p.o.Log}); err != nil {
		return err
	}
	s, err := server.New(p.o)
	if err != nil {
		return err
	}
	if err := debugServer(c); err != nil {
		return err
	}
	return s.Serve(c.Context, p.listeners...)
}

// serving is a server and its model.
type serving struct {
	c         *urfave.Context
	o         server.Options
	f         chat.Format
	listeners []net.Listener
	model     *lm.Model
	served    *service.Model
}

// load loads the model while the server tells clients to wait.
func (p *serving) load(_ context.Context, ready func(*service.Model)) (err error) {
	name := p.c.Args().First()
	var loaded time.Duration
	if p.model, loaded, err = loadNamed(p.c, name); err != nil {
		return err
	}
	if err := settle(p.c, &p.f, p.model.Template()); err != nil {
		return err
	}
	p.f.Stops = stopStrings(p.c, p.f.Stops)
	o, err := serviceOptions(p.c, p.model, name, p.f, p.o.Log)
	if err != nil {
		return err
	}
	if p.served, err = service.New(p.model, o); err != nil {
		return err
	}
	ready(p.served)
	welcome(p.c, p.served, p.listeners, loaded)
	return nil
}

// close frees everything, in the order in which it is used.
func (p *serving) close() {
	if p.served != nil {
		p.served.Close()
	}
	if p.model != nil {
		p.model.Close()
	}
	if p.o.Responses != nil {
		p.o.Responses.Close()
	}
	for _, l := range p.listeners {
		l.Close()
	}
}

// welcome says where the server is, and what memory it may take.
func welcome(c *urfave.Context, m *service.Model, listeners []net.Listener, loaded time.Duration) {
	b := m.Memory()
	note(c, "%s is loaded after %.1f s. Memory: at most %s (model %s, %d slots %s, waiting texts %s, kept states %s, requests %s)", m.Kind(), loaded.Seconds(),
		units.Bytes(b.Sum()), units.Bytes(b.Model), m.Slots(), units.Bytes(b.Running), units.Bytes(b.Waiting), units.Bytes(b.Kept), units.Bytes(b.Requests))
	scheme := "http"
	if c.IsSet("tls-cert") {
		scheme = "https"
	}
	for _, l := range listeners {
		note(c, "listening at %s://%s", scheme, l.Addr())
	}
}

// serverOptions returns what the flags say about HTTP.
func serverOptions(c *urfave.Context) (o server.Options, err error) {
	o = server.Options{
		Insecure: c.Bool("insecure"), StrictModel: c.Bool("strict-model"), LogPrompts: c.Bool("log-prompts"), NoMetrics: c.Bool("no-metrics"), NoSlots: c.Bool("no-slots"), NoPage: c.Bool("no-web"), Hosts: c.StringSlice("allowed-hosts"), Origins: c.StringSlice("cors-origins"),
		MaxBody: c.Int64("max-body"), MaxConns: c.Int("max-conns"), Ping: c.Duration("sse-ping"), Drain: c.Duration("drain"),
	}
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	switch format := c.String("log-format"); format {
	case "text":
		o.Log = slog.New(slog.NewTextHandler(c.App.ErrWriter, options))
	case "json":
		o.Log = slog.New(slog.NewJSONHandler(c.App.ErrWriter, options))
	default:
		return o, misuse(c, "--log-format %q: want text or json", format)
	}
	if life := c.Duration("response-ttl"); life <= 0 {
		return o, misuse(c, "--response-ttl %v: want more than 0", life)
	}
	if cert, key := c.Path("tls-cert"), c.Path("tls-key"); (cert == "") != (key == "") {
		return o, misuse(c, "--tls-cert and --tls-key belong together")
	} else if cert != "" {
		o.TLS = &server.Certificate{File: cert, Key: key}
	}
	file, secret := c.Path("api-key-file"), os.Getenv("GOSLING_API_KEY")
	if file != "" || secret != "" {
		o.Keys, err = keys.NewRing(keys.Options{File: file, Secret: secret, Log: o.Log})
	}
	return o, err
}

// listen opens the addresses that the flags name.
func listen(c *urfave.Context, o *server.Options) ([]net.Listener, error) {
	port := c.Int("port")
	if port < 0 || port > 65535 {
		return nil, misuse(c, "--port %d: want 0 to 65535", port)
	}
	listeners, err := o.Listen(c.StringSlice("host"), port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &hinted{err, "choose another port with --port, or any free one with --port 0"}
	}
	if errors.Is(err, server.ErrOpen) {
		return nil, misuse(c, "%v: make keys with gosling key new NAME --file FILE and add --api-key-file FILE, or add --insecure", err)
	}
	return listeners, err
}

// serviceOptions returns what the flags say about the model's work.
func serviceOptions(c *urfave.Context, m *lm.Model, name string, f chat.Format, log *slog.Logger) (o service.Options, err error) {
	o = service.Options{
		Format: f, Log: log,
		Name:  cmp.Or(c.String("alias"), strings.TrimSuffix(name[strings.LastIndexAny(name, `/\`)+1:], ".gguf")),
		Slots: c.Int("slots"), IgnoreEnd: c.Bool("ignore-eos"), Context: c.Int("ctx-size"), Limit: max(0, c.Int("n-predict")), Timeout: c.Duration("timeout"),
		Schedule: sched.Options{
			Latency: c.Duration("latency"), ReadShare: c.Float64("read-share"), Queue: c.Int("queue"),
			Alone: c.Bool("deterministic") && !m.Exact(),
		},
	}
	switch {
	case o.Slots < 1 || o.Slots > 1024:
		return o, misuse(c, "--slots %d: want 1 to 1024", o.Slots)
	case o.Context < 0:
		return o, misuse(c, "--ctx-size %d: want 0 or more", o.Context)
	case o.Schedule.ReadShare <= 0 || o.Schedule.ReadShare > 1:
		return o, misuse(c, "--read-share %v: want more than 0 and at most 1", o.Schedule.ReadShare)
	}
	sampling, err := samplingOptions(c, m, f.Template)
	if err != nil {
		return o, err
	}
	if o.Sampling = &sampling; c.Int64("seed") >= 0 {
		o.Seed = &sampling.Seed
	}
	if o.Schedule.StateMemory, err = sizeFlag(c, "state-memory"); err != nil {
		return o, err
	}
	if c.IsSet("state-cache") {
		o.Cache, err = sizeFlag(c, "state-cache")
	} else {
		var free int64
		free, err = fit.FreeRAM()
		o.Cache = min(free/4, 8<<30)
	}
	if err != nil || c.Path("state-dir") == "" {
		return o, err
	}
	o.Names, err = states.OpenNames(states.NamesOptions{
		Model: o.Name, Layout: m.Layout(), Dir: c.Path("state-dir"), Log: log,
		Each: states.Limit{States: 1024}, All: states.Limit{Bytes: 32 << 30},
	})
	return o, err
}

// responseFolder returns where responses are kept, or an empty text for in memory.
func responseFolder(c *urfave.Context) string {
	if dir := c.Path("state-dir"); dir != "" {
		return filepath.Join(dir, "responses")
	}
	return ""
}

// sizeFlag returns a flag's number of bytes.
func sizeFlag(c *urfave.Context, name string) (int64, error) {
	n, err := fit.ParseMemory(c.String(name))
	if err != nil {
		return 0, misuse(c, "--%s: %v", name, err)
	}
	return n, nil
}

// debugServer serves Go's profiles, if a flag asks for them.
func debugServer(c *urfave.Context) error {
	address := c.String("debug-addr")
	if address == "" {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	note(c, "profiles at http://%s/debug/pprof/", l.Addr())
	go func() {
		if err := server.ServeDebug(c.Context, l); err != nil {
			note(c, "profiles: %v", err)
		}
	}()
	return nil
}
