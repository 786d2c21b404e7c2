package pth

import (
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// global is a name that a pickle may ask for. It stands for one of our own functions, a storage class or a dtype.
type global struct {
	name  string                             // with its module: "torch.FloatStorage"
	call  func(*decoder, tuple) (any, error) // of a function
	class bool                               // it is a storage class,
	dtype checkpoint.DType                   // of this type; 0 for bytes without one
}

// globals are all the names there are, by module and name. Beside the tensors they are what PyTorch's own safe loading
// (weights_only) takes, and a few classes that hold nothing but data: their objects are kept as opaque ones.
var globals = map[[2]string]*global{
	{"collections", "OrderedDict"}:                    {call: newDict},
	{"collections", "defaultdict"}:                    {call: newDict},
	{"collections", "Counter"}:                        {call: newOpaque("a Counter")},
	{"torch._utils", "_rebuild_tensor"}:               {call: rebuildTensor},
	{"torch._utils", "_rebuild_tensor_v2"}:            {call: rebuildTensor},
	{"torch._utils", "_rebuild_tensor_v3"}:            {call: rebuildUntyped},
	{"torch._utils", "_rebuild_parameter"}:            {call: rebuildParameter},
	{"torch._utils", "_rebuild_parameter_with_state"}: {call: rebuildParameter},
	{"torch._tensor", "_rebuild_from_type_v2"}:        {call: rebuildFromType},
	{"torch.nn.parameter", "Parameter"}:               {call: rebuildParameter},
	{"torch", "Tensor"}:                               {},
	{"torch", "Size"}:                                 {call: newOpaque("a torch.Size")},
	{"torch", "device"}:                               {call: newOpaque("a torch.device")},
	{"torch.serialization", "_get_layout"}:            {call: newOpaque("a layout")},
	{"builtins", "set"}:                               {call: newOpaque("a set")},
	{"builtins", "frozenset"}:                         {call: newOpaque("a set")},
	{"builtins", "complex"}:                           {call: newOpaque("a complex number")},
	{"builtins", "bytearray"}:                         {call: newOpaque("bytes")},
	{"_codecs", "encode"}:                             {call: newOpaque("bytes")},
	{"argparse", "Namespace"}:                         {call: newOpaque("an argparse.Namespace")},
	{"pathlib", "PosixPath"}:                          {call: newOpaque("a path")},
	{"pathlib", "WindowsPath"}:                        {call: newOpaque("a path")},
	{"numpy", "dtype"}:                                {call: newOpaque("a numpy.dtype")},
	{"numpy.core.multiarray", "scalar"}:               {call: newOpaque("a number of NumPy")},
	{"numpy._core.multiarray", "scalar"}:              {call: newOpaque("a number of NumPy")},

	{"torch", "FloatStorage"}:           {class: true, dtype: checkpoint.F32},
	{"torch", "HalfStorage"}:            {class: true, dtype: checkpoint.F16},
	{"torch", "BFloat16Storage"}:        {class: true, dtype: checkpoint.BF16},
	{"torch", "DoubleStorage"}:          {class: true, dtype: checkpoint.F64},
	{"torch", "LongStorage"}:            {class: true, dtype: checkpoint.I64},
	{"torch", "IntStorage"}:             {class: true, dtype: checkpoint.I32},
	{"torch", "ShortStorage"}:           {class: true, dtype: checkpoint.I16},
	{"torch", "CharStorage"}:            {class: true, dtype: checkpoint.I8},
	{"torch", "ByteStorage"}:            {class: true, dtype: checkpoint.U8},
	{"torch", "BoolStorage"}:            {class: true, dtype: checkpoint.Bool},
	{"torch", "ComplexFloatStorage"}:    {class: true, dtype: checkpoint.C64},
	{"torch", "ComplexDoubleStorage"}:   {class: true, dtype: checkpoint.C128},
	{"torch.storage", "UntypedStorage"}: {class: true},

	{"torch", "float32"}:       {dtype: checkpoint.F32},
	{"torch", "float16"}:       {dtype: checkpoint.F16},
	{"torch", "bfloat16"}:      {dtype: checkpoint.BF16},
	{"torch", "float64"}:       {dtype: checkpoint.F64},
	{"torch", "int64"}:         {dtype: checkpoint.I64},
	{"torch", "int32"}:         {dtype: checkpoint.I32},
	{"torch", "int16"}:         {dtype: checkpoint.I16},
	{"torch", "int8"}:          {dtype: checkpoint.I8},
	{"torch", "uint8"}:         {dtype: checkpoint.U8},
	{"torch", "bool"}:          {dtype: checkpoint.Bool},
	{"torch", "uint16"}:        {dtype: checkpoint.U16},
	{"torch", "uint32"}:        {dtype: checkpoint.U32},
	{"torch", "uint64"}:        {dtype: checkpoint.U64},
	{"torch", "float8_e4m3fn"}: {dtype: checkpoint.F8E4M3},
	{"torch", "float8_e5m2"}:   {dtype: checkpoint.F8E5M2},
	{"torch", "complex64"}:     {dtype: checkpoint.C64},
	{"torch", "complex128"}:    {dtype: checkpoint.C128},

	// Types that are only named beside the tensors.
	{"builtins", "dict"}:               {},
	{"builtins", "list"}:               {},
	{"builtins", "int"}:                {},
	{"builtins", "float"}:              {},
	{"torch", "complex32"}:             {},
	{"torch", "float8_e4m3fnuz"}:       {},
	{"torch", "float8_e5m2fnuz"}:       {},
	{"torch", "quint8"}:                {},
	{"torch", "qint8"}:                 {},
	{"torch", "qint32"}:                {},
	{"torch", "per_tensor_affine"}:     {},
	{"torch", "per_tensor_symmetric"}:  {},
	{"torch", "per_channel_affine"}:    {},
	{"torch", "per_channel_symmetric"}: {},
}

// global reads two lines, a module and a name in it.
func (d *decoder) global() error {
	module, err := d.line()
	if err != nil {
		return err
	}
	name, err := d.line()
	if err != nil {
		return err
	}
	return d.find(module, name)
}

// stackGlobal takes the module and the name off the stack.
func (d *decoder) stackGlobal() error {
	args, err := d.pop(2)
	if err != nil {
		return err
	}
	module, ok1 := args[0].(string)
	name, ok2 := args[1].(string)
	if !ok1 || !ok2 {
		return d.wrong("asks for a name that is %s in %s", kind(args[1]), kind(args[0]))
	}
	return d.find(module, name)
}

// maxName is more than any name takes that is allowed.
const maxName = 256

// line reads up to a newline, which is not part of the line.
func (d *decoder) line() (string, error) {
	var b strings.Builder
	for b.Len() < maxName {
		c, err := d.uint(1)
		if err != nil {
			return "", err
		}
		if c == '\n' {
			return b.String(), nil
		}
		b.WriteByte(byte(c))
	}
	return "", d.wrong("asks for a name of more than %d bytes, %q...", maxName, b.String()[:32])
}

// find puts the global of that name on the stack. Protocol 2 has Python 2's name of the module of built-in names.
func (d *decoder) find(module, name string) error {
	full := module + "." + name
	if module == "__builtin__" {
		module = "builtins"
	}
	known, ok := globals[[2]string{module, name}]
	if !ok {
		return d.refuse(full)
	}
	g := *known
	g.name = full
	return d.push(&g)
}

// reduce calls a function.
func (d *decoder) reduce() error {
	top, err := d.pop(2)
	if err != nil {
		return err
	}
	g, ok1 := top[0].(*global)
	args, ok2 := top[1].(tuple)
	switch {
	case !ok1 || g.call == nil:
		return d.wrong("calls %s", kind(top[0]))
	case !ok2:
		return d.wrong("calls %s with %s, want a tuple", kind(g), kind(top[1]))
	}
	v, err := g.call(d, args)
	if err != nil {
		return err
	}
	return d.push(v)
}

// newObject makes an object of a class. PyTorch's classes are called for that; of others only their data are kept.
func (d *decoder) newObject() error {
	top, err := d.pop(2)
	if err != nil {
		return err
	}
	g, ok1 := top[0].(*global)
	args, ok2 := top[1].(tuple)
	if !ok1 || g.call == nil || !ok2 {
		return d.wrong("makes an object of %s with %s, want a class and a tuple", kind(top[0]), kind(top[1]))
	}
	v, err := g.call(d, args)
	if err != nil {
		return err
	}
	return d.push(v)
}

// newDict makes an empty dict: an OrderedDict takes no arguments here, a defaultdict the class of its values at most.
func newDict(d *decoder, args tuple) (any, error) {
	if len(args) > 1 {
		return nil, d.wrong("makes a dict of %d arguments, want none", len(args))
	}
	if len(args) == 1 {
		if _, ok := args[0].(*global); !ok {
			return nil, d.wrong("makes a dict of %s, want no arguments", kind(args[0]))
		}
	}
	return &dict{}, nil
}

// opaque is a value of which only its kind is kept, such as "a set". Nothing reads it: it lies beside the tensors.
type opaque struct{ kind string }

// newOpaque returns the function of a global whose results are opaque, whatever they are made of.
func newOpaque(kind string) func(*decoder, tuple) (any, error) {
	return func(*decoder, tuple) (any, error) { return opaque{kind}, nil }
}
