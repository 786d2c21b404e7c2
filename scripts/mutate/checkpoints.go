package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
)

// tensors are a checkpoint's tensors in memory, all of them BF16.
type tensors []tensor

type tensor struct {
	name  string
	shape []int64 // in PyTorch's order
	data  []byte
}

// tensors reads the tensors of a .pth file.
func (m *maker) tensors(file string) tensors {
	if m.err != nil {
		return nil
	}
	f, err := checkpoint.Open(filepath.Join(m.dir, file), pth.Read)
	if err != nil {
		m.err = err
		return nil
	}
	defer f.Close()
	var all tensors
	for _, t := range f.Tensors {
		if t.DType != checkpoint.BF16 {
			m.keep(fmt.Errorf("%s: %s is %v", file, t.Name, t.DType))
		}
		data := make([]byte, t.Elements()*t.DType.Size())
		m.keep(t.ReadBytes(data, 0))
		all = append(all, tensor{t.Name, t.Shape, data})
	}
	return all
}

// adapter returns a PEFT adapter for one matrix of each layer.
func (ts tensors) adapter() tensors {
	var all tensors
	for _, t := range ts {
		if stem, ok := strings.CutSuffix(t.name, "att.key.weight"); ok {
			stem = "base_model.model." + stem + "att.key."
			all = append(all, tensor{stem + "lora_A.weight", []int64{4, t.shape[1]}, t.data[:4*t.shape[1]*2]},
				tensor{stem + "lora_B.weight", []int64{t.shape[0], 4}, t.data[:t.shape[0]*4*2]})
		}
	}
	return all
}

// state returns a tuned state for the model.
func (ts tensors) state() tensors {
	var all tensors
	for _, t := range ts {
		if stem, ok := strings.CutSuffix(t.name, "att.key.weight"); ok {
			all = append(all, tensor{stem + "att.time_state", []int64{1, 32, 32}, t.data[:32*32*2]})
		}
	}
	return all
}

// safetensors returns the checkpoint as a safetensors file.
func (ts tensors) safetensors() []byte {
	head, data := map[string]any{}, []byte(nil)
	for _, t := range ts {
		head[t.name] = map[string]any{"dtype": "BF16", "shape": t.shape, "data_offsets": []int{len(data), len(data) + len(t.data)}}
		data = append(data, t.data...)
	}
	text := marshal(head)
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), data...)
}

// index returns the index of a sharded checkpoint with one shard.
func (ts tensors) index(shard string) []byte {
	files := map[string]string{}
	for _, t := range ts {
		files[t.name] = shard
	}
	return marshal(map[string]any{"metadata": map[string]any{"total_size": 1}, "weight_map": files})
}

func marshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("mutate: internal error: " + err.Error())
	}
	return data
}

// rwkvcpp returns the checkpoint as rwkv.cpp's converter writes it in F32: a header of six numbers, then each tensor. A tensor
// has its number of dimensions, the length of its name, its type, the dimensions from the fastest to the slowest, the name and
// the elements.
func (ts tensors) rwkvcpp() []byte {
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&b, binary.LittleEndian, v) // writing to a buffer cannot fail
		}
	}
	put(uint32(0x67676d66), uint32(101), uint32(257), uint32(32), uint32(2), uint32(0))
	for _, t := range ts {
		put(uint32(len(t.shape)), uint32(len(t.name)), uint32(0))
		for i := len(t.shape) - 1; i >= 0; i-- {
			put(uint32(t.shape[i]))
		}
		put([]byte(t.name))
		for i := 0; i < len(t.data); i += 2 {
			put([]byte{0, 0}, t.data[i:i+2])
		}
	}
	return b.Bytes()
}

// legacy returns the checkpoint as torch.save wrote it before PyTorch 1.6: five pickles, then the storages.
func (ts tensors) legacy() []byte {
	var b bytes.Buffer
	b.WriteString("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.") // the magic number, version 1001, an empty dict
	b.WriteString("\x80\x02ccollections\nOrderedDict\n)R(")
	for i, t := range ts {
		pickleText(&b, t.name)
		b.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
		pickleText(&b, "storage")
		b.WriteString("ctorch\nBFloat16Storage\n")
		pickleText(&b, fmt.Sprint(i))
		pickleText(&b, "cpu")
		pickleInt(&b, int64(len(t.data)/2))
		b.WriteString("NtQK\x00(")
		stride := int64(len(t.data) / 2)
		strides := ""
		for _, n := range t.shape {
			pickleInt(&b, n)
			stride /= n
			var s bytes.Buffer
			pickleInt(&s, stride)
			strides += s.String()
		}
		b.WriteString("t(" + strides + "t\x89ccollections\nOrderedDict\n)RtR")
	}
	b.WriteString("u.\x80\x02](")
	for i := range ts {
		pickleText(&b, fmt.Sprint(i))
	}
	b.WriteString("e.")
	for _, t := range ts {
		_ = binary.Write(&b, binary.LittleEndian, uint64(len(t.data)/2))
		b.Write(t.data)
	}
	return b.Bytes()
}

func pickleText(b *bytes.Buffer, s string) {
	b.WriteByte('X')
	_ = binary.Write(b, binary.LittleEndian, uint32(len(s)))
	b.WriteString(s)
}

func pickleInt(b *bytes.Buffer, n int64) {
	b.WriteByte('J')
	_ = binary.Write(b, binary.LittleEndian, int32(n))
}
