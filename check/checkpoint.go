package check

import (
	"context"
	"slices"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/imatrix"
)

// checkpoint checks whether a checkpoint can be converted, whether its checksums are right, and whether its weights are finite.
// It only reads an importance matrix in the format before GGUF.
func (c *checker) checkpoint(ctx context.Context, path string) error {
	f, err := formats.Open(path)
	if err != nil {
		if _, old := imatrix.Read(path); old == nil {
			return nil
		}
		return err
	}
	defer f.Close()
	c.wrongs(convert.Check(f))
	err = each(ctx, c, f.Sums, func(ctx context.Context, s checkpoint.Sum) (wrong, err error) {
		if wrong = s.Check(ctx); ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return wrong, nil
	})
	if err != nil {
		return err
	}
	weights := slices.DeleteFunc(slices.Clone(f.Tensors), func(t checkpoint.Tensor) bool { return !t.DType.IsWeights() })
	return each(ctx, c, weights, finite)
}

// finite returns a fault if a tensor of a checkpoint has weights that are not finite.
func finite(ctx context.Context, t checkpoint.Tensor) (wrong, err error) {
	scan, n := scan{name: t.Name}, t.Elements()
	values := make([]float32, min(n, 1<<16))
	for at := int64(0); at < n; at += int64(len(values)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x := values[:min(int64(len(values)), n-at)]
		if err := t.ReadFloats(x, at); err != nil {
			return err, nil
		}
		scan.look(x)
	}
	return scan.fault(), nil
}
