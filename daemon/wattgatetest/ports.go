//go:build linux

package wattgatetest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are handed out from below the range the kernel picks from (32768 and up by default), so that no connection and
// no simulated plug takes one between the moment it is chosen and the moment it is used.
const (
	firstPort = 12000
	lastPort  = 31999
)

// ports hands out each free port once.
type ports struct {
	mu   sync.Mutex
	next int // guarded by mu
}

// newPorts begins somewhere, so that several test processes on one machine seldom meet.
func newPorts() *ports { return &ports{next: firstPort + rand.IntN(lastPort-firstPort)} }

func (p *ports) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range lastPort - firstPort {
		port := p.next
		if p.next++; p.next > lastPort {
			p.next = firstPort
		}
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("cannot find a free port")
}

// FreePort is a TCP port of the loopback interface that nobody uses and that is not handed out again.
func (p Program) FreePort() (int, error) { return p.ports.take() }
