// Package bindings holds ggml's C functions as tables of Go functions. It finds the shared libraries and opens them at run time.
// It is the only package that imports purego. It does not check arguments: package ggml does.
//
// Each table follows one of ggml's headers, in the header's order, with the C signature next to each entry. C structs are opaque
// handles. The few structs that Go reads or fills by field are checked against the library: InitParams and ThreadpoolParams in
// Open, DeviceProps in Props.
package bindings

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/ebitengine/purego"
)

// Handles of C objects. The zero value is NULL.
type (
	Context    uintptr // struct ggml_context *
	Tensor     uintptr // struct ggml_tensor *
	Graph      uintptr // struct ggml_cgraph *
	Reg        uintptr // ggml_backend_reg_t
	Device     uintptr // ggml_backend_dev_t
	Backend    uintptr // ggml_backend_t
	Buffer     uintptr // ggml_backend_buffer_t
	BufferType uintptr // ggml_backend_buffer_type_t
	Sched      uintptr // ggml_backend_sched_t
	Threadpool uintptr // ggml_threadpool_t
	Allocator  uintptr // ggml_gallocr_t
)

// Status is enum ggml_status.
type Status int32

// The results of a computation.
const (
	StatusAllocFailed Status = -2
	StatusFailed      Status = -1
	StatusSuccess     Status = 0
	StatusAborted     Status = 1
)

// DeviceType is enum ggml_backend_dev_type.
type DeviceType int32

// The kinds of devices.
const (
	DeviceCPU DeviceType = iota
	DeviceGPU
	DeviceIGPU
	DeviceAccel
)

// BufferUsage is enum ggml_backend_buffer_usage.
type BufferUsage int32

// What a buffer is for. The scheduler runs an operation where its weights are.
const (
	UsageAny BufferUsage = iota
	UsageWeights
)

// bind sets the functions of table to the addresses that lookup finds. table points to a struct of function fields tagged
// `c:"symbol"` or `c:"symbol,optional"`. The error names every required symbol that is missing. A missing optional function stays
// nil.
func bind(table any, lookup func(symbol string) (uintptr, error)) error {
	v := reflect.ValueOf(table).Elem()
	var missing []string
	for i := range v.NumField() {
		symbol, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("c"), ",")
		address, err := lookup(symbol)
		switch {
		case err == nil && address != 0:
			purego.RegisterFunc(v.Field(i).Addr().Interface(), address)
		case option != "optional":
			missing = append(missing, symbol)
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("lacks %s", strings.Join(missing, ", "))
}
