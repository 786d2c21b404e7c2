//go:build unix

package private

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// foreign says why others may enter a folder, or returns "".
func foreign(info fs.FileInfo) string {
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return fmt.Sprintf("belongs to user %d", owner.Uid)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Sprintf("others may enter it (mode %03o)", mode)
	}
	return ""
}
