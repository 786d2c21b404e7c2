package models

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/lock"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
)

// Options say how a model is pulled. Store and Client must be set.
type Options struct {
	Store   Store
	Client  func(hub.Protocol) (*hub.Client, error) // returns the client for a hub
	Type    string                                  // of weights; empty is that of the name, or else DefaultType
	Keep    bool                                    // keep what was downloaded, for other programs
	Machine fit.Machine                             // where the model will run
	Write   quant.Options                           // how a converted model is written
	Program string                                  // its name and version, for the record
	Now     func() time.Time                        // nil is time.Now
}

// Events tell what Run does. Nil functions are not called.
type Events struct {
	Progress func(step string, done, total int64) // bytes of a step; a step ends when the next one begins
	Note     func(text string)                    // what the user should know
}

func (e Events) note(format string, args ...any) {
	if e.Note != nil {
		e.Note(fmt.Sprintf(format, args...))
	}
}

func (e Events) progress(step string) func(done, total int64) {
	return func(done, total int64) {
		if e.Progress != nil {
			e.Progress(step, done, total)
		}
	}
}

// Plan is what a pull will do.
type Plan struct {
	Name     Name
	Type     string     // of the result
	Files    []hub.File // what is downloaded
	Download int64      // bytes of the files that are not in the cache yet
	Convert  bool       // the files are a checkpoint
	Need     fit.Need   // of the result
	Runs     bool       // the machine has the memory for it
	Present  *Entry     // the same model, if the store has it already

	o       Options
	client  *hub.Client
	listing hub.Listing
	choice  choice
	mix     quant.Mix
}

// Prepare asks the hub what a name stands for and finds out what a pull of it will do. It downloads no weights.
func Prepare(ctx context.Context, text string, o Options) (*Plan, error) {
	n, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if n.place == nil {
		return nil, &MissingError{n, o.Store.Dir}
	}
	if o.Type != "" && n.Type != "" && !strings.EqualFold(o.Type, n.Type) {
		return nil, fmt.Errorf("%s is to have the type %s: name one type", n, o.Type)
	}
	p := &Plan{Name: n, o: o}
	if p.mix, err = quant.ParseMix(cmp.Or(o.Type, n.Type, DefaultType)); err != nil {
		return nil, err
	}
	if p.client, err = o.Client(n.place.protocol); err != nil {
		return nil, err
	}
	if p.listing, err = p.client.List(ctx, n.place.repo); err != nil {
		return nil, err
	}
	if p.choice, err = n.place.choose(p.listing, p.mix.Name); err != nil {
		return nil, err
	}
	p.Files, p.Convert, p.Type = p.choice.files, !p.choice.gguf, p.mix.Name
	if p.choice.gguf {
		p.Type = p.choice.typ // empty until the file is read
		if asked := cmp.Or(o.Type, n.Type); asked != "" && p.Type != "" && asked != p.Type {
			return nil, fmt.Errorf("%s: %s is %s, not %s: it is taken as it is", p.listing.Repo, p.choice.model.Path, p.Type, asked)
		}
	}
	if p.Present = p.present(); p.Present != nil {
		return p, nil
	}
	return p, p.measure()
}

// measure computes sizes and compares them with the machine.
func (p *Plan) measure() (err error) {
	var whole int64
	for _, f := range p.Files {
		whole += f.Size
		p.Download += f.Size - p.client.Arrived(p.listing.Repo, f)
	}
	size := whole
	if p.Convert {
		size = fit.Converted(whole, p.mix)
	}
	p.Need = fit.RoughNeed(p.o.Machine.Host, size)
	if m := p.Name.place.model; m != nil && p.Convert {
		if p.Need, err = m.Need(p.o.Machine.Host, p.mix); err != nil {
			return err
		}
	}
	p.Runs = p.o.Machine.Runs(p.Need)
	if p.Convert && !p.mix.Floating() && p.o.Write.Quantizer != nil { // before the download, and not after it
		if _, err := p.o.Write.Quantizer(); err != nil {
			return err
		}
	}
	return nil
}

// DiskError is the error of a disk that is too small.
type DiskError struct {
	Dir        string
	Need, Free int64
}

func (e *DiskError) Error() string {
	return fmt.Sprintf("%s: %s are needed there, and %s are free: make room, or choose another disk", e.Dir, units.Bytes(e.Need), units.Bytes(e.Free))
}

