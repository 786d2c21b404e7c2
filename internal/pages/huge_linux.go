package pages

import "golang.org/x/sys/unix"

// adviseHuge asks the system for huge pages. It ignores a refusal: normal pages work too.
func adviseHuge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
