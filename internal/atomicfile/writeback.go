package atomicfile

// writeBack is how many bytes are written before the system is told to begin with bringing them to the disk, so that
// Commit does not find all of a large file still in memory.
const writeBack = 64 << 20

// Write writes as os.File does.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.wrote(n)
	return n, err
}

// WriteAt writes as os.File does.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	f.wrote(n)
	return n, err
}

// wrote counts bytes that were written, and starts writing them back when there are many.
func (f *File) wrote(n int) {
	after := f.written.Add(int64(n))
	if after/writeBack != (after-int64(n))/writeBack {
		startWriteBack(f.File)
	}
}
