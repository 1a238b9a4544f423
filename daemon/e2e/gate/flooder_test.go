//go:build linux

package gate

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// envFlood has this test program flood a broker instead of testing: host:port, how many connections, the order in hex.
// It is a process of its own, behind all others, because what is measured here must not wait for the flood's own work.
const envFlood = "WATTGATE_GATE_FLOOD"

// floodOrders prepares connections on # that will send orders as fast as the broker takes them. They look like orders and
// cost the gateway as much as a stranger can make it cost: they name a key of the present offer, and open to nothing.
func (w *world) floodOrders(n int) (start func(), stop func() (sent string)) {
	w.t.Helper()
	order := sealedOrder(w.t, w.offer(), "nobody-nobody-nobody-nobody", "flooder")
	order[len(order)-1] ^= 1
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command("nice", "-n", "19", self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %x", envFlood, strings.TrimPrefix(w.MQTT, "mqtt://"), n, order))
	in, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	said := &wattgatetest.Log{}
	cmd.Stdout, cmd.Stderr = said, os.Stderr
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := sync.OnceFunc(func() { _ = in.Close(); _ = cmd.Wait() })
	w.t.Cleanup(ended)
	eventually(w.t, 20*time.Second, func() error { return expect(said.Contains("connected"), "the flood is not connected") })
	return func() { _, _ = in.Write([]byte("go\n")) }, func() string {
		ended()
		lines := said.Lines()
		return lines[len(lines)-1].Text
	}
}

// floodOnly is what the process of a flood does until its standard input ends.
func floodOnly(spec string) error {
	var address, text string
	var n int
	if _, err := fmt.Sscan(spec, &address, &n, &text); err != nil {
		return err
	}
	order, err := hex.DecodeString(text)
	if err != nil {
		return err
	}
	var conns []net.Conn
	for range n {
		c, err := dialFlood(address)
		// The listener's cap counts those who were there before; a Mosquitto of 2.1 keeps to it exactly.
		if err != nil && len(conns) >= n*9/10 {
			break
		}
		if err != nil {
			return err
		}
		conns = append(conns, c)
	}
	fmt.Println("connected")
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		return nil // the test ended before the flood began
	}
	began := time.Now()
	var sent atomic.Int64
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload = "wattgate/orders", order
	for _, c := range conns {
		own := *p
		go func() {
			for own.Write(c) == nil {
				sent.Add(1)
			}
		}()
	}
	_, _ = in.ReadString('\n')
	fmt.Printf("%d orders a second into the network\n", int(float64(sent.Load())/time.Since(began).Seconds()))
	return nil
}

func dialFlood(address string) (net.Conn, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion, p.Keepalive, p.CleanSession, p.ClientIdentifier = "MQTT", 4, 60, true, rand.Text()
	if err := p.Write(conn); err != nil {
		return nil, err
	}
	if err := answered(conn); err != nil {
		return nil, err
	}
	s := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	s.MessageID, s.Topics, s.Qoss = 1, []string{"#"}, []byte{0}
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	return conn, s.Write(conn)
}
