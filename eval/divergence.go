package eval

import (
	"context"
	"fmt"
	"math"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Position holds the results of a model and its base at one scored position.
type Position struct {
	NLL, BaseNLL float32 // -ln of the probability of the next token
	KLD          float32 // of the model's distribution from the base's
	Delta        float32 // change of the next token's probability
	SameTop      float32 // 1 if both find the same token most likely, else 0
}

// Write reads the windows that the file lacks with the base model and writes its distributions.
func (b *Base) Write(ctx context.Context, m *engine.Model, windows []Window) error {
	reader, err := newReader(m)
	if err != nil {
		return err
	}
	defer reader.close()
	for i := b.done; i < len(windows); i++ {
		err := reader.read(ctx, i, windows[i], func(block block) error {
			data := make([]byte, int64(len(block.targets))*b.rowBytes())
			err := parallel(len(block.targets), func(k int) error {
				err := encodeRow(data[int64(k)*b.rowBytes():][:b.rowBytes()], block.row(k))
				return atPosition(i, block.position+k, err)
			})
			if err != nil {
				return err
			}
			_, err = b.file.WriteAt(data, b.at(i, block.position))
			return err
		})
		if err != nil {
			return err
		}
		b.done = i + 1
	}
	return b.finish()
}

// Compare reads the windows with a model, from index from on. It passes the positions of each window to done.
func (b *Base) Compare(ctx context.Context, m *engine.Model, windows []Window, from int, done func([]Position) error) error {
	reader, err := newReader(m)
	if err != nil {
		return err
	}
	defer reader.close()
	for i := from; i < len(windows); i++ {
		positions := make([]Position, 0, windows[i].Scored())
		err := reader.read(ctx, i, windows[i], func(block block) error {
			part, err := b.compareBlock(i, block)
			positions = append(positions, part...)
			return err
		})
		if err != nil {
			return err
		}
		if err := done(positions); err != nil {
			return err
		}
	}
	return nil
}

func (b *Base) compareBlock(window int, block block) ([]Position, error) {
	data := make([]byte, int64(len(block.targets))*b.rowBytes())
	if _, err := b.file.ReadAt(data, b.at(window, block.position)); err != nil {
		return nil, fmt.Errorf("%s was cut short while it was read: %w", b.file.Name(), err)
	}
	positions := make([]Position, len(block.targets))
	err := parallel(len(positions), func(k int) error {
		row, err := decodeRow(data[int64(k)*b.rowBytes():][:b.rowBytes()])
		if err == nil {
			positions[k], err = compareRow(row, block.row(k), block.targets[k])
		}
		return atPosition(window, block.position+k, err)
	})
	return positions, err
}

// compareRow compares two distributions over the same tokens. target is the next token.
func compareRow(base baseRow, logits []float32, target tokenizer.Token) (Position, error) {
	s, err := newSoftmax(logits)
	if err != nil {
		return Position{}, err
	}
	kld, top, best := 0.0, 0, math.Inf(-1)
	for i, x := range logits {
		p := base.logProb(i)
		if p > best {
			top, best = i, p
		}
		if p > -baseFloor {
			kld += math.Exp(p) * (p - float64(x) + s.logSum)
		}
	}
	nll, baseNLL := s.logSum-float64(logits[target]), -base.logProb(int(target))
	p := Position{NLL: float32(nll), BaseNLL: float32(baseNLL), KLD: float32(kld), Delta: float32(math.Exp(-nll) - math.Exp(-baseNLL))}
	if top == s.top {
		p.SameTop = 1
	}
	return p, nil
}
