package pth

import (
	"archive/zip"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// Spec describes a tensor to write.
type Spec struct {
	Name  string
	DType checkpoint.DType
	Shape []int64 // in PyTorch's order; empty for a scalar
}

// Bytes returns the size of the tensor's elements in bytes.
func (s Spec) Bytes() int64 {
	return checkpoint.Tensor{Shape: s.Shape}.Elements() * s.DType.Size()
}

// alignment is that of the storages in the file, as PyTorch keeps it.
const alignment = 64

// Write writes a state dict as torch.save does: a zip archive of stored members in the folder root. It uses 64-bit sizes where they are
// needed. It calls data for each tensor in turn. data writes the elements, row-major and little-endian. Write does not keep them. It does
// not seek, so w may be a pipe.
func Write(w io.Writer, root string, specs []Spec, data func(i int, w io.Writer) error) error {
	pickle, err := pickleOf(specs)
	if err != nil {
		return err
	}
	a := &archive{out: &counter{w: w}, root: root}
	a.zip = zip.NewWriter(a.out)
	a.text("data.pkl", string(pickle))
	a.text("byteorder", "little")
	for i, s := range specs {
		a.member("data/"+strconv.Itoa(i), func(w *counter) error {
			if err := data(i, w); err != nil {
				return err
			}
			if w.n != s.Bytes() {
				return fmt.Errorf("tensor %q: %d bytes were written, want %d", s.Name, w.n, s.Bytes())
			}
			return nil
		})
	}
	a.text("version", "3\n")
	if a.err != nil {
		return a.err
	}
	return a.zip.Close()
}

// archive writes members one after another and keeps the first error.
type archive struct {
	zip     *zip.Writer
	out     *counter
	root    string
	trailer int64 // of the member before, which is written with the next header
	err     error
}

func (a *archive) text(name, text string) {
	a.member(name, func(w *counter) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// member writes one member, whose bytes begin at a multiple of alignment.
func (a *archive) member(name string, write func(*counter) error) {
	if a.err != nil {
		return
	}
	if a.err = a.zip.Flush(); a.err != nil {
		return
	}
	header := zip.FileHeader{Name: a.root + "/" + name, Method: zip.Store}
	header.Extra = padding(a.out.n + a.trailer + headerSize + int64(len(header.Name)))
	w, err := a.zip.CreateHeader(&header)
	if err == nil {
		body := &counter{w: w}
		err = write(body)
		a.trailer = trailerSize(body.n)
	}
	a.err = err
}

// headerSize is the length of the header before a member, without name and extra field.
const headerSize = 30

// trailerSize is the length of the sizes after a member of n bytes.
func trailerSize(n int64) int64 {
	if n >= math.MaxUint32 {
		return 24
	}
	return 16
}

// padding is an extra field after which the offset is a multiple of alignment. Its tag is PyTorch's own, "FB".
func padding(offset int64) []byte {
	const head = 4
	n := (alignment - (offset+head)%alignment) % alignment
	extra := make([]byte, head+n)
	copy(extra, []byte{'F', 'B', byte(n), byte(n >> 8)})
	return extra
}

// counter counts what passes through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
