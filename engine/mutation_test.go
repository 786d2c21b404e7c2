package engine_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
)

// mutant is a GGUF file in pieces, which may be changed into one that no writer would write.
type mutant struct {
	keys    []gguf.KV
	tensors []piece
}

// piece is a tensor of a mutant. shift moves its place in the file, in bytes.
type piece struct {
	name  string
	typ   gguf.Type
	shape []int64
	data  []byte
	shift int64
}

// takeApart reads a file. Its contents may be used after it is closed.
func takeApart(f *gguf.File) *mutant {
	m := &mutant{keys: slices.Clone(f.Keys())}
	for _, t := range f.Tensors() {
		m.tensors = append(m.tensors, piece{name: t.Name, typ: t.Type, shape: t.Shape, data: slices.Clone(f.Data(t))})
	}
	return m
}

// clone is a copy whose lists may be changed, but not the slices in them.
func (m *mutant) clone() *mutant {
	return &mutant{slices.Clone(m.keys), slices.Clone(m.tensors)}
}

// run changes the file by a program: instructions of four bytes, an operation, its target and a choice of it.
func (m *mutant) run(program []byte) {
	for code := range slices.Chunk(program[:min(len(program), 64)], 4) {
		if len(code) < 4 || len(m.keys) == 0 || len(m.tensors) == 0 {
			return
		}
		operations[int(code[0])%len(operations)](m, int(code[1])|int(code[2])<<8, int(code[3]))
	}
}

// operations are the ways to change a file. The target is taken modulo the number of keys or of tensors.
var operations = []func(m *mutant, target, choice int){
	0: func(m *mutant, target, choice int) { m.key(target).Value = numbers[choice%len(numbers)] },
	1: func(m *mutant, target, choice int) { m.key(target).Value = retyped(m.key(target).Value, choice) },
	2: func(m *mutant, target, _ int) {
		m.keys = slices.Delete(m.keys, target%len(m.keys), target%len(m.keys)+1)
	},
	3: func(m *mutant, target, _ int) { m.keys = append(m.keys, *m.key(target)) },
	4: func(m *mutant, target, choice int) { m.key(target).Value = stretched(m.key(target).Value, choice) },
	5: func(m *mutant, target, choice int) { m.tensor(target).permute(choice) },
	6: func(m *mutant, target, choice int) { m.tensor(target).resize(choice) },
	7: func(m *mutant, target, choice int) { m.swap(target, target+choice+1) },
	8: func(m *mutant, target, choice int) { m.swapLayers(target) },
	9: func(m *mutant, target, _ int) {
		m.tensors = slices.Delete(m.tensors, target%len(m.tensors), target%len(m.tensors)+1)
	},
	10: func(m *mutant, target, _ int) { m.tensors = append(m.tensors, *m.tensor(target)) },
	11: func(m *mutant, target, choice int) { m.tensor(target).retype(choice) },
	12: func(m *mutant, target, choice int) { m.tensor(target).fill(choice) },
	13: func(m *mutant, target, choice int) { m.tensor(target).name += string(rune('a' + choice%26)) },
	14: func(m *mutant, target, choice int) { m.tensor(target).shift += int64(choice-128) * 4 },
}

func (m *mutant) key(i int) *gguf.KV  { return &m.keys[i%len(m.keys)] }
func (m *mutant) tensor(i int) *piece { return &m.tensors[i%len(m.tensors)] }
func (m *mutant) swap(i, j int)       { a, b := m.tensor(i), m.tensor(j); a.name, b.name = b.name, a.name }

// swapLayers swaps the names of a tensor of layer 0 and of the same one of layer 1.
func (m *mutant) swapLayers(i int) {
	other := strings.Replace(m.tensor(i).name, "blk.0.", "blk.1.", 1)
	if j := slices.IndexFunc(m.tensors, func(p piece) bool { return p.name == other }); j >= 0 {
		m.swap(i, j)
	}
}