// room compares the disks with what a pull writes: the download in the cache, and the result in the store.
func (p *Plan) room() error {
	result := p.Need.Size
	if p.choice.gguf && !p.o.Keep {
		result = 0 // it is moved, on one disk
	}
	cache, err := fit.DiskOf(p.client.Cache())
	if err != nil {
		return nil // unknown; writing will tell
	}
	store, err := fit.DiskOf(p.o.Store.Dir)
	if err != nil {
		return nil
	}
	switch {
	case cache == store && cache.Free < p.Download+result:
		return &DiskError{p.o.Store.Dir, p.Download + result, cache.Free}
	case cache.Free < p.Download:
		return &DiskError{p.client.Cache(), p.Download, cache.Free}
	case cache != store && store.Free < p.Need.Size:
		return &DiskError{p.o.Store.Dir, p.Need.Size, store.Free}
	}
	return nil
}

// source describes what is downloaded.
func (p *Plan) source() *Source {
	return &Source{Hub: p.Name.place.protocol.Host(), Repository: p.listing.String(), Files: p.Files}
}

// present returns the entry that a pull would write again.
func (p *Plan) present() *Entry {
	found, err := p.o.Store.found(Name{Base: p.Name.Base, Type: p.Type})
	if err != nil {
		return nil
	}
	if e, err := p.o.Store.read(p.id()); err == nil { // by another name
		found = append(found, e)
	}
	want := p.source()
	for _, e := range found {
		if e.Source != nil && e.Source.Hub == want.Hub && e.Source.Repository == want.Repository && slices.Equal(e.Source.Files, want.Files) {
			return &e
		}
	}
	return nil
}

// notPlain replaces what names in the store are not made of.
var notPlain = strings.NewReplacer("/", "--", " ", "_", "%", "", ",", "_", "(", "", ")", "", "@", "_", "+", "_")

// id returns the name of the model's files in the store.
func (p *Plan) id() string {
	stem, _ := ending(p.choice.model.Path)
	stem = strings.TrimSuffix(partOf.ReplaceAllString(stem, ""), ".safetensors.index")
	if dir := path.Dir(p.choice.model.Path); dir != "." {
		stem = dir + "/" + stem
	}
	if typ := typeIn(p.choice.model.Path); p.choice.gguf && typ != "" && len(stem) > len(typ) && strings.EqualFold(stem[len(stem)-len(typ):], typ) {
		stem = strings.TrimRight(stem[:len(stem)-len(typ)], "-._")
	}
	id := p.listing.Owner + "--" + p.listing.Name + "--" + stem
	if p.Name.place.protocol == hub.ModelScope {
		id = "modelscope--" + id
	}
	id = strings.Map(func(r rune) rune {
		if r > 126 || r < 33 {
			return '_'
		}
		return r
	}, notPlain.Replace(id))
	if len(id) > 180 {
		sum := sha256.Sum256([]byte(id))
		id = id[:160] + hex.EncodeToString(sum[:6])
	}
	return id + "--" + cmp.Or(p.Type, "GGUF")
}

// Run pulls the model and returns its entry. Two Runs of one model wait for each other. If there is an error, nothing is left, except
// that the part of a download that a broken connection or the end of ctx cut short is kept for the next Run. If the disk is too small,
// the error is a *DiskError, and nothing is downloaded.
func (p *Plan) Run(ctx context.Context, on Events) (e Entry, err error) {
	if p.Present != nil {
		return p.named(ctx, *p.Present)
	}
	if err := p.room(); err != nil {
		return e, err
	}
	waiting := func() { on.note("another program pulls this model: waiting for it") }
	held, err := lock.Wait(ctx, p.o.Store.lockPath(p.id()), waiting)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, p.o.Store.free(held)) }()
	if other := p.present(); other != nil { // the other program is done
		return p.named(ctx, *other)
	}
	work := filepath.Join(p.o.Store.Dir, workPrefix+p.id())
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.RemoveAll(work); err != nil {
		return e, err
	}
	blobs, err := p.download(ctx, on)
	if err != nil {
		return e, err
	}
	model, err := p.arrange(work, blobs)
	if err == nil {
		e, err = p.make(ctx, model, on)
	}
	if err == nil {
		e.Source.Revision = cmp.Or(blobs[0].Commit, p.listing.Revision)
		e, err = p.record(ctx, e)
	}
	if err != nil {
		p.clean(e)
	}
	if err != nil && ctx.Err() != nil {
		return e, ctx.Err() // what was downloaded is kept for the next time
	}
	return e, errors.Join(p.explain(err, work), p.leave(blobs, err == nil))
}

