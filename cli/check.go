package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"

	urfave "github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// checkFile looks for all that is wrong with a model file and prints it.
func checkFile(c *urfave.Context, path string) error {
	found := &findings{Problems: []string{}, Notes: []string{}}
	var err error
	if gguf.Is(path) {
		err = checkGGUF(c, path, found)
	} else {
		err = checkCheckpoint(c.Context, path, found)
	}
	if err != nil && oldMatrix(path, err) == nil {
		return err
	}
	slices.Sort(found.Notes)
	if c.Bool("json") {
		err = writeJSON(c.App.Writer, found)
	} else {
		err = found.print(c.App.Writer, path)
	}
	if err == nil && len(found.Problems) > 0 {
		err = fmt.Errorf("%s: %d things are wrong", path, len(found.Problems))
		if len(found.Problems) == 1 {
			err = fmt.Errorf("%s: one thing is wrong", path)
		}
	}
	return err
}

func checkGGUF(c *urfave.Context, path string, found *findings) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	for _, err := range gguf.Check(path) {
		found.wrong("%v", err)
	}
	f, err := gguf.Open(path)
	if err != nil && len(found.Problems) > 0 {
		found.note("the tensors were not looked at, since the file cannot be opened")
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if kind, _ := f.String("general.type"); kind == imatrix.Kind {
		if _, err := imatrix.Read(path); err != nil {
			found.wrong("%v", err)
		}
		return nil
	}
	_, _, problems := archs.Match(f)
	found.wrongs(problems)
	checkVocab(f, found)
	return checkWeights(c, f, found)
}

// checkVocab looks at the tokenizer and compares its size with the embedding's.
func checkVocab(f *gguf.File, found *findings) {
	var odd *tokenizer.UnknownError
	switch _, err := tokenizer.FromGGUF(f); {
	case errors.Is(err, tokenizer.ErrNone):
		found.note("there is no tokenizer")
	case errors.As(err, &odd):
		found.note("%v, so it was not looked at", err)
	case err != nil:
		found.wrong("%s: %v", f.Path(), err)
	}
	if tokens, ok := f.Strings("tokenizer.ggml.tokens"); ok {
		if embedding, ok := f.Tensor("token_embd.weight"); ok && len(embedding.Shape) == 2 && embedding.Shape[1] != int64(len(tokens)) {
			found.wrong("tokenizer.ggml.tokens has %d entries, the embedding %d rows", len(tokens), embedding.Shape[1])
		}
	}
}

// checkWeights reads every weight and reports tensors that have infinities or NaN.
func checkWeights(c *urfave.Context, f *gguf.File, found *findings) error {
	library := sync.OnceValues(func() (*ggml.Library, error) { return openGGML(c, "cpu") })
	return eachTensor(c.Context, f.Tensors(), func(ctx context.Context, t gguf.Tensor) error {
		decode, err := decoder(t.Type, library)
		if err != nil {
			found.note("weights of type %s were not looked at: %v", t.Type, err)
			return nil
		}
		// Whole blocks at a time; every tensor that Open accepts consists of them.
		blocks := int64(1<<16) / t.Type.BlockSize()
		data, values := make([]byte, blocks*t.Type.BlockBytes()), make([]float32, blocks*t.Type.BlockSize())
		scan := scan{name: t.Name}
		for at := int64(0); at < t.Size; at += int64(len(data)) {
			if err := ctx.Err(); err != nil {
				return err
			}
			part := data[:min(int64(len(data)), t.Size-at)]
			if err := f.ReadAt(t, part, at); err != nil {
				return err
			}
			x := values[:int64(len(part))/t.Type.BlockBytes()*t.Type.BlockSize()]
			if err := decode(x, part); err != nil {
				return err
			}
			scan.look(x)
		}
		scan.report(found)
		return nil
	})
}

// decoder returns what turns a type's blocks into numbers.
func decoder(t gguf.Type, library func() (*ggml.Library, error)) (func([]float32, []byte) error, error) {
	plain := func(f func([]float32, []byte)) (func([]float32, []byte) error, error) {
		return func(dst []float32, src []byte) error { f(dst, src); return nil }, nil
	}
	switch t {
	case gguf.F32:
		return plain(float.DecodeF32)
	case gguf.F16:
		return plain(float.DecodeF16)
	case gguf.BF16:
		return plain(float.DecodeBF16)
	}
	lib, err := library()
	if errors.Is(err, ggml.ErrNotFound) {
		err = ggml.ErrNotFound // without the places, this being a note
	}
	if err != nil {
		return nil, err
	}
	if err := lib.Dequantize(t, nil, nil); err != nil {
		return nil, err
	}
	return func(dst []float32, src []byte) error { return lib.Dequantize(t, dst, src) }, nil
}

// checkCheckpoint finds what keeps a checkpoint from being converted, records that are not what their checksums say, and
// weights that are not finite.
func checkCheckpoint(ctx context.Context, path string, found *findings) error {
	f, err := formats.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	found.wrongs(convert.Check(f))
	err = eachTensor(ctx, f.Sums, func(ctx context.Context, s checkpoint.Sum) error {
		if err := s.Check(ctx); err != nil && ctx.Err() == nil {
			found.wrong("%v", err)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	weights := slices.DeleteFunc(slices.Clone(f.Tensors), func(t checkpoint.Tensor) bool { return !t.DType.IsWeights() })
	return eachTensor(ctx, weights, func(ctx context.Context, t checkpoint.Tensor) error {
		scan, n := scan{name: t.Name}, t.Elements()
		values := make([]float32, min(n, 1<<16))
		for at := int64(0); at < n; at += int64(len(values)) {
			if err := ctx.Err(); err != nil {
				return err
			}
			x := values[:min(int64(len(values)), n-at)]
			if err := t.ReadFloats(x, at); err != nil {
				found.wrong("%v", err)
				return nil
			}
			scan.look(x)
		}
		scan.report(found)
		return nil
	})
}

func shapesOf(f *checkpoint.File) rwkv.Shapes {
	return func(name string) ([]int64, bool) {
		t, ok := f.Tensor(name)
		return t.Shape, ok
	}
}

// eachTensor calls check for every tensor, or other part of a file, on all processors.
func eachTensor[T any](ctx context.Context, tensors []T, check func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, t := range tensors {
		g.Go(func() error { return check(ctx, t) })
	}
	return g.Wait()
}
