package devicestest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// subscriptionFor is how long a subscription lasts, as a real Insight answered
// when it was asked for 300 s.
const subscriptionFor = 1801 * time.Second

// maxSubscriptions bounds what one plug remembers.
const maxSubscriptions = 16

// subscription is one subscriber of the insight service.
type subscription struct {
	to      netip.AddrPort
	path    string
	expires time.Time
	key     uint32 // of the next event
}

// subscriptions are all of one plug. mu guards what follows it.
type subscriptions struct {
	mu   sync.Mutex
	made int
	list map[string]*subscription // by SID
}

var callbackForm = regexp.MustCompile(`^<(http://[^<>]+)>`)

// subscribe answers SUBSCRIBE and UNSUBSCRIBE for the services insight1 and
// basicevent1; events are sent for the first only.
func (p *Plug) subscribe(r *http.Request) reply {
	switch r.URL.Path {
	case "/upnp/event/insight1", "/upnp/event/basicevent1":
	default:
		return reply{status: http.StatusNotFound}
	}
	s := &p.subs
	s.mu.Lock()
	defer s.mu.Unlock()
	sid := r.Header.Get("SID")
	known := s.list[sid]
	if sid != "" && known == nil {
		return reply{status: http.StatusPreconditionFailed}
	}
	if r.Method == "UNSUBSCRIBE" {
		delete(s.list, sid)
		return reply{status: http.StatusOK, terse: true, header: "Accept-Ranges: bytes\r\nCONNECTION: close\r\nCONTENT-TYPE: text/html\r\n",
			body: "<html><body><h1>200 OK</h1></body></html>"}
	}
	if known == nil {
		to, path, err := callback(r.Header.Get("CALLBACK"))
		if err != nil || r.Header.Get("NT") != "upnp:event" || len(s.list) >= maxSubscriptions {
			return reply{status: http.StatusPreconditionFailed}
		}
		s.made++
		sid = fmt.Sprintf("uuid:%08x-1dd2-11b2-%04x-%s", uint32(p.opt.Seed), s.made, "b527ba18a01e")
		known = &subscription{to: to, path: path}
		if s.list == nil {
			s.list = map[string]*subscription{}
		}
		s.list[sid] = known
		if strings.HasSuffix(r.URL.Path, "insight1") {
			signal(p.events) // the first event brings the present state
		} else {
			known.to = netip.AddrPort{}
		}
	}
	known.expires = time.Now().Add(subscriptionFor)
	return reply{status: http.StatusOK, header: fmt.Sprintf("SID: %s\r\nTIMEOUT: Second-%d\r\n", sid, int(subscriptionFor.Seconds()))}
}

// callback reads where events are wanted.
func callback(header string) (netip.AddrPort, string, error) {
	m := callbackForm.FindStringSubmatch(header)
	if m == nil {
		return netip.AddrPort{}, "", fmt.Errorf("cannot use callback %q", header)
	}
	u, err := url.Parse(m[1])
	if err != nil {
		return netip.AddrPort{}, "", err
	}
	to, err := netip.ParseAddrPort(u.Host)
	return to, u.RequestURI(), err
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Subscribers returns how many subscriptions to its meter the plug holds.
func (p *Plug) Subscribers() int {
	p.subs.mu.Lock()
	defer p.subs.mu.Unlock()
	n := 0
	for _, s := range p.subs.list {
		if s.to.IsValid() {
			n++
		}
	}
	return n
}

// ForgetSubscribers drops all subscriptions, as a plug that restarts does: the
// next renewal is answered with 412.
func (p *Plug) ForgetSubscribers() {
	p.subs.mu.Lock()
	defer p.subs.mu.Unlock()
	clear(p.subs.list)
}

// send sends an event at each refresh of the meter, until ctx ends. A plug that
// is switched off sends none, as recorded.
func (p *Plug) send(ctx context.Context) {
	for {
		next := refresh(time.Now().Add(fullCycle - halfCycle))
		t := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-p.events:
			t.Stop()
		case <-t.C:
		}
		if p.Subscribers() == 0 {
			continue
		}
		p.mu.Lock()
		on, mute, params := p.meter.relay, p.fault.Mute, p.meter.params(time.Now())
		p.mu.Unlock()
		if on && !mute {
			p.notify(ctx, strings.Replace(params, ".000000|", "|", 1)) // events carry no decimals
		}
	}
}

func (p *Plug) notify(ctx context.Context, params string) {
	type event struct {
		to        netip.AddrPort
		path, sid string
		key       uint32
	}
	var events []event
	p.subs.mu.Lock()
	for sid, s := range p.subs.list {
		if time.Now().After(s.expires) {
			delete(p.subs.list, sid)
		} else if s.to.IsValid() {
			events = append(events, event{s.to, s.path, sid, s.key})
			s.key++
		}
	}
	p.subs.mu.Unlock()
	for _, e := range events {
		body := `<e:propertyset xmlns:e="urn:schemas-upnp-org:event-1-0">` + "\n<e:property>\n<InsightParams>" + params + "</InsightParams>\n</e:property>\n</e:propertyset>\n\n"
		post(ctx, p.own.Addr(), e.to, fmt.Sprintf("NOTIFY %s HTTP/1.1\r\nHOST: %s\r\nCONTENT-TYPE: text/xml; charset=\"utf-8\"\r\nCONTENT-LENGTH: %d\r\n"+
			"NT: upnp:event\r\nNTS: upnp:propchange\r\nSID: %s\r\nSEQ: %d\r\nX-User-Agent: redsonic\r\n\r\n%s", e.path, e.to, len(body), e.sid, e.key, body))
	}
}

// post sends one message from the plug's own address. Whether it arrived is no
// concern of a plug's.
func post(ctx context.Context, from netip.Addr, to netip.AddrPort, message string) {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialTCP(ctx, "tcp4", netip.AddrPortFrom(from, 0), to)
	if err != nil {
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprint(conn, message)
	conn.Read(make([]byte, 512))
}
