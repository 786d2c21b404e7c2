package bindings

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Library is an open bundle of ggml's shared libraries. It stays open for the life of the process, because unloading is not safe:
// backends keep threads and pointers of their own.
type Library struct {
	Base
	Backends
	Registry
	Version string

	base uintptr
}

// knownVersions are the releases of ggml that these tables describe.
var knownVersions = []string{"0.23.", "0.24.", "0.25."}

// Open opens the bundle's libraries, binds their functions and checks the struct layouts. If a symbol is missing or the version
// is unknown, the error names it.
func Open(b Bundle) (*Library, error) {
	base, err := openLibrary(b.Base)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Base, err)
	}
	registry, err := openLibrary(b.Ggml)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Ggml, err)
	}
	l := &Library{base: base, Version: "of unknown version"}
	if err := bind(&l.Base, symbolsOf(base)); err != nil {
		if address, _ := symbolsOf(base)("ggml_version"); address != 0 {
			l.Version = l.Base.Version()
		}
		return nil, fmt.Errorf("%s: ggml %s %w: install the pinned release with \"make ggml\"", b.Base, l.Version, err)
	}
	l.Version = l.Base.Version()
	if !known(l.Version) {
		return nil, fmt.Errorf("%s: ggml %s is unknown (known: %s): it may lack functions or have other struct layouts; install the pinned release with \"make ggml\"",
			b.Base, l.Version, strings.Join(knownVersions, "x, ")+"x")
	}
	if err := bind(&l.Backends, symbolsOf(base)); err != nil {
		return nil, fmt.Errorf("%s: ggml %s %w", b.Base, l.Version, err)
	}
	if err := bind(&l.Registry, symbolsOf(registry)); err != nil {
		return nil, fmt.Errorf("%s: ggml %s %w", b.Ggml, l.Version, err)
	}
	if err := l.checkLayouts(); err != nil {
		return nil, fmt.Errorf("%s: ggml %s: %w: install the pinned release with \"make ggml\"", b.Base, l.Version, err)
	}
	l.TimeInit()
	return l, nil
}

func known(version string) bool {
	for _, v := range knownVersions {
		if strings.HasPrefix(version, v) {
			return true
		}
	}
	return false
}

func symbolsOf(handle uintptr) func(string) (uintptr, error) {
	return func(symbol string) (uintptr, error) { return lookup(handle, symbol) }
}

// checkLayouts checks the structs that cross the border by field: C must read what Go wrote, and the reverse.
func (l *Library) checkLayouts() error {
	const size = 1 << 16
	c := l.Init(InitParams{MemSize: size, NoAlloc: true})
	if c == 0 {
		return fmt.Errorf("ggml_init returned no context")
	}
	defer l.Base.Free(c)
	if l.GetMemSize(c) != size || !l.GetNoAlloc(c) {
		return fmt.Errorf("struct ggml_init_params has an unknown layout")
	}
	var p ThreadpoolParams
	p.CPUMask[0], p.CPUMask[511], p.StrictCPU, p.Paused = true, true, true, true
	l.ThreadpoolParamsInit(&p, 7)
	if p.CPUMask[0] || p.CPUMask[511] || p.Threads != 7 || p.Poll > 100 || p.StrictCPU || p.Paused {
		return fmt.Errorf("struct ggml_threadpool_params has an unknown layout")
	}
	return nil
}

// Props returns the properties of a device. It first checks the struct's layout by its name, type and description.
func (l *Library) Props(d Device) (DeviceProps, error) {
	var p DeviceProps
	l.DevGetProps(d, &p)
	if GoString(p.Name) != l.DevName(d) || GoString(p.Description) != l.DevDescription(d) || p.Type != l.DevType(d) {
		return p, fmt.Errorf("struct ggml_backend_dev_props of ggml %s has an unknown layout", l.Version)
	}
	return p, nil
}

// CPUFunctions binds the functions that the backend of device d returns by name.
func (l *Library) CPUFunctions(d Device) (*CPU, error) {
	var c CPU
	reg := l.DevReg(d)
	err := bind(&c, func(symbol string) (uintptr, error) { return l.RegProcAddress(reg, symbol), nil })
	if err != nil {
		return nil, fmt.Errorf("backend %s of ggml %s %w", l.RegName(reg), l.Version, err)
	}
	return &c, nil
}

// Address returns the address of a C function in libggml-base, to pass to C as a callback. It returns 0 if there is no such
// function.
func (l *Library) Address(symbol string) uintptr {
	address, err := lookup(l.base, symbol)
	if err != nil {
		return 0
	}
	return address
}

// Dequantizer returns dequantize_row_NAME(const void * x, float * y, int64_t k) for a type such as "q4_K". ok reports whether
// libggml-base exports it.
func (l *Library) Dequantizer(name string) (f func(x, y unsafe.Pointer, k int64), ok bool) {
	address := l.Address("dequantize_row_" + name)
	if address == 0 {
		return nil, false
	}
	purego.RegisterFunc(&f, address)
	return f, true
}

// LogTo sends ggml's log lines to f. C keeps the callback for the life of the process, so call LogTo only once.
func (l *Library) LogTo(f func(level int, text string)) {
	l.LogSet(purego.NewCallback(func(level, text, _ uintptr) uintptr {
		f(int(level), GoString(*(**byte)(unsafe.Pointer(&text))))
		return 0
	}), 0)
}

// GoString copies a C string. NULL gives "".
func GoString(p *byte) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}
