package pth

import (
	"strings"

	"gosling/checkpoint"
)

// global is a name that a pickle may ask for. It stands for one of our own functions, a storage class or a dtype.
type global struct {
	name  string                             // with its module: "torch.FloatStorage"
	call  func(*decoder, tuple) (any, error) // of a function
	class bool                               // it is a storage class,
	dtype checkpoint.DType                   // of this type; 0 for bytes without one
}

// globals are all the names there are, by module and name.
var globals = map[[2]string]*global{
	{"collections", "OrderedDict"}:         {call: newDict},
	{"torch._utils", "_rebuild_tensor"}:    {call: rebuildTensor},
	{"torch._utils", "_rebuild_tensor_v2"}: {call: rebuildTensor},
	{"torch._utils", "_rebuild_tensor_v3"}: {call: rebuildUntyped},
	{"torch._utils", "_rebuild_parameter"}: {call: rebuildParameter},
	{"torch", "FloatStorage"}:              {class: true, dtype: checkpoint.F32},
	{"torch", "HalfStorage"}:               {class: true, dtype: checkpoint.F16},
	{"torch", "BFloat16Storage"}:           {class: true, dtype: checkpoint.BF16},
	{"torch", "DoubleStorage"}:             {class: true, dtype: checkpoint.F64},
	{"torch", "LongStorage"}:               {class: true, dtype: checkpoint.I64},
	{"torch", "IntStorage"}:                {class: true, dtype: checkpoint.I32},
	{"torch", "ShortStorage"}:              {class: true, dtype: checkpoint.I16},
	{"torch", "CharStorage"}:               {class: true, dtype: checkpoint.I8},
	{"torch", "ByteStorage"}:               {class: true, dtype: checkpoint.U8},
	{"torch", "BoolStorage"}:               {class: true, dtype: checkpoint.Bool},
	{"torch.storage", "UntypedStorage"}:    {class: true},
	{"torch", "float32"}:                   {dtype: checkpoint.F32},
	{"torch", "float16"}:                   {dtype: checkpoint.F16},
	{"torch", "bfloat16"}:                  {dtype: checkpoint.BF16},
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

func (d *decoder) find(module, name string) error {
	known, ok := globals[[2]string{module, name}]
	full := module + "." + name
	if !ok {
		return d.errorf("asks for %q at offset %d: a checkpoint needs no such thing, not loading", full, d.at)
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

func newDict(d *decoder, args tuple) (any, error) {
	if len(args) != 0 {
		return nil, d.wrong("makes an OrderedDict of %d arguments, want none", len(args))
	}
	return &dict{}, nil
}
