package front_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wattgate/wattgate/daemon/front"
	"github.com/wattgate/wattgate/daemon/front/fronttest"
)

// realBroker is a Mosquitto and the front before it, with room for all sockets of a test.
func realBroker(t testing.TB, o front.Options) (*fronttest.Broker, *front.Front) {
	b := fronttest.StartBroker(t)
	o.Broker = func() string { return b.WebSockets }
	o.Limits.SocketsEach, o.Limits.Sockets, o.Limits.Burst = 1000, 1000, 2000
	return b, newFront(t, o)
}

func ws(url string) string { return "ws" + strings.TrimPrefix(url, "http") }

func TestRealClientsOnTheRealBroker(t *testing.T) {
	b, f := realBroker(t, front.Options{BasePath: "/power"})
	publisher := fronttest.MustDial(t, "tcp://"+b.TCP)
	long := strings.Repeat("long ", 2_000) // beyond our buffers; Mosquitto 2.0 itself sends WebSockets but 40 kB/s
	for _, url := range []string{server(t, f, false).URL + "/", server(t, f, true).URL + "/mqtt", server(t, f, false).URL + "/power/mqtt"} {
		c := fronttest.MustDial(t, ws(url))
		c.MustSubscribe(t, "from")
		for _, text := range []string{"a", long, "b"} {
			publisher.Publish(t, "from", text)
			if got := c.Next(t); got != text {
				t.Errorf("%s: %.40q, want %.40q", url, got, text)
			}
		}
		c.Publish(t, "from", "back"+long)
		if got := c.Next(t); got != "back"+long {
			t.Errorf("%s: back came %.40q", url, got)
		}
		c.Close()
	}
	noSockets(t, f)
}

func TestFiftySocketsHearEverythingInOrder(t *testing.T) {
	b, f := realBroker(t, front.Options{})
	url := ws(server(t, f, false).URL)
	clients := make([]*fronttest.Client, 50)
	errs := make([]error, 50)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			if clients[i], errs[i] = fronttest.Dial(url, nil, false); errs[i] == nil {
				errs[i] = clients[i].Subscribe("all")
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	publisher := fronttest.MustDial(t, "tcp://"+b.TCP)
	var want []string
	for n := range 50 {
		want = append(want, strings.Repeat("x", n*20))
		publisher.Publish(t, "all", want[n])
	}
	for i, c := range clients {
		var got []string
		for range want {
			got = append(got, c.Next(t))
		}
		if !slices.Equal(got, want) {
			t.Errorf("client %d heard something else", i)
		}
	}
	if s := f.Stats(); s.Sockets != 50 {
		t.Errorf("%+v", s)
	}
	f.Close()
	for _, c := range clients {
		<-c.Lost
	}
	noSockets(t, f)
}

func TestClientsComeBackAfterTheBrokersRestart(t *testing.T) {
	b, f := realBroker(t, front.Options{})
	url := ws(server(t, f, false).URL)
	c, err := fronttest.Dial(url, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.MustSubscribe(t, "again")
	b.Stop()
	<-c.Lost
	if _, err := fronttest.Dial(url, nil, false); err == nil {
		t.Error("a socket without a broker")
	}
	b.Start()
	fronttest.Eventually(t, "the client to be connected again", c.Connected)
	c.MustSubscribe(t, "again") // the new broker knows nothing of the old one's
	publisher := fronttest.MustDial(t, url)
	fronttest.Eventually(t, "a message after the restart", func() bool {
		publisher.Send("again", "hello")
		return len(c.Got) > 0
	})
}

func TestRealClientFromAForeignPageIsRefused(t *testing.T) {
	_, f := realBroker(t, front.Options{Origins: []string{"https://friend.example"}})
	url := ws(server(t, f, false).URL)
	for origin, ok := range map[string]bool{"https://friend.example": true, "https://evil.example": false} {
		c, err := fronttest.Dial(url, http.Header{"Origin": {origin}}, false)
		if c.Close(); (err == nil) != ok {
			t.Errorf("%s: %v", origin, err)
		}
	}
}
