package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/cpus"
	"github.com/gosling-rwkv/gosling/internal/units"
)

// littleMemory and littleDisk are the limits below which a check warns.
const (
	littleMemory = 512 << 20
	littleDisk   = 1 << 30
)

// examineProcessors reports the processors that models compute on, and what limits them.
func examineProcessors(p cpus.Processors, tell func(Check)) {
	text := units.Count(p.Cores, "core")
	if p.Fast < p.Cores {
		text += fmt.Sprintf(", %d of them fast", p.Fast)
	}
	text += fmt.Sprintf(", %s may be used", units.Count(p.Allowed, "processor"))
	if p.Quota > 0 {
		text += fmt.Sprintf(", limited to the time of %.3g", p.Quota)
	}
	tell(Check{Name: "cores", Status: OK, Text: text + ": " + units.Count(p.Threads(), "thread") + " by default"})
}

// examineMemory reports how much memory there is for models.
func examineMemory(tell func(Check)) {
	total, err := fit.ThisRAM()
	if err != nil {
		tell(Check{"memory", Warning, "its size is not known: " + err.Error(), "nothing to do if models run; choose their size yourself"})
		return
	}
	free, err := fit.FreeRAM()
	if err != nil {
		free = total
	}
	text := fmt.Sprintf("%s free of %s", units.Bytes(free), units.Bytes(total))
	if free < littleMemory {
		tell(Check{"memory", Warning, text, "end other programs: the smallest models take some hundred MiB"})
		return
	}
	tell(Check{Name: "memory", Status: OK, Text: text})
}

// examineDisks checks the folders that files are written to by default.
func examineDisks(tell func(Check)) {
	wd, err := os.Getwd()
	if err != nil {
		tell(Check{"folder", Problem, "the working directory is gone: " + err.Error(), "change to one that is there: cd"})
	} else {
		k := examineFolder(wd, Warning, "change to a writable folder with free space, or name outputs elsewhere: converting and quantizing write beside the model")
		k.Name = "folder"
		tell(k)
	}
	k := examineFolder(os.TempDir(), Problem, temporaryAdvice)
	k.Name = "temporary"
	tell(k)
}

const temporaryAdvice = `name a writable folder with free space: export TMPDIR=/var/tmp, on Windows set TMP; "compare" keeps its files there`

// examineFolder tries to write a file in a folder. bad is the status if that fails.
func examineFolder(dir string, bad Status, advice string) Check {
	if err := tryWriting(dir); err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return Check{Status: bad, Text: fmt.Sprintf("%s: cannot write there: %v", dir, err), Advice: advice}
	}
	usage, err := disk.Usage(dir)
	if err != nil {
		return Check{Status: OK, Text: dir + ": free space not known"}
	}
	text := fmt.Sprintf("%s: %s free", dir, units.Bytes(int64(usage.Free)))
	if usage.Free < littleDisk {
		return Check{Status: Warning, Text: text, Advice: advice}
	}
	return Check{Status: OK, Text: text}
}

// tryWriting writes a small file and removes it. That finds a full disk as well as missing rights.
func tryWriting(dir string) (err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return syscall.ENOTDIR
	}
	f, err := os.CreateTemp(dir, ".gosling-doctor-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(filepath.Clean(f.Name()))) }()
	_, err = f.Write(make([]byte, 1<<20))
	return errors.Join(err, f.Sync(), f.Close())
}

// examineLeft reports the folders that stopped runs left.
func examineLeft(left []Left, tell func(Check)) {
	for _, l := range left {
		tell(Check{
			Name: "left over", Status: Warning,
			Text:   fmt.Sprintf("%s: %s left by %s, which was stopped", l.Path, units.Bytes(folderSize(l.Path)), l.Of),
			Advice: "resume with the same command and --resume, or remove the folder",
		})
	}
}

// folderSize returns the size of all files in a folder that can be read.
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
