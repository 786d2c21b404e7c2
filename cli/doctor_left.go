package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/internal/term"
)

// examineLeftovers names the folders that comparisons left which were stopped or killed.
func examineLeftovers(add func(finding)) {
	folders, err := workFolders(os.TempDir(), "")
	if err != nil {
		return // where the folder for temporary files cannot be read, nothing can have been left there
	}
	for _, f := range folders {
		if !f.inUse {
			add(finding{
				Name: "left over", Status: statusWarning,
				Text:   fmt.Sprintf("%s: %s of gosling %s %s, which was stopped", f.path, bytesText(folderSize(f.path)), term.Visible(f.settings["command"]), term.Visible(f.settings["base"])),
				Advice: "go on with --resume and the same command, or remove the folder",
			})
		}
	}
}

// folderSize is the size of all files in a folder, as far as it can be read.
func folderSize(dir string) int64 {
	size := int64(0)
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}
