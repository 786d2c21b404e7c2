package pth

import (
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// storage is a run of elements that tensors share.
type storage struct {
	key   string
	dtype checkpoint.DType // 0 if it is mere bytes
	numel int64            // of elements, or bytes
	off   int64            // in the file, once its container has placed it
}

// elementSize is the size of what numel counts.
func (s *storage) elementSize() int64 {
	if s.dtype == 0 {
		return 1
	}
	return s.dtype.Size()
}

// span is a part of a storage, counted in its elements: the whole of it, save in old files.
type span struct {
	*storage
	start, count int64
}

// persistentID makes a storage of the tuple ("storage", class, key, location, numel[, view]). The location, a device,
// is of no interest; the view is a part of the storage, (key, start, count), or None.
func (d *decoder) persistentID() error {
	top, err := d.pop(1)
	if err != nil {
		return err
	}
	id, ok := top[0].(tuple)
	if !ok || len(id) < 5 || len(id) > 6 || id[0] != "storage" {
		return d.wrong("a storage is described by %s, want (\"storage\", class, key, location, size)", kind(top[0]))
	}
	class, ok1 := id[1].(*global)
	key, ok2 := id[2].(string)
	numel, ok3 := id[4].(int64)
	if !ok1 || !class.class || !ok2 || !ok3 {
		return d.wrong("a storage is described by %s, %s and %s, want class, key and size", kind(id[1]), kind(id[2]), kind(id[4]))
	}
	s, err := d.storage(key, class.dtype, numel)
	if err != nil {
		return err
	}
	part := &span{storage: s, count: numel}
	if len(id) == 6 && id[5] != (none{}) {
		if err := d.narrow(part, id[5]); err != nil {
			return err
		}
	}
	return d.push(part)
}

// storage answers with the storage of that key, a new one the first time.
func (d *decoder) storage(key string, dtype checkpoint.DType, numel int64) (*storage, error) {
	if err := checkKey(key); err != nil {
		return nil, d.errorf("at byte %d: %w", d.at, err)
	}
	if known, ok := d.storages[key]; ok {
		if known.dtype != dtype || known.numel != numel {
			return nil, d.wrong("storage %q is %d elements of %s here and %d of %s before", key, numel, dtype, known.numel, known.dtype)
		}
		return known, nil
	}
	s := &storage{key: key, dtype: dtype, numel: numel}
	if numel < 0 || numel > maxBytes/s.elementSize() {
		return nil, d.wrong("storage %q claims %d elements", key, numel)
	}
	d.storages[key] = s
	d.ordered = append(d.ordered, s)
	return s, nil
}

// narrow makes part what view says.
func (d *decoder) narrow(part *span, view any) error {
	v, ok := view.(tuple)
	if !ok || len(v) != 3 {
		return d.wrong("the view of storage %q is %s, want (key, start, count)", part.key, kind(view))
	}
	start, ok1 := v[1].(int64)
	count, ok2 := v[2].(int64)
	if !ok1 || !ok2 || start < 0 || count < 0 || start > part.numel || count > part.numel-start {
		return d.wrong("the view of storage %q leaves its %d elements", part.key, part.numel)
	}
	part.start, part.count = start, count
	return nil
}

// checkKey refuses a key that could be taken for a path. PyTorch's own are numbers.
func checkKey(key string) error {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '-'
	}
	if key == "" || len(key) > maxName || strings.ContainsFunc(key, func(r rune) bool { return !plain(r) }) {
		return fmt.Errorf("storage key %.80q is not a plain name: made to write elsewhere, not loading", key)
	}
	return nil
}
