package check

import (
	"context"
	"errors"
	"os"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// gguf checks a GGUF file: a model, an importance matrix or second moments.
func (c *checker) gguf(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	c.wrongs(gguf.Check(path))
	f, err := gguf.Open(path)
	if err != nil && len(c.found.Problems) > 0 {
		c.note("the tensors were not checked, because the file cannot be opened")
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	switch kind, _ := f.String("general.type"); kind {
	case imatrix.Kind:
		if _, err := imatrix.Read(path); err != nil {
			c.wrong("%v", err)
		}
		return nil
	case calibration.Kind:
		c.calibration(ctx, path)
		return nil
	}
	_, _, problems := archs.Match(f)
	c.wrongs(problems)
	c.vocabulary(f)
	return c.weights(ctx, f)
}

// calibration checks a file of second moments, matrix by matrix.
func (c *checker) calibration(ctx context.Context, path string) {
	f, err := calibration.Open(path)
	if err != nil {
		c.wrong("%v", err)
		return
	}
	defer f.Close()
	if err := f.Finished(); err != nil {
		c.wrong("%v", err)
	}
	for _, e := range f.Entries {
		if _, err := f.Moments(ctx, e.Name); ctx.Err() != nil {
			return
		} else if err != nil {
			c.wrong("%v", err)
		}
	}
}

// vocabulary checks the tokenizer and compares its size with the embedding's.
func (c *checker) vocabulary(f *gguf.File) {
	var odd *tokenizer.UnknownError
	switch _, err := tokenizer.FromGGUF(f); {
	case errors.Is(err, tokenizer.ErrNone):
		c.note("there is no tokenizer")
	case errors.As(err, &odd):
		c.note("%v, so it was not checked", err)
	case err != nil:
		c.wrong("%s: %v", f.Path(), err)
	}
	if tokens, ok := f.Strings("tokenizer.ggml.tokens"); ok {
		if embedding, ok := f.Tensor("token_embd.weight"); ok && len(embedding.Shape) == 2 && embedding.Shape[1] != int64(len(tokens)) {
			c.wrong("tokenizer.ggml.tokens has %d entries, the embedding %d rows", len(tokens), embedding.Shape[1])
		}
	}
}

// weights reads every weight of a GGUF file and reports tensors with infinities or NaN.
func (c *checker) weights(ctx context.Context, f *gguf.File) error {
	return each(ctx, c, f.Tensors(), func(ctx context.Context, t gguf.Tensor) (wrong, err error) {
		decode, err := c.decoder(t.Type)
		if err != nil {
			c.note("weights of type %s were not checked: %v", t.Type, err)
			return nil, nil
		}
		// Read whole blocks. Every tensor that Open accepts consists of them.
		blocks := int64(1<<16) / t.Type.BlockSize()
		data, values := make([]byte, blocks*t.Type.BlockBytes()), make([]float32, blocks*t.Type.BlockSize())
		scan := scan{name: t.Name}
		for at := int64(0); at < t.Size; at += int64(len(data)) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			part := data[:min(int64(len(data)), t.Size-at)]
			if err := f.ReadAt(t, part, at); err != nil {
				return nil, err
			}
			x := values[:int64(len(part))/t.Type.BlockBytes()*t.Type.BlockSize()]
			if err := decode(x, part); err != nil {
				return nil, err
			}
			scan.look(x)
		}
		return scan.fault(), nil
	})
}

// decoder returns a function that decodes the blocks of a type.
func (c *checker) decoder(t gguf.Type) (func([]float32, []byte) error, error) {
	if f := t.Format(); f != 0 {
		return func(dst []float32, src []byte) error { f.Decode(dst, src); return nil }, nil
	}
	lib, err := c.library()
	if errors.Is(err, ggml.ErrNotFound) {
		err = ggml.ErrNotFound // without the places, because this is a note
	}
	if err != nil {
		return nil, err
	}
	if err := lib.Dequantize(t, nil, nil); err != nil {
		return nil, err
	}
	return func(dst []float32, src []byte) error { return lib.Dequantize(t, dst, src) }, nil
}
