// Package ggml is a typed, checked Go API for the ggml tensor library, which it loads at run time.
//
// Open finds and loads the shared libraries; the Library lists the Devices that can compute. To compute, make a Backend of each device, build
// a Graph from Tensors, and give both to a Scheduler, which can compute the graph again and again. Tensors that outlive a graph, such as
// weights, belong to a Context, which owns their headers, and lie in a Buffer, which owns their bytes. Backend, Graph, Scheduler, Context
// and Buffer have one owner, who calls Close.
//
// ggml's own checks abort the process. So the methods of Tensor check shapes, types and sizes first. A Graph keeps the first mistake, and
// later steps do nothing. Graph.Err returns the mistake.
//
// A Library and its Devices may be shared between goroutines. Everything else belongs to one at a time.
//
// Limits: only the operations that RWKV needs. Shapes are written fastest dimension first.
package ggml

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gosling-rwkv/gosling/bindings"
)

// Options say where Open looks for ggml and where ggml's messages go. The zero value looks in the usual places.
type Options struct {
	// Folder holds the libraries, or is laid out like third_party. If it is set, no other place is tried.
	Folder string
	// Beside is the folder whose own files and third_party folder are searched. Empty stands for the folder of the executable.
	Beside string
	// Device is the device that will be used, such as "vulkan0". If there are several bundles, Open takes one with the device's backend.
	// For "" and "auto" it takes the best bundle.
	Device string
	// CPUVariant names the build of the CPU backend to load, such as "haswell", instead of the best one for this processor.
	CPUVariant string
	Log        *slog.Logger // receives ggml's own messages. May be nil
}

// Library is the open ggml library. A process has only one. Goroutines may share it.
type Library struct {
	c       *bindings.Library
	bundle  bindings.Bundle
	devices []Device
	variant string
	quants  quantizers
}

// process holds what ggml itself keeps one of per process: its backends' registry and its log callback.
var process struct {
	mu  sync.Mutex
	lib *Library
	log *slog.Logger
}

// ErrNotFound is wrapped by the error of Open if none of the usual places has the libraries. The error lists the places.
var ErrNotFound = bindings.ErrNotFound

// FolderError is the error of a named folder that holds no libraries.
type FolderError = bindings.FolderError

// Find returns the folder of the libraries that Open would load. It is empty when only the system's loader knows it.
func Find(o Options) (string, error) {
	b, err := bindings.Find(o.places())
	return b.Dir, err
}

// places are where to look.
func (o Options) places() bindings.FindOptions {
	f := bindings.FindOptions{Dir: o.Folder, ExeDir: o.Beside, DataHome: dataHome()}
	if exe, err := os.Executable(); err == nil && f.ExeDir == "" {
		if exe, err = filepath.EvalSymlinks(exe); err == nil {
			f.ExeDir = filepath.Dir(exe)
		}
	}
	if device := strings.ToLower(o.Device); device != "auto" {
		f.Flavor = strings.TrimRight(device, "0123456789")
	}
	return f
}

// dataHome is where the user's programs keep their data (XDG Base Directory Specification).
func dataHome() string {
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return dir
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share")
	}
	return ""
}

// Open finds ggml, loads it with every backend beside it, and checks it. The library stays loaded until the process ends. A second Open
// returns the same Library, with the new Log.
func Open(o Options) (*Library, error) {
	bundle, err := bindings.Find(o.places())
	if err != nil {
		return nil, err
	}
	process.mu.Lock()
	defer process.mu.Unlock()
	process.log = o.Log
	if l := process.lib; l != nil {
		if o.CPUVariant != "" && o.CPUVariant != l.variant {
			return nil, fmt.Errorf("ggml is already open with its CPU backend for %s: a process can hold one, not also that for %s", l.variant, o.CPUVariant)
		}
		if l.bundle != bundle {
			return nil, fmt.Errorf("ggml is already open from %s: a process can hold one, not also that of %s", l.bundle.Dir, bundle.Dir)
		}
		return l, nil
	}
	c, err := bindings.Open(bundle)
	if err != nil {
		return nil, err
	}
	l := &Library{c: c, bundle: bundle}
	l.watchLog()
	if err := l.loadBackends(o.CPUVariant); err != nil {
		return nil, err
	}
	if bundle.Fallback != "" && !l.hasGPU() {
		c.LoadAllFromPath(bundle.Fallback)
	}
	if l.devices, err = l.listDevices(); err != nil {
		return nil, err
	}
	process.lib = l
	return l, nil
}

// loadBackends loads the bundle's backends, of those for the CPU the named one, or the best.
func (l *Library) loadBackends(cpuVariant string) error {
	switch {
	case cpuVariant != "":
		paths, err := l.bundle.Backends(cpuVariant)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if l.c.Load(path) == 0 && bindings.CPUVariant(path) == cpuVariant {
				return fmt.Errorf("%s: this processor lacks instructions that the build %q is made of: leave the choice to ggml, or name another of %s",
					l.bundle.Dir, cpuVariant, strings.Join(l.bundle.CPUVariants(), ", "))
			}
		}
	case l.bundle.Dir != "":
		l.c.LoadAllFromPath(l.bundle.BackendDir())
	}
	return nil
}

func (l *Library) hasGPU() bool {
	for i := range l.c.DevCount() {
		if t := l.c.DevType(l.c.DevGet(i)); t == bindings.DeviceGPU || t == bindings.DeviceIGPU {
			return true
		}
	}
	return false
}

// Version returns ggml's version, such as "0.25.1".
func (l *Library) Version() string { return l.c.Version }

// Dir returns the folder that the libraries were loaded from.
func (l *Library) Dir() string { return l.bundle.Dir }

// CPUVariant returns the name of the loaded build of the CPU backend, such as "haswell". It is empty if the bundle has only one build.
func (l *Library) CPUVariant() string { return l.variant }

// CPUVariants returns the names of all builds of the CPU backend in the bundle. Some of them may not run on this processor.
func (l *Library) CPUVariants() []string { return l.bundle.CPUVariants() }

// watchLog routes ggml's messages to the logger of the last Open and learns from them which CPU variant was loaded:
// ggml says so nowhere else. Called with process.mu held.
func (l *Library) watchLog() {
	levels := []slog.Level{slog.LevelDebug, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelInfo}
	l.c.LogTo(func(level int, text string) {
		text = strings.TrimSpace(text)
		if _, file, ok := strings.Cut(text, "loaded CPU backend from "); ok {
			l.variant = bindings.CPUVariant(file)
		}
		if process.log == nil || text == "" || strings.Trim(text, ".") == "" {
			return
		}
		if level < 0 || level >= len(levels) {
			level = 2
		}
		process.log.Log(context.Background(), levels[level], text, "from", "ggml")
	})
}
