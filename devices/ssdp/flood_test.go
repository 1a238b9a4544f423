package ssdp

import (
	"fmt"
	"net"
	"runtime"
	"testing"
)

// Ten thousand forged answers to one search leave a bounded list and no memory
// behind.
func TestAFloodOfAnswersIsBounded(t *testing.T) {
	lo := loopback(t)
	conn, err := net.ListenMulticastUDP("udp4", &lo.ifi, &group)
	if err != nil {
		t.Skipf("SKIPPED the flood: no multicast on the loopback interface: %v", err)
	}
	const want = "urn:Belkin:device:insight:1"
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			_, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			for i := range 10_000 {
				fmt.Fprintf(writerTo{conn, net.UDPAddrFromAddrPort(from)}, "HTTP/1.1 200 OK\r\nLOCATION: http://127.0.%d.%d:49153/setup.xml\r\nST: %s\r\nUSN: uuid:Flood-%d::%s\r\n\r\n", i>>8&255, i&255, want, i, want)
			}
		}
	}()
	before := heap()
	answers, err := Search(t.Context(), lo.Name, []string{want})
	conn.Close()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	grown := int64(heap()) - int64(before)
	t.Logf("%d answers kept, %d KiB more than before", len(answers), grown>>10)
	if len(answers) == 0 || len(answers) > maxAnswers || grown > 2<<20 {
		t.Errorf("%d answers kept, %d bytes more than before", len(answers), grown)
	}
	runtime.KeepAlive(answers)
}

type writerTo struct {
	conn *net.UDPConn
	to   *net.UDPAddr
}

func (w writerTo) Write(b []byte) (int, error) { return w.conn.WriteToUDP(b, w.to) }

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