// clean removes files that are in the store without a record.
func (p *Plan) clean(e Entry) {
	if _, err := os.Stat(filepath.Join(p.o.Store.Dir, p.id()+".json")); !errors.Is(err, os.ErrNotExist) {
		return
	}
	for _, f := range e.Files {
		_ = os.Remove(filepath.Join(p.o.Store.Dir, f.Name))
	}
}

// download downloads all files.
func (p *Plan) download(ctx context.Context, on Events) ([]hub.Blob, error) {
	var total, before int64
	for _, f := range p.Files {
		total += f.Size
	}
	var blobs []hub.Blob
	progress := on.progress("downloading " + p.choice.model.Path)
	for _, f := range p.Files {
		b, err := p.client.Fetch(ctx, p.listing.Repo, f, hub.Events{
			Progress: func(done, _ int64) { progress(before+done, total) },
			Waiting:  func() { on.note("another program downloads %s: waiting for it", f.Path) },
		})
		if err != nil {
			var kept *hub.NetworkError
			if ctx.Err() == nil && !errors.As(err, &kept) {
				err = errors.Join(err, p.leave(blobs, false))
			}
			return nil, err
		}
		before += f.Size
		blobs = append(blobs, b)
	}
	return blobs, nil
}

// workPrefix begins the names of the folders that arrange makes.
const workPrefix = ".work-"

