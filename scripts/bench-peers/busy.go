package main

import (
	"context"
	"os"
	"os/exec"
	"time"
)

// busyLoop is the argument with which the program does nothing but keep a processor busy.
const busyLoop = "busy-loop"

// keepBusy starts n processes that each keep a processor busy. stop ends them and returns the processor time that they used.
func keepBusy(ctx context.Context, n int) (stop func() time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var loops []*exec.Cmd
	stop = func() (used time.Duration) {
		cancel()
		for _, loop := range loops {
			loop.Wait() // it was killed
			used += loop.ProcessState.UserTime()
		}
		return used
	}
	self, err := os.Executable()
	for range n {
		if err != nil {
			break
		}
		loop := exec.CommandContext(ctx, self, busyLoop)
		if err = loop.Start(); err == nil {
			loops = append(loops, loop)
		}
	}
	if err != nil {
		stop()
	}
	return stop, err
}
