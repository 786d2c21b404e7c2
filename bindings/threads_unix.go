//go:build !windows

package bindings

import (
	"runtime"

	"github.com/ebitengine/purego"
)

// pthreads lists the functions used from pthread.h and stdlib.h.
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

// lockSize is larger than any system's pthread_rwlock_t.
const lockSize = 1024

// CountThreads starts threads until there are n or the system refuses one. It then ends them and returns how many there were.
// This covers all limits: on processes, on a control group, on address space for stacks. If it cannot try, it returns n.
func CountThreads(n int) int {
	inProcess := func(symbol string) (uintptr, error) { return purego.Dlsym(purego.RTLD_DEFAULT, symbol) }
	var c pthreads
	// The threads run a C function that waits and returns, because C threads must not run Go code.
	readLock, err := inProcess("pthread_rwlock_rdlock")
	if err != nil || bind(&c, inProcess) != nil {
		return n
	}
	runtime.LockOSThread() // the thread that locks must also unlock
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
