// Package sched computes many texts with one model, side by side. Requests wait in a queue, their prompts are read in chunks, and then all
// of them decode together, one token each in one graph.
//
// One goroutine, the loop, owns the model's slots. It takes one step after another: it admits requests, lets the texts that decode go one
// token further or reads a chunk of a prompt, and hands out what came. Everything else talks to it through Submit and a Stream:
//
//   - Reading in chunks by time: while others decode, a chunk of a prompt takes no longer than Options.Latency, and reading gets at most a share of
//     the time. So a long prompt stalls nobody.
//   - Fairness: each tenant has a counter of the time that its texts took. What is free goes to the tenant with the smallest one.
//   - Taking turns: if all slots are taken, a text that has decoded Options.Quantum tokens is swapped out for one that waits. That costs
//     two copies of a state, whatever the length of the text.
//   - Back-pressure: a text whose Stream is not read is parked, outside of the slots.
//   - Several texts of one prompt: it is read once, and each text goes on from the state behind it.
//   - Faults: an error of the machine, or a panic, ends the texts that it concerns. The others and the next ones are right.
//
// phase.go has the table of the phases of a text. Limits: one model for each Engine.
package sched
