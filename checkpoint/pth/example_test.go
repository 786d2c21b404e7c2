package pth_test

import (
	"bytes"
	"fmt"
	"io"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
)

func Example() {
	specs := []pth.Spec{{Name: "emb.weight", DType: checkpoint.BF16, Shape: []int64{2, 2}}}
	var file bytes.Buffer
	err := pth.Write(&file, "model", specs, func(_ int, w io.Writer) error {
		_, err := w.Write([]byte{0x80, 0x3f, 0x00, 0x40, 0x40, 0x40, 0x80, 0x40})
		return err
	})
	if err != nil {
		fmt.Println(err)
	}

	f, err := pth.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	row := make([]float32, 2)
	for _, t := range f.Tensors {
		err := t.ReadFloats(row, 2)
		fmt.Println(t.Name, t.DType, t.Shape, row, err)
	}
	// Output: emb.weight BF16 [2 2] [3 4] <nil>
}
