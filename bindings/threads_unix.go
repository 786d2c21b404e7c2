//go:build !windows

package bindings

import (
	"runtime"

	"github.com/ebitengine/purego"
)

// pthreads is what we call of pthread.h and stdlib.h.
type pthreads struct {
	// int pthread_create(pthread_t * thread, const pthread_attr_t * attr, void * (*start)(void *), void * arg)
	Create func(thread *uintptr, attr, start, arg uintptr) int32 `c:"pthread_create"`
	// int pthread_join(pthread_t thread, void ** result)
	Join func(thread, result uintptr) int32 `c:"pthread_join"`
	// int pthread_rwlock_init(pthread_rwlock_t * lock, const pthread_rwlockattr_t * attr)
	LockInit func(lock, attr uintptr) int32 `c:"pthread_rwlock_init"`
	// int pthread_rwlock_wrlock(pthread_rwlock_t * lock)
	WriteLock func(lock uintptr) int32 `c:"pthread_rwlock_wrlock"`
	// int pthread_rwlock_unlock(pthread_rwlock_t * lock)
	Unlock func(lock uintptr) int32 `c:"pthread_rwlock_unlock"`

	// void * calloc(size_t n, size_t size)
	Calloc func(n, size uintptr) uintptr `c:"calloc"`
	// void free(void * p)
	Free func(uintptr) `c:"free"`
}

// lockSize is more than any system's pthread_rwlock_t takes.
const lockSize = 1024

// CountThreads starts threads until there are n or the system refuses one, ends them, and returns how many there were. That
// takes all limits into account: of processes, of a control group, of address space for stacks. Where it cannot be tried, it
// is n.
func CountThreads(n int) int {
	inProcess := func(symbol string) (uintptr, error) { return purego.Dlsym(purego.RTLD_DEFAULT, symbol) }
	var c pthreads
	// A function that waits and returns: C threads may not run Go.
	readLock, err := inProcess("pthread_rwlock_rdlock")
	if err != nil || bind(&c, inProcess) != nil {
		return n
	}
	runtime.LockOSThread() // whoever locks must unlock
	defer runtime.UnlockOSThread()
	lock := c.Calloc(1, lockSize)
	if lock == 0 {
		return 0
	}
	defer c.Free(lock)
	if c.LockInit(lock, 0) != 0 || c.WriteLock(lock) != 0 {
		return n
	}
	threads := make([]uintptr, 0, n)
	for len(threads) < n {
		var thread uintptr
		if c.Create(&thread, 0, readLock, lock) != 0 {
			break
		}
		threads = append(threads, thread)
	}
	c.Unlock(lock)
	for _, thread := range threads {
		c.Join(thread, 0)
	}
	return len(threads)
}
