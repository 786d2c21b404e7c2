package bindings

// CountThreads is n: Windows sets no limit on threads but memory.
func CountThreads(n int) int { return n }
