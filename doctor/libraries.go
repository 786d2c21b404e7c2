package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/cpu"

	"github.com/gosling-rwkv/gosling/bindings"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/probe"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/lm"
)

// examineLibraries finds, opens and tests ggml and its devices.
func (o Options) examineLibraries(ctx context.Context, tell func(Check)) {
	g := ggml.Options{Folder: o.Options.Libraries, Device: "auto", CPUVariant: o.CPUVariant}
	where, err := ggml.Find(g)
	if err != nil {
		tell(Check{"libraries", Problem, OnFinding(o.NamedBy, err).Error(), adviceOnFinding(o.NamedBy, err)})
		return
	}
	if where == "" {
		where = "where the system's loader finds them"
	}
	tell(Check{Name: "libraries", Status: OK, Text: where})
	var said messages
	g.Log = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	lib, err := ggml.Open(g)
	if err != nil {
		tell(Check{"ggml", Problem, err.Error(), `fetch the pinned release with "gosling pull ggml", and unset GOSLING_GGML;
the prebuilt libraries for Linux need glibc: elsewhere build them with "make ggml-source"`})
		return
	}
	tell(Check{Name: "ggml", Status: OK, Text: "version " + lib.Version()})
	examineProcessor(lib, tell)
	for _, d := range lib.Devices() {
		o.examineDevice(ctx, lib, d, tell)
	}
	examineBackends(lib, said.lines(), tell)
}

// Found returns the folder of the libraries that the options find, or "".
func Found(o lm.Options) string {
	dir, _ := ggml.Find(ggml.Options{Folder: o.Libraries, Device: o.Device, CPUVariant: o.CPUVariant}) // an error means none
	return dir
}

// OnFinding adds a hint to an error of finding the libraries. named is the flag or variable that set their folder, or "". If that folder
// has no libraries, the error begins with named. If no place has libraries, the error says how to set a folder.
func OnFinding(named string, err error) error {
	var folder *ggml.FolderError
	switch {
	case errors.As(err, &folder) && named != "":
		return fmt.Errorf("%s: %w", named, err)
	case errors.Is(err, ggml.ErrNotFound):
		return fmt.Errorf("%w, by --ggml DIR or GOSLING_GGML; or fetch it:\n  %s", err, fetching())
	}
	return err
}

// fetching returns the line that fetches libraries for this platform.
func fetching() string {
	if bindings.Prebuilt(runtime.GOOS, runtime.GOARCH) == "" {
		return "make ggml-source"
	}
	return "gosling pull ggml"
}

// open opens the libraries for a device.
func (o Options) open(device string) (*ggml.Library, error) {
	o.Device = device
	lib, err := o.OpenLibrary()
	return lib, OnFinding(o.NamedBy, err)
}

// adviceOnFinding returns what to do about libraries that were not found, if the error does not say it.
func adviceOnFinding(named string, err error) string {
	switch {
	case errors.Is(err, ggml.ErrNotFound):
		return fmt.Sprintf("run %q, or use one of the other ways above; converting and inspecting need no libraries", fetching())
	case named == "--ggml":
		return `name another folder, or leave --ggml out to search the usual places`
	default:
		return `correct GOSLING_GGML, or unset it to search the usual places: unset GOSLING_GGML`
	}
}

// examineProcessor compares the features that the CPU build uses with those of the processor.
func examineProcessor(lib *ggml.Library, tell func(Check)) {
	features := lib.CPU().Features()
	build := lib.CPUVariant()
	if build == "" {
		build = "the only one there is"
	}
	k := Check{Name: "processor", Status: OK, Text: fmt.Sprintf("%s\nbuild: %s (%s)", lib.CPU().Description, build, strings.Join(features, " "))}
	uses := func(name string) bool { return slices.Contains(features, name) }
	switch {
	case cpu.X86.HasAVX2 && !uses("AVX2"), cpu.X86.HasAVX512F && !uses("AVX512"), cpu.ARM64.HasASIMDDP && !uses("DOTPROD"):
		k.Status, k.Advice = Warning, `this build does not use all of the processor's features, and could be several times as fast: take libraries with all builds ("gosling pull ggml"), or build them for this processor ("make ggml-source")`
	case runtime.GOARCH == "amd64" && !cpu.X86.HasAVX2:
		k.Status, k.Advice = Warning, "the processor has no AVX2, so models run several times slower than they could: take small ones"
	}
	tell(k)
}

// examineVariant tests the CPU build in the options with known results. It reports a check only if all results are right. The
// check holds the number of processor features that the build uses.
func (o Options) examineVariant(ctx context.Context, tell func(Check)) error {
	lib, err := o.open("cpu")
	if err != nil {
		return err
	}
	if err := probe.Device(ctx, lib, lib.CPU()); err != nil {
		return err
	}
	tell(Check{Name: lib.CPUVariant(), Status: OK, Text: strconv.Itoa(len(lib.CPU().Features()))})
	return nil
}

