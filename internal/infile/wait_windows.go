package infile

import "os"

// doNotWait is 0: opening a file on Windows never waits for another program.
const doNotWait = 0

// ready reports whether a pipe takes some bytes now. Windows does not tell.
func ready(*os.File) bool { return false }
