// Package formats opens a checkpoint of any known format. It recognizes the format by the first bytes, never by the name. The error
// for another file says what the file seems to be and what to do.
//
// Limits: it reads .pth, .safetensors (one or several, also in Hugging Face's layout) and the .bin models of rwkv.cpp.
package formats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/adapter"
	"github.com/gosling-rwkv/gosling/checkpoint/dialect"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/checkpoint/rwkvcpp"
	"github.com/gosling-rwkv/gosling/checkpoint/safetensors"
	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/infile"
)

// ErrUnknown is the error of a file that is not a checkpoint and whose real kind is unknown.
var ErrUnknown = errors.New("is not a .pth or .safetensors checkpoint")

// pickle is the first byte of a .pth file of PyTorch before 1.6.
const pickle = 0x80

// Open opens a checkpoint: a file, or the folder, the index or one file of a model in Hugging Face's layout. The caller closes the
// checkpoint. Errors name the file. If a file does not show its dialect, Open returns it unchanged, with an error in its field Unclear.
func Open(path string) (*checkpoint.File, error) { return OpenAs(path, "") }

// OpenAs does the same as Open and merges adapters into the checkpoint, in their order. The caller closes the adapters after the
// checkpoint. as is the dialect that the user named, or empty: see dialect.Translate.
func OpenAs(path, as string, adapters ...*adapter.Adapter) (*checkpoint.File, error) {
	path, err := whole(path)
	if err != nil {
		return nil, err
	}
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	translated, err := translate(f, as, adapters)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	if translated.Settings, err = settingsOf(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	tie(translated)
	return translated, nil
}

// translate merges adapters and gives the tensors the authors' names. What an adapter has for tensors under other names than
// the authors' has the layout of the file and is merged before that, the rest after it.
func translate(f *checkpoint.File, as string, adapters []*adapter.Adapter) (*checkpoint.File, error) {
	f, err := merge(f, adapters, func(name string) bool { return !dialect.Authors(name) })
	if err != nil {
		return nil, err
	}
	if f, err = dialect.Translate(f, as); err != nil {
		return nil, err
	}
	if f.Unclear != nil && len(adapters) > 0 {
		return nil, f.Unclear
	}
	return merge(f, adapters, dialect.Authors)
}

// merge merges what adapters have for the tensors of some names.
func merge(f *checkpoint.File, adapters []*adapter.Adapter, names func(string) bool) (*checkpoint.File, error) {
	var err error
	for _, a := range adapters {
		if f, err = a.Only(names).Merge(f); err != nil {
			return nil, fmt.Errorf("merging %s: %w", a.Path(), err)
		}
	}
	return f, nil
}

// tie adds the head of a model whose configuration says that it is the embedding, which Hugging Face's files leave out.
func tie(f *checkpoint.File) {
	if f.Settings == nil || !f.Settings.Tied {
		return
	}
	emb, ok := f.Tensor("emb.weight")
	if _, has := f.Tensor("head.weight"); ok && !has {
		emb.Name = "head.weight"
		f.Tensors = append(f.Tensors, emb)
	}
}

// open opens a file, a folder or an index, and gives the tensors the names that they have in the model itself.
func open(path string) (*checkpoint.File, error) {
	f, err := openNamed(path)
	if err != nil {
		return nil, err
	}
	if err := unwrap(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return f, nil
}

func openNamed(path string) (*checkpoint.File, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return openFolder(path)
	}
	if strings.HasSuffix(path, ".index.json") {
		return safetensors.OpenIndex(path, openFile)
	}
	return openFile(path)
}

// inFolder are the names of models in a folder of Hugging Face's layout, the preferred first.
var inFolder = []string{"model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json", "pytorch_model.bin"}

func openFolder(path string) (*checkpoint.File, error) {
	for _, name := range inFolder {
		if _, err := os.Stat(filepath.Join(path, name)); err == nil {
			f, err := openNamed(filepath.Join(path, name))
			if err == nil {
				f.Path = path
			}
			return f, err
		}
	}
	return nil, fmt.Errorf("%s: is a folder without a model in Hugging Face's layout (%s): name the checkpoint file in it", path, strings.Join(inFolder, ", "))
}

func openFile(path string) (*checkpoint.File, error) {
	head, size, err := infile.Head(path, filekind.HeadSize) // covers every magic: that of a tar archive begins at byte 257
	if err != nil {
		return nil, err
	}
	read, err := container(head, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return checkpoint.Open(path, read)
}

// Read reads a checkpoint of one file that is open already, or in memory, as Open does. It does not know the file's name, which may show
// the dialect of tuned states. Closing the checkpoint does not close file.
func Read(file io.ReaderAt, size int64) (*checkpoint.File, error) {
	head, err := io.ReadAll(io.NewSectionReader(file, 0, min(size, filekind.HeadSize)))
	if err != nil {
		return nil, err
	}
	read, err := container(head, size)
	if err != nil {
		return nil, err
	}
	f, err := checkpoint.Read(file, size, read)
	if err != nil {
		return nil, err
	}
	if err := unwrap(f); err != nil {
		return nil, err
	}
	return translate(f, "", nil)
}

// container returns what reads a file that begins with head.
func container(head []byte, size int64) (func(file io.ReaderAt, size int64) (*checkpoint.File, error), error) {
	switch {
	case bytes.HasPrefix(head, []byte(rwkvcpp.Magic)):
		return rwkvcpp.Read, nil
	case safetensors.Looks(head, size):
		return safetensors.Read, nil
	}
	switch what := recognize(head); {
	case what != "":
		return nil, errors.New(what)
	case !bytes.HasPrefix(head, []byte("PK\x03\x04")) && head[0] != pickle:
		return nil, fmt.Errorf("%w: it begins with %q", ErrUnknown, head[:min(len(head), 8)])
	}
	return pth.Read, nil
}
