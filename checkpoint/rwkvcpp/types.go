package rwkvcpp

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// elementType says how elements lie in the file: in blocks of so many, each taking so many bytes.
type elementType struct {
	name            string
	elements, bytes int64
	decode          func(dst []float32, block []byte) // nil for plain numbers
}

// dtype is what the elements are delivered as.
func (t elementType) dtype() checkpoint.DType {
	if t.name == "FP16" {
		return checkpoint.F16
	}
	return checkpoint.F32
}

// names are the types by number, those that cannot be read included.
var names = [...]string{"FP32", "FP16", "Q4_0", "Q4_1", "Q4_1_O", "Q4_2", "Q4_3", "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K"}

// types are those of version 101.
var types = map[string]elementType{
	"FP32": {"FP32", 1, 4, nil},
	"FP16": {"FP16", 1, 2, nil},
	"Q4_0": {"Q4_0", 32, 18, q40},
	"Q4_1": {"Q4_1", 32, 20, q41},
	"Q5_0": {"Q5_0", 32, 22, q50},
	"Q5_1": {"Q5_1", 32, 24, q51},
	"Q8_0": {"Q8_0", 32, 34, q80},
	"Q4_K": {"Q4_K", 256, 144, q4k},
	"Q5_K": {"Q5_K", 256, 176, q5k},
	"Q6_K": {"Q6_K", 256, 210, q6k},
}

// oldTypes are those of version 100 that lay otherwise: scales in 32 bits, and neighbours in one byte.
var oldTypes = map[string]elementType{
	"Q4_0": {"Q4_0", 32, 20, oldQ40},
	"Q4_1": {"Q4_1", 32, 24, oldQ41},
	"Q5_0": {"Q5_0", 32, 22, oldQ50},
	"Q5_1": {"Q5_1", 32, 24, oldQ51},
	"Q8_0": {"Q8_0", 32, 36, oldQ80},
	"Q4_K": {}, "Q5_K": {}, "Q6_K": {}, // came later
}

// typeOf finds a type by its number.
func typeOf(id, version uint32) (elementType, error) {
	if id >= uint32(len(names)) {
		return elementType{}, fmt.Errorf("has data type %d, the last known is %d (%s)", id, len(names)-1, names[len(names)-1])
	}
	name := names[id]
	t := types[name]
	if old, ok := oldTypes[name]; ok && version == 100 {
		t = old
	}
	switch {
	case t.elements != 0:
		return t, nil
	case name == "Q4_1_O" || name == "Q4_2" || name == "Q4_3":
		return t, fmt.Errorf("has data type %s, which rwkv.cpp removed in 2023: convert the FP16 or FP32 file of the same model, or the .pth", name)
	}
	return t, fmt.Errorf("has data type %s, which is not read in version %d: convert the FP16 or FP32 file of the same model, or the .pth", name, version)
}
