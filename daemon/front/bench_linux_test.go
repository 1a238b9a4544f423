package front_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/front"
	"github.com/wattgate/wattgate/daemon/front/fronttest"
)

// envBroker makes the test's program a web front before that broker, so that its CPU time can be told from that of the
// clients.
const envBroker = "WATTGATE_FRONT_BENCH_BROKER"

func TestMain(m *testing.M) {
	if address := os.Getenv(envBroker); address != "" {
		fmt.Fprintln(os.Stderr, frontAlone(address))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func frontAlone(broker string) error {
	f, err := front.New(front.Options{API: http.NotFoundHandler(), Broker: func() string { return broker },
		Limits: front.Limits{SocketsEach: 2000, Sockets: 2000, Burst: 2000, ConnsEach: 2000}})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(f.Listener(l), f)
}

const (
	benchSockets = 500
	benchRate    = 500 * time.Millisecond
	benchSlots   = 20 // for each of the rounds: ten seconds
	benchRounds  = 3
)

// BenchmarkBesideMosquittosOwn compares 500 sockets at 2 Hz through the front with the same straight at Mosquitto, in turns
// on the same broker. CPU is in percent of one core, memory what a socket takes in the front.
func BenchmarkBesideMosquittosOwn(b *testing.B) {
	broker := fronttest.StartBroker(b)
	address, pid := startAlone(b, broker.WebSockets)
	publisher := fronttest.MustDial(b, "tcp://"+broker.TCP)
	before := residentKB(b, pid)
	var memory float64
	lags := map[string][]time.Duration{}
	var frontCPU, directCPU, throughCPU time.Duration
	for b.Loop() {
		for range benchRounds {
			straight := dialMany(b, "ws://"+broker.WebSockets)
			cpu := cpuOf(b, broker.PID())
			lags["straight"] = append(lags["straight"], run(b, publisher, straight)...)
			directCPU += cpuOf(b, broker.PID()) - cpu
			closeAll(straight)

			through := dialMany(b, "ws://"+address)
			memory = float64(residentKB(b, pid)-before) / benchSockets
			cpu, cpuFront := cpuOf(b, broker.PID()), cpuOf(b, pid)
			lags["through"] = append(lags["through"], run(b, publisher, through)...)
			throughCPU += cpuOf(b, broker.PID()) - cpu
			frontCPU += cpuOf(b, pid) - cpuFront
			closeAll(through)
		}
	}
	span := time.Duration(b.N*benchRounds*benchSlots) * benchRate
	percent := func(d time.Duration) float64 { return 100 * float64(d) / float64(span) }
	b.ReportMetric(0, "ns/op")
	for _, way := range []string{"straight", "through"} {
		slices.Sort(lags[way])
		b.ReportMetric(ms(lags[way], 50), way+"-p50-ms")
		b.ReportMetric(ms(lags[way], 99), way+"-p99-ms")
	}
	b.ReportMetric(ms(lags["through"], 50)/ms(lags["straight"], 50), "p50-ratio")
	b.ReportMetric(ms(lags["through"], 99)/ms(lags["straight"], 99), "p99-ratio")
	b.ReportMetric(percent(frontCPU), "front-cpu-%")
	b.ReportMetric(percent(directCPU), "broker-cpu-straight-%")
	b.ReportMetric(percent(throughCPU), "broker-cpu-through-%")
	b.ReportMetric(memory, "front-KB/socket")
}

func startAlone(b *testing.B, broker string) (address string, pid int) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Env = append(os.Environ(), envBroker+"="+broker)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line), cmd.Process.Pid
}

func dialMany(b *testing.B, url string) []*fronttest.Client {
	b.Helper()
	clients, errs := make([]*fronttest.Client, benchSockets), make([]error, benchSockets)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			if clients[i], errs[i] = fronttest.Dial(url, nil, false); errs[i] == nil {
				errs[i] = clients[i].Subscribe("bench")
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	return clients
}

func closeAll(clients []*fronttest.Client) {
	for _, c := range clients {
		c.Close()
	}
}

// run publishes messages of a reading's size and returns how long each took to each client.
func run(b *testing.B, publisher *fronttest.Client, clients []*fronttest.Client) []time.Duration {
	b.Helper()
	tick := time.NewTicker(benchRate)
	defer tick.Stop()
	for range benchSlots {
		<-tick.C
		now := strconv.FormatInt(time.Now().UnixNano(), 10)
		publisher.Send("bench", now+" "+strings.Repeat("x", 130-len(now)))
	}
	var lags []time.Duration
	for _, c := range clients {
		for range benchSlots {
			select {
			case m := <-c.Got:
				sent, _, _ := strings.Cut(m.Payload, " ")
				ns, err := strconv.ParseInt(sent, 10, 64)
				if err != nil {
					b.Fatal(err)
				}
				lags = append(lags, m.At.Sub(time.Unix(0, ns)))
			case <-time.After(soon):
				b.Fatal("a message is missing")
			}
		}
	}
	return lags
}

func ms(sorted []time.Duration, percent int) float64 {
	return float64(sorted[len(sorted)*percent/100]) / float64(time.Millisecond)
}

// cpuOf is the time that a process has computed, in steps of 10 ms.
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, behind, _ := strings.Cut(string(text), ") ") // the name may hold blanks
	fields := strings.Fields(behind)
	var ticks time.Duration
	for _, f := range fields[11:13] { // user and system time
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * time.Second / 100
}

func residentKB(b *testing.B, pid int) int {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		b.Fatal(err)
	}
	return pages * os.Getpagesize() / 1024
}
