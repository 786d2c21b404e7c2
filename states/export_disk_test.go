package states

import (
	"io"
)

// Sealed returns a record with its checksum, as the value of a key.
func Sealed(key, text string) []byte { return append(sumOf([]byte(key), []byte(text)), text...) }

// FailingDisk lets what a store does with its files fail.
type FailingDisk struct {
	disk
	// Fail returns the error of an operation on a file, or nil. The operations are list, create, write, flush, close, open, read, rename,
	// remove and sync.
	Fail func(operation, name string) error
}

// Wrap lets the files of a store fail as fail says.
func (n *Names) Wrap(fail func(operation, name string) error) {
	n.folder.disk = &FailingDisk{n.folder.root, fail}
}

// Unwrap ends what Wrap began.
func (n *Names) Unwrap() { n.folder.disk = n.folder.root }

// BreakIndex makes each change of the index an error.
func (n *Names) BreakIndex() error { return n.folder.index.Close() }

func (f *FailingDisk) create(name string) (output, error) {
	if err := f.Fail("create", name); err != nil {
		return nil, err
	}
	w, err := f.disk.create(name)
	return failingOutput{w, f, name}, err
}

func (f *FailingDisk) open(name string) (io.ReadCloser, int64, error) {
	if err := f.Fail("open", name); err != nil {
		return nil, 0, err
	}
	r, size, err := f.disk.open(name)
	return failingInput{r, f, name}, size, err
}

func (f *FailingDisk) rename(from, to string) error {
	if err := f.Fail("rename", from); err != nil {
		return err
	}
	return f.disk.rename(from, to)
}

func (f *FailingDisk) remove(name string) error {
	if err := f.Fail("remove", name); err != nil {
		return err
	}
	return f.disk.remove(name)
}

func (f *FailingDisk) sync(folder string) error {
	if err := f.Fail("sync", folder); err != nil {
		return err
	}
	return f.disk.sync(folder)
}

type failingOutput struct {
	output
	disk *FailingDisk
	name string
}

func (f failingOutput) Write(p []byte) (int, error) {
	if err := f.disk.Fail("write", f.name); err != nil {
		n, _ := f.output.Write(p[:len(p)/2])
		return n, err
	}
	return f.output.Write(p)
}

func (f failingOutput) Sync() error {
	if err := f.disk.Fail("flush", f.name); err != nil {
		return err
	}
	return f.output.Sync()
}

func (f failingOutput) Close() error {
	err := f.output.Close()
	if fault := f.disk.Fail("close", f.name); fault != nil {
		return fault
	}
	return err
}

type failingInput struct {
	io.ReadCloser
	disk *FailingDisk
	name string
}

func (f failingInput) Read(p []byte) (int, error) {
	if err := f.disk.Fail("read", f.name); err != nil {
		return 0, err
	}
	return f.ReadCloser.Read(p)
}