// numbers are values that a key may get.
var numbers = []any{
	uint32(0), uint32(1), uint32(2), uint32(3), uint32(16), uint32(31), uint32(32), uint32(33), uint32(63), uint32(64), uint32(65),
	uint32(96), uint32(128), uint32(256), uint32(1 << 10), uint32(1 << 17), uint32(1 << 20), uint32(1<<31 - 1), uint32(1 << 31),
	uint32(math.MaxUint32), int32(-1), int32(math.MinInt32), int64(-1), int64(math.MaxInt64), uint64(math.MaxUint64), uint8(2), int8(-1),
	float32(0), float32(1), float32(-1), float32(1e-45), float32(1e-5), float32(0.5), float32(1e30), float32(math.MaxFloat32),
	float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.NaN(), 1e300,
}

// retyped is a value of another type.
func retyped(v any, choice int) any {
	switch choice % 8 {
	case 0:
		return "rwkv7"
	case 1:
		return true
	case 2:
		return []uint32{1, 2, 3}
	case 3:
		return []string{}
	case 4:
		return []float32{float32(math.NaN())}
	case 5:
		return float64(2)
	case 6:
		if n, ok := v.(uint32); ok {
			return uint64(n)
		}
		return []any{[]int32{1}, []int32{2}}
	}
	return ""
}

// stretched is a number one off, or an array or text that is too long or too short.
func stretched(v any, choice int) any {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Uint32:
		return v.(uint32) + uint32(choice%5) - 2
	case reflect.String:
		return []string{r.String() + r.String(), strings.ToUpper(r.String()), r.String()[:r.Len()/2]}[choice%3]
	case reflect.Slice:
		n := r.Len()
		switch choice % 5 {
		case 0:
			return r.Slice(0, 0).Interface()
		case 1:
			return r.Slice(0, n-min(n, 1)).Interface()
		case 2:
			return reflect.AppendSlice(r.Slice3(0, n, n), r.Slice(0, min(n, 1))).Interface()
		case 3:
			return r.Slice(n-n/2, n).Interface()
		default:
			return reflect.AppendSlice(r.Slice3(0, n, n), r).Interface()
		}
	}
	return v
}

// permute changes the order of the dimensions.
func (p *piece) permute(choice int) {
	p.shape = slices.Clone(p.shape)
	switch n := len(p.shape); choice % 4 {
	case 0:
		slices.Reverse(p.shape)
	case 1:
		if n > 1 {
			p.shape[0], p.shape[1] = p.shape[1], p.shape[0]
		}
	case 2:
		p.shape = append([]int64{1}, p.shape...)
	case 3:
		p.shape = append(p.shape, 1)
	}
}

// resize changes one dimension.
func (p *piece) resize(choice int) {
	if len(p.shape) == 0 {
		return
	}
	p.shape = slices.Clone(p.shape)
	d := &p.shape[choice%len(p.shape)]
	switch choice / 4 % 10 {
	case 0:
		*d--
	case 1:
		*d++
	case 2:
		*d *= 2
	case 3:
		*d /= 2
	case 4:
		*d = 1
	case 5:
		*d = 0
	case 6:
		*d = math.MaxInt32
	case 7:
		*d = -1
	case 8:
		*d += 32
	case 9:
		p.shape = p.shape[:len(p.shape)-1]
	}
	p.fit()
}

// retype gives the tensor a type of ggml, or one that there is none of.
func (p *piece) retype(choice int) {
	types := append(gguf.Types(), 4, 99)
	p.typ = types[choice%len(types)]
	p.fit()
}

// fit makes the data as long as type and shape say, if that is not much.
func (p *piece) fit() {
	size, err := p.typ.RowBytes(1)
	if len(p.shape) > 0 {
		size, err = p.typ.RowBytes(p.shape[0])
	}
	for _, n := range p.shape[min(1, len(p.shape)):] {
		size *= n
	}
	if err != nil || size < 0 || size > 1<<20 {
		return
	}
	data := make([]byte, size)
	for n := 0; n < len(data) && len(p.data) > 0; {
		n += copy(data[n:], p.data)
	}
	p.data = data
}

