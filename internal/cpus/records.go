package cpus

import (
	"encoding/binary"
	"math/bits"
)

// Offsets in a 64-bit process's SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX record of a core.
const (
	recordSize      = 4
	recordClass     = 9 // EfficiencyClass: higher is faster
	recordMask      = 32
	recordGroup     = 40
	shortestRecord  = 48
	relationOfCores = 0
)

// fromRecords counts the cores in the records of GetLogicalProcessorInformationEx. affinity is a mask of the processors that
// count. 0 means all. Only the first group is counted. The fast cores are those of the highest class.
func fromRecords(b []byte, affinity uint64) Processors {
	var p Processors
	order := binary.LittleEndian
	highest, group := -1, -1
	for len(b) >= shortestRecord {
		size := int(order.Uint32(b[recordSize:]))
		if size < shortestRecord || size > len(b) {
			break
		}
		record := b[:size]
		b = b[size:]
		if order.Uint32(record) != relationOfCores {
			continue
		}
		if of := int(order.Uint16(record[recordGroup:])); group < 0 {
			group = of
		} else if of != group {
			continue
		}
		mask := order.Uint64(record[recordMask:])
		if affinity != 0 {
			mask &= affinity
		}
		if mask == 0 {
			continue
		}
		p.Allowed += bits.OnesCount64(mask)
		p.Cores++
		switch class := int(record[recordClass]); {
		case class > highest:
			highest, p.Fast = class, 1
		case class == highest:
			p.Fast++
		}
	}
	return p
}
