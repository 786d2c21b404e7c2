package infile

// doNotWait is 0: opening a file on Windows never waits for another program.
const doNotWait = 0