// fill makes all elements, or one, something else.
func (p *piece) fill(choice int) {
	data := slices.Clone(p.data)
	pattern := [][]byte{
		{0, 0, 0xc0, 0x7f}, {0, 0, 0x80, 0x7f}, {0, 0, 0x80, 0xff}, {0xff, 0xff, 0x7f, 0x7f}, {0, 0, 0, 0}, {1, 0, 0, 0}, // of F32
		{0, 0x7e}, {0, 0x7c}, {0xff, 0x7b}, {0xff}, {0, 0, 0x80, 0x3f}, {0, 0, 0x80, 0xbf}, // of F16; of any; 1 and -1
	}[choice/2%12]
	at, end := 0, len(data)
	if choice%2 == 1 {
		at, end = len(data)/2/4*4, min(len(data)/2/4*4+len(pattern), len(data))
	}
	for at < end {
		at += copy(data[at:end], pattern)
	}
	p.data = data
}

// bytes is the file.
func (m *mutant) bytes() []byte {
	le := binary.LittleEndian
	b := []byte("GGUF\x03\x00\x00\x00")
	text := func(s string) { b = append(le.AppendUint64(b, uint64(len(s))), s...) }
	b = le.AppendUint64(b, uint64(len(m.tensors)))
	b = le.AppendUint64(b, uint64(len(m.keys)))
	for _, kv := range m.keys {
		text(kv.Key)
		b = appendValue(b, reflect.ValueOf(kv.Value), true)
	}
	at := int64(0)
	for _, p := range m.tensors {
		text(p.name)
		b = le.AppendUint32(b, uint32(len(p.shape)))
		for _, n := range p.shape {
			b = le.AppendUint64(b, uint64(n))
		}
		b = le.AppendUint32(b, uint32(p.typ))
		b = le.AppendUint64(b, uint64(at+p.shift))
		at += int64(len(p.data)+31) / 32 * 32
	}
	align := func() { b = append(b, make([]byte, (32-len(b)%32)%32)...) }
	align()
	for _, p := range m.tensors {
		b = append(b, p.data...)
		align()
	}
	return b
}

// kindsOfValues are GGUF's numbers of the types of metadata.
var kindsOfValues = map[reflect.Kind]uint32{
	reflect.Uint8: 0, reflect.Int8: 1, reflect.Uint16: 2, reflect.Int16: 3, reflect.Uint32: 4, reflect.Int32: 5, reflect.Float32: 6,
	reflect.Bool: 7, reflect.String: 8, reflect.Slice: 9, reflect.Uint64: 10, reflect.Int64: 11, reflect.Float64: 12,
}

// appendValue appends a value of metadata, after its type if it has one of its own.
func appendValue(b []byte, v reflect.Value, typed bool) []byte {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if typed {
		b = binary.LittleEndian.AppendUint32(b, kindsOfValues[v.Kind()])
	}
	switch v.Kind() {
	case reflect.String:
		return append(binary.LittleEndian.AppendUint64(b, uint64(v.Len())), v.String()...)
	case reflect.Slice:
		element := kindsOfValues[v.Type().Elem().Kind()]
		if v.Type().Elem().Kind() == reflect.Interface {
			element = kindsOfValues[reflect.Slice]
		}
		b = binary.LittleEndian.AppendUint32(b, element)
		b = binary.LittleEndian.AppendUint64(b, uint64(v.Len()))
		for i := range v.Len() {
			b = appendValue(b, v.Index(i), false)
		}
		return b
	}
	var out bytes.Buffer
	_ = binary.Write(&out, binary.LittleEndian, v.Interface()) // a number of a fixed size
	return append(b, out.Bytes()...)
}
