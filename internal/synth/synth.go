package synth

import (
	"io"
	"runtime"

	"github.com/gosling-rwkv/gosling/checkpoint/pth"
)

// Write writes the checkpoint to w as torch.save would. It uses all cores and a few MiB of memory.
func Write(w io.Writer, c Config) error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	tensors := c.tensors()
	specs := make([]pth.Spec, len(tensors))
	for i, t := range tensors {
		specs[i] = t.spec()
	}
	d := newDrawer(tensors, c.Seed)
	defer close(d.done)
	return pth.Write(w, "synth", specs, d.write)
}

// blockSize is how many bytes one goroutine draws at once from one seed. The file depends on it.
const blockSize = 1 << 20

// drawer draws the blocks of all tensors in order. Some are drawn before they are written.
type drawer struct {
	tensors []tensor
	seed    uint64
	queue   chan chan []byte // the blocks being drawn, in order
	done    chan struct{}
	free    chan []byte // buffers of written blocks
}

func newDrawer(tensors []tensor, seed uint64) *drawer {
	d := &drawer{
		tensors: tensors,
		seed:    seed,
		queue:   make(chan chan []byte, runtime.GOMAXPROCS(0)),
		done:    make(chan struct{}),
		free:    make(chan []byte, runtime.GOMAXPROCS(0)),
	}
	go d.run()
	return d
}

// run starts one goroutine per block. The queue's length limits their number.
func (d *drawer) run() {
	for i, t := range d.tensors {
		for block := range blocks(t) {
			drawn := make(chan []byte, 1)
			select {
			case d.queue <- drawn:
			case <-d.done:
				return
			}
			go func() { drawn <- d.draw(i, block) }()
		}
	}
}

// blocks returns the number of blocks of a tensor.
func blocks(t tensor) int { return int((t.spec().Bytes() + blockSize - 1) / blockSize) }

// draw fills one block of one tensor.
func (d *drawer) draw(i, block int) []byte {
	t := d.tensors[i]
	start := int64(block) * blockSize
	dst := d.buffer()[:min(blockSize, t.spec().Bytes()-start)]
	r := seedOf(d.seed, i, block)
	if t.at == nil {
		fillMatrix(dst, r, t.scale)
	} else {
		fillVector(dst, r, int(start/2), t.at)
	}
	return dst
}

func (d *drawer) buffer() []byte {
	select {
	case b := <-d.free:
		return b
	default:
		return make([]byte, blockSize)
	}
}

// write writes tensor i. Tensors must be written in order.
func (d *drawer) write(i int, w io.Writer) error {
	for range blocks(d.tensors[i]) {
		block := <-<-d.queue
		if _, err := w.Write(block); err != nil {
			return err
		}
		select {
		case d.free <- block[:blockSize]:
		default:
		}
	}
	return nil
}