// rightVariant tests the other builds of the CPU backend. It returns the one that computes correctly and uses the most features
// of the processor, or "" if there is none.
func (o Options) rightVariant(ctx context.Context, lib *ggml.Library) string {
	best, most := "", -1
	for _, variant := range lib.CPUVariants() {
		if variant == lib.CPUVariant() {
			continue
		}
		o.CPUVariant = variant
		// A build that does not run here ends with an error. Its process prints nothing on standard output.
		_, _ = o.apart(ctx, Variant, func(k Check) {
			if n, err := strconv.Atoi(k.Text); err == nil && n > most {
				best, most = k.Name, n
			}
		})
	}
	return best
}

// examineDevice tests a device with known results.
func (o Options) examineDevice(ctx context.Context, lib *ggml.Library, d ggml.Device, tell func(Check)) {
	free, total := d.Memory()
	text := fmt.Sprintf("%s, computes correctly", d.Description)
	if d.Type != ggml.CPU {
		text += fmt.Sprintf("; %s free of %s", units.Bytes(free), units.Bytes(total))
	}
	if err := probe.Device(ctx, lib, d); err != nil {
		advice := fmt.Sprintf("update the driver, or leave the device out with --device cpu; models on %s would give wrong answers", d.Name)
		if d.Type == ggml.CPU {
			text = fmt.Sprintf("%s, build %s: %v", d.Description, lib.CPUVariant(), err)
			advice = adviceOnVariant(o.rightVariant(ctx, lib))
		} else {
			text = fmt.Sprintf("%s: %v", d.Description, err)
		}
		tell(Check{d.Name, Problem, text, advice})
		return
	}
	if d.Type == ggml.GPU && free < littleMemory {
		tell(Check{d.Name, Warning, text, "end the other programs that use it, or put few layers on it: --gpu-layers N"})
		return
	}
	tell(Check{Name: d.Name, Status: OK, Text: text})
}

// adviceOnVariant returns how to compute correctly on a processor whose CPU build computes wrongly.
func adviceOnVariant(right string) string {
	if right == "" {
		return `take other libraries: those of "make ggml", or built here with "make ggml-source"`
	}
	return fmt.Sprintf("use the build %s, which computes correctly here: --cpu-variant %s, or for all commands export GOSLING_CPU_VARIANT=%s", right, right, right)
}

// backendFile matches the libraries of the backends that need a driver.
var backendFile = regexp.MustCompile(`^(?:lib)?ggml-(vulkan|cuda|hip|sycl|metal)\.`)

// driverAdvice says what each backend needs.
var driverAdvice = map[string]string{
	"vulkan": "with a GPU: install its driver and the Vulkan loader (Debian, Ubuntu: libvulkan1 and mesa-vulkan-drivers, or NVIDIA's driver); without a GPU nothing is wrong: models run on the CPU",
	"cuda":   "with an NVIDIA GPU: install or update NVIDIA's driver, nvidia-smi shows whether it works; without a GPU nothing is wrong: models run on the CPU",
}

// examineBackends reports backends that found no device, and GPUs without a backend.
func examineBackends(lib *ggml.Library, log []string, tell func(Check)) {
	var there []string
	for _, file := range filesOf(lib.Dir()) {
		match := backendFile.FindStringSubmatch(file)
		if match == nil {
			continue
		}
		name := match[1]
		there = append(there, name)
		if _, err := lib.Device(name); err == nil {
			continue
		}
		advice, ok := driverAdvice[name]
		if !ok {
			advice = "install or update the driver of the GPU; without a GPU nothing is wrong: models run on the CPU"
		}
		tell(Check{name, Warning, "its library is installed, but finds no device" + reasonIn(log, name), advice})
	}
	if len(lib.Devices()) > 1 || len(there) > 0 {
		return
	}
	for _, gpu := range []struct{ file, target string }{{"/dev/nvidia0", "gosling pull ggml-cuda"}, {"/dev/dri/renderD*", "gosling pull ggml-vulkan"}} {
		if found, _ := filepath.Glob(gpu.file); len(found) > 0 {
			tell(Check{"GPU", Warning, found[0] + " exists, but these libraries are for the CPU only", "install libraries for it: " + gpu.target})
			return
		}
	}
}

func filesOf(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// reasonIn returns what ggml logged about a backend.
func reasonIn(log []string, backend string) string {
	for _, line := range log {
		if strings.Contains(strings.ToLower(line), backend) && !strings.Contains(line, "loaded ") {
			return ": " + line
		}
	}
	return ""
}

// messages keeps what ggml logs while it is opened. Drivers may log from threads of their own.
type messages struct {
	mu   sync.Mutex
	text strings.Builder
}

var messageText = regexp.MustCompile(`msg=("(?:[^"\\]|\\.)*"|\S+)`)

// Write keeps a line of a slog.TextHandler.
func (m *messages) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.Write(p)
}

func (m *messages) lines() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, match := range messageText.FindAllStringSubmatch(m.text.String(), -1) {
		all = append(all, strings.Trim(match[1], `"`))
	}
	return all
}
