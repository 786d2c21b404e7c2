package cpus

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// core returns a record as Windows writes it: PROCESSOR_RELATIONSHIP after its relation and size.
func core(class byte, group uint16, mask uint64) []byte {
	b := make([]byte, 48)
	order := binary.LittleEndian
	order.PutUint32(b[4:], 48)
	if mask&(mask-1) != 0 {
		b[8] = 1 // LTP_PC_SMT
	}
	b[9] = class
	order.PutUint16(b[30:], 1) // GroupCount
	order.PutUint64(b[32:], mask)
	order.PutUint16(b[40:], group)
	return b
}

// cache returns a record of another kind, longer than that of a core.
func cache() []byte {
	b := make([]byte, 80)
	binary.LittleEndian.PutUint32(b, 2)
	binary.LittleEndian.PutUint32(b[4:], 80)
	return b
}

func TestWindowsIsReadAsItIs(t *testing.T) {
	laptop := slices.Concat(core(1, 0, 0b11), core(1, 0, 0b1100), core(0, 0, 1<<4), core(0, 0, 1<<5), core(0, 0, 1<<6))
	for name, tc := range map[string]struct {
		records  []byte
		affinity uint64
		want     Processors
	}{
		"two threads a core":          {slices.Concat(core(0, 0, 0b11), core(0, 0, 0b1100)), 0b1111, Processors{4, 2, 2, 0}},
		"fast and slow cores":         {laptop, 0b1111111, Processors{7, 5, 2, 0}},
		"slow cores alone":            {laptop, 0b110000, Processors{2, 2, 2, 0}},
		"one thread of a core":        {laptop, 0b10, Processors{1, 1, 1, 0}},
		"an affinity that is unknown": {laptop, 0, Processors{7, 5, 2, 0}},
		"a second group":              {slices.Concat(core(0, 0, 0b11), core(0, 1, 0b11)), 0b11, Processors{2, 1, 1, 0}},
		"other records":               {slices.Concat(cache(), core(0, 0, 1), cache()), 1, Processors{1, 1, 1, 0}},
		"nothing":                     {nil, 1, Processors{}},
		"a record cut short":          {slices.Concat(core(0, 0, 1), core(0, 0, 2)[:40]), 3, Processors{1, 1, 1, 0}},
		"a size beyond the end":       {append(core(0, 0, 1), 0, 0, 0, 0, 255, 255, 255, 255), 3, Processors{1, 1, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, fromRecords(tc.records, tc.affinity)) })
	}
}
