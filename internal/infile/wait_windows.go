package infile

// doNotWait is nothing: no file of Windows keeps a program waiting until somebody opens its other end.
const doNotWait = 0
