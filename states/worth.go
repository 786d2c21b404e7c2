package states

import (
	"cmp"
	"container/heap"
	"math"
)

// entryBytes is the memory of an entry beside its state and logits.
const entryBytes = 320

// entry is a checkpoint in the tree.
type entry struct {
	Checkpoint
	root  root
	node  *node    // its place, or nil after it was removed
	sum   [32]byte // the hash of the tokens behind it, if Cut
	depth int      // the length of the path to it
	read  int64    // State.Tokens when it was put
	hits  int64
	age   float64 // the cache's when it was put or used
	pins  int
	order int64 // the number of entries before it; decides between equal worths

	heap  int     // its index in the heap, or -1
	worth float64 // what now says, while it is in the heap
}

// size returns the memory of the entry.
func (e *entry) size() int64 { return entryBytes + e.State.Bytes() + 4*int64(len(e.Logits)) }

// now returns what the entry is worth: age + √hits · cost / bytes, where cost is the time in seconds to read the text from the nearest
// entry above. This is the rule greedy-dual-size-frequency (Cherkasova, "Improving WWW proxies performance with greedy-dual-size-frequency
// caching policy", 1998) with a cost that depends on what else is kept, and with the root of the frequency. A turn of a conversation hits
// the end of the last turn, which is hardly needed again, so a hit says less than in other caches: see BenchmarkConversations.
func (e *entry) now() float64 {
	cost := e.Cost
	if above := e.node.above(); above != nil {
		cost -= above.Cost
	}
	return e.age + math.Sqrt(float64(e.hits))*max(0, cost).Seconds()/float64(e.size())
}

// worths is a heap of the entries that may be removed, the least worth first.
type worths []*entry

func (w worths) Len() int { return len(w) }

func (w worths) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(w[i].worth, w[j].worth), cmp.Compare(w[i].order, w[j].order)) < 0
}

func (w worths) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].heap, w[j].heap = i, j
}

// Push is for package heap.
func (w *worths) Push(e any) { *w = append(*w, e.(*entry)) }

// Pop is for package heap.
func (w *worths) Pop() any {
	last := len(*w) - 1
	e := (*w)[last]
	(*w)[last] = nil
	*w = (*w)[:last]
	return e
}

// add places an entry in the heap, by what it is worth now.
func (w *worths) add(e *entry) {
	e.worth, e.heap = e.now(), len(*w)
	heap.Push(w, e)
}

// drop takes an entry out of the heap, if it is there.
func (w *worths) drop(e *entry) {
	if e.heap >= 0 {
		heap.Remove(w, e.heap)
		e.heap = -1
	}
}

// fix moves an entry to where its present worth belongs.
func (w *worths) fix(e *entry) {
	if e.heap >= 0 {
		e.worth = e.now()
		heap.Fix(w, e.heap)
	}
}