// arrange makes a folder in which the files have their own names, and returns the path of the one that is opened. The folder has the
// name of the repository, because that becomes the name of a model whose file has none.
func (p *Plan) arrange(work string, blobs []hub.Blob) (model string, err error) {
	dir := filepath.Join(work, p.listing.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for _, b := range blobs {
		to, err := filepath.Abs(b.Path)
		if err != nil {
			return "", err
		}
		name := filepath.Join(dir, path.Base(b.File.Path))
		if err := os.Symlink(to, name); err != nil && os.Link(to, name) != nil {
			return "", err
		}
	}
	return filepath.Join(dir, path.Base(p.choice.model.Path)), nil
}

// make writes the model's files in the store.
func (p *Plan) make(ctx context.Context, model string, on Events) (Entry, error) {
	e := Entry{Type: p.Type, Pulled: p.now(), Program: p.o.Program, Source: p.source(), id: p.id()}
	if p.choice.gguf {
		return p.take(ctx, e, model, on)
	}
	o := convert.Options{Mix: p.mix, Write: p.o.Write}
	o.Write.Force, o.Write.Progress = true, on.progress("converting to "+p.Type)
	o.Write.Threads = cmp.Or(o.Write.Threads, min(runtime.GOMAXPROCS(0), mostThreads))
	r, err := convert.Run(ctx, model, filepath.Join(p.o.Store.Dir, e.id+".gguf"), o)
	if err != nil {
		return e, err
	}
	for _, n := range r.Notices {
		on.note("%s", n.Text)
	}
	part, err := hashed(ctx, r.Path, on.progress("checking"))
	e.Files = []Part{part}
	return e, err
}

// mostThreads bounds the threads that convert, each of which takes some MiB.
const mostThreads = 32

func (p *Plan) now() time.Time {
	if p.o.Now == nil {
		return time.Now().UTC().Truncate(time.Second)
	}
	return p.o.Now().UTC().Truncate(time.Second)
}

// hashed describes a file in the store.
func hashed(ctx context.Context, path string, progress func(done, total int64)) (Part, error) {
	f, err := os.Open(path)
	if err != nil {
		return Part{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Part{}, err
	}
	h := sha256.New()
	err = copyAll(ctx, h, f, info.Size(), progress)
	return Part{filepath.Base(path), info.Size(), hex.EncodeToString(h.Sum(nil))}, err
}

// copyAll copies until the end of r or of ctx.
func copyAll(ctx context.Context, w io.Writer, r io.Reader, total int64, progress func(done, total int64)) error {
	buffer := make([]byte, 1<<20)
	for done := int64(0); ; {
		n, err := r.Read(buffer)
		if _, err := w.Write(buffer[:n]); err != nil {
			return err
		}
		done += int64(n)
		progress(done, total)
		if errors.Is(err, io.EOF) {
			return ctx.Err()
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}

// take puts GGUF files into the store as they are.
func (p *Plan) take(ctx context.Context, e Entry, model string, on Events) (Entry, error) {
	f, err := gguf.Open(model)
	if err != nil {
		return e, err
	}
	paths := f.Paths()
	_, _, err = archs.Describe(f)
	e.Type = cmp.Or(e.Type, typeOf(f))
	if err := errors.Join(err, f.Close()); err != nil {
		return e, fmt.Errorf("%s: %w", p.choice.model.Path, err)
	}
	for i, from := range paths {
		to := filepath.Join(p.o.Store.Dir, e.id+".gguf")
		if len(paths) > 1 {
			to = filepath.Join(p.o.Store.Dir, fmt.Sprintf("%s-%05d-of-%05d.gguf", e.id, i+1, len(paths)))
		}
		file := p.Files[i]
		if err := p.place(ctx, file, from, to, on.progress("copying")); err != nil {
			return e, err
		}
		e.Files = append(e.Files, Part{filepath.Base(to), file.Size, file.SHA256})
	}
	return e, nil
}

// place moves a downloaded file into the store. It makes a second name for a file that stays in the cache, or a copy on another disk.
func (p *Plan) place(ctx context.Context, f hub.File, link, to string, progress func(done, total int64)) error {
	from, err := filepath.EvalSymlinks(link)
	if err != nil {
		return err
	}
	if !p.o.Keep && !p.client.Shown(p.listing.Repo, f) && os.Rename(from, to) == nil {
		return nil
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := atomicfile.Create(to, atomicfile.Options{Force: true})
	if err != nil {
		return err
	}
	defer out.Close()
	if err := copyAll(ctx, out, in, f.Size, progress); err != nil {
		return err
	}
	return out.Commit()
}

// named makes sure that a model that is in the store has the plan's name.
func (p *Plan) named(ctx context.Context, e Entry) (Entry, error) {
	if e.has(p.Name.Base) {
		return e, nil
	}
	return p.record(ctx, e)
}

// record gives the model its name, which an older release of it loses.
func (p *Plan) record(ctx context.Context, e Entry) (_ Entry, err error) {
	held, err := p.o.Store.names(ctx)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, p.o.Store.free(held)) }()
	if old, err := p.o.Store.read(e.id); err == nil {
		e.Names = old.Names
	}
	if !e.has(p.Name.Base) {
		e.Names = append([]string{p.Name.Base}, e.Names...)
	}
	if err := p.o.Store.write(e); err != nil {
		return e, err
	}
	older, err := p.o.Store.found(Name{Base: p.Name.Base, Type: e.Type})
	if err != nil {
		return e, err
	}
	for _, old := range older {
		if old.id != e.id {
			if _, err := p.o.Store.unname(old, p.Name.Base); err != nil {
				return e, err
			}
		}
	}
	return p.o.Store.read(e.id)
}

// leave keeps what was downloaded for other programs, or removes it.
func (p *Plan) leave(blobs []hub.Blob, good bool) error {
	var problems []error
	for _, b := range blobs {
		if good && p.o.Keep {
			_, err := p.client.Show(p.listing.Repo, b)
			problems = append(problems, err)
		} else {
			problems = append(problems, p.client.Drop(p.listing.Repo, b.File))
		}
	}
	return errors.Join(problems...)
}

// explain names the repository in an error, leaves out the folder in which the files were opened, and says what a full disk means.
func (p *Plan) explain(err error, work string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%s: no space left on the disk: nothing was kept; make room, or keep models on another disk", p.o.Store.Dir)
	}
	text := strings.ReplaceAll(err.Error(), filepath.Join(work, p.listing.Name)+string(filepath.Separator), "")
	return &pullError{err, p.listing.String() + ": " + text}
}

// pullError is an error with another text.
type pullError struct {
	error
	text string
}

func (e *pullError) Error() string { return e.text }
func (e *pullError) Unwrap() error { return e.error }
