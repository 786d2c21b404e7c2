package checkpoint

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
)

// Sum is the checksum of a part of a container.
type Sum struct {
	Part  string            // such as `record "m/data/31"`
	Data  *io.SectionReader // the bytes of the part
	CRC32 uint32            // the checksum that these bytes should have, with the IEEE polynomial
}

// Check reads the part and compares its checksum. It may be called for several sums at once. Its error names the part.
func (s Sum) Check(ctx context.Context) error {
	sum := crc32.NewIEEE()
	buf := make([]byte, 1<<20)
	for at := int64(0); at < s.Data.Size(); at += int64(len(buf)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := buf[:min(int64(len(buf)), s.Data.Size()-at)]
		if err := readFull(s.Data, part, at); err != nil {
			return fmt.Errorf("%s: %w", s.Part, err)
		}
		sum.Write(part)
	}
	if got := sum.Sum32(); got != s.CRC32 {
		return fmt.Errorf("%s has the checksum %08x, the file says %08x: damaged, download it again", s.Part, got, s.CRC32)
	}
	return nil
}
