package server

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// connections bounds the open connections. A new one above the limit takes the place of the one that has waited longest for a request to
// arrive. If none waits, the new one is closed.
type connections struct {
	most    int
	mu      sync.Mutex
	open    map[net.Conn]*list.Element // nil while a request is being answered
	waiting *list.List                 // the longest wait first
}

func newConnections(most int) *connections {
	return &connections{most: most, open: map[net.Conn]*list.Element{}, waiting: list.New()}
}

// changed is the ConnState of an http.Server. A connection whose first header arrives slowly is still new.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		if len(c.open) >= c.most {
			victim := conn
			if first := c.waiting.Front(); first != nil {
				victim = first.Value.(net.Conn)
			}
			c.forget(victim)
			cut(victim)
			if victim == conn {
				return
			}
		}
		c.open[conn] = c.waiting.PushBack(conn)
	case http.StateActive:
		if e := c.open[conn]; e != nil {
			c.waiting.Remove(e)
			c.open[conn] = nil
		}
	case http.StateIdle:
		if e, ok := c.open[conn]; ok && e == nil {
			c.open[conn] = c.waiting.PushBack(conn)
		}
	case http.StateClosed, http.StateHijacked:
		c.forget(conn)
	}
}

// closeWaiting closes the connections that wait for a request.
func (c *connections) closeWaiting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.waiting.Front(); e != nil; e = c.waiting.Front() {
		conn := e.Value.(net.Conn)
		c.forget(conn)
		cut(conn)
	}
}

func (c *connections) forget(conn net.Conn) {
	if e := c.open[conn]; e != nil {
		c.waiting.Remove(e)
	}
	delete(c.open, conn)
}

// cut closes a connection without a farewell, for which a TLS connection might wait.
func cut(conn net.Conn) {
	if outer, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = outer.NetConn()
	}
	_ = conn.Close()
}
