package devicestest

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// service is the TCP side of a plug, until closed.
type service struct {
	plug *Plug
	srv  *http.Server
	done chan struct{} // closed by close: wakes requests that hang
}

func serve(p *Plug, l net.Listener) *service {
	s := &service{plug: p, done: make(chan struct{})}
	s.srv = &http.Server{
		Handler:           http.HandlerFunc(s.handle),
		ReadHeaderTimeout: 5 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	go s.srv.Serve(l)
	return s
}

func (s *service) close() error {
	close(s.done)
	return s.srv.Close()
}

// reply is one answer before it is spoiled by a fault.
type reply struct {
	status int
	header string // further header lines, each with its line end
	body   string
	terse  bool // without date and user agent
}

func (s *service) handle(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<10))
	if err != nil {
		return
	}
	s.plug.note(r.Method, r.URL.Path, r.Header.Get("SOAPACTION"))
	s.plug.mu.Lock()
	fault := s.plug.fault
	s.plug.mu.Unlock()
	if !s.wait(r, fault) {
		return
	}
	s.write(w, s.plug.spoil(fault, s.plug.respond(r, string(body), fault)), fault)
}

// respond is what the plug says, if no fault is in the way of its words.
func (p *Plug) respond(r *http.Request, body string, f Fault) reply {
	switch r.Method {
	case "SUBSCRIBE", "UNSUBSCRIBE":
		return p.subscribe(r)
	}
	return p.answer(r.Method, r.URL.Path, r.Header.Get("SOAPACTION"), body, f)
}

// spoil changes an answer as the fault wants.
func (p *Plug) spoil(f Fault, a reply) reply {
	if f.Status != 0 {
		a.status = f.Status
	}
	if f.Body != "" {
		a.body = f.Body
	}
	if f.BOM {
		a.body = "\ufeff" + a.body
	}
	if f.Redirect != "" {
		a.status, a.header = http.StatusFound, a.header+"LOCATION: "+f.Redirect+"\r\n"
	}
	return a
}

// wait delays a request as the fault wants; false means never to answer.
func (s *service) wait(r *http.Request, f Fault) bool {
	var after <-chan time.Time
	if !f.Hang {
		if f.Delay == 0 {
			return true
		}
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-after:
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}

// write sends the answer byte by byte as the plugs do: in particular it closes
// the connection without having said so after a POST.
func (s *service) write(w http.ResponseWriter, a reply, f Fault) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	when := "DATE: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n"
	agent := "X-User-Agent: redsonic\r\n"
	if a.terse {
		when, agent = "", ""
	}
	length := len(a.body) + f.Surplus
	if f.Endless {
		length = 1 << 30
	}
	fmt.Fprintf(buf, "HTTP/1.1 %d %s\r\nCONTENT-LENGTH: %d\r\n%s%sSERVER: Unspecified, UPnP/1.0, Unspecified\r\n%s\r\n",
		a.status, http.StatusText(a.status), length, a.header, when, agent)
	if f.Drip == 0 && !f.Endless {
		buf.WriteString(a.body)
		buf.Flush() // fails if the client went away
		return
	}
	if buf.Flush() == nil {
		s.trickle(conn, a.body, f)
	}
}

// trickle sends a body slowly, or without end, until the client gives up or the
// service is closed.
func (s *service) trickle(conn net.Conn, body string, f Fault) {
	blanks := strings.Repeat(" ", 4096)
	for i := 0; i < len(body) || f.Endless; i++ {
		piece := blanks
		if i < len(body) {
			piece = body[i : i+1]
		}
		if _, err := io.WriteString(conn, piece); err != nil {
			return
		}
		select {
		case <-s.done:
			return
		case <-time.After(f.Drip):
		}
	}
}

// answer is what a plug without faults says.
func (p *Plug) answer(method, path, action, body string, f Fault) reply {
	const get = "CONTENT-TYPE: text/xml\r\nLAST-MODIFIED: Sat, 01 Jan 2000 00:01:07 GMT\r\nCONNECTION: close\r\n"
	const post = "CONTENT-TYPE: text/xml; charset=\"utf-8\"\r\nEXT: \r\n"
	switch {
	case method == http.MethodGet && path == "/setup.xml":
		return reply{status: http.StatusOK, header: get, body: p.description(cmp.Or(f.UDN, p.UDN()))}
	case method != http.MethodPost || path != "/upnp/control/insight1":
		return reply{status: http.StatusNotFound, header: get, body: "<html><body><h1>404 Not Found</h1></body></html>"}
	case action != `"urn:Belkin:service:insight:1#GetInsightParams"` || !strings.Contains(body, "GetInsightParams"):
		return reply{status: http.StatusInternalServerError, header: post, body: soap(`<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>` +
			`<detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>401</errorCode><errorDescription>Invalid Action</errorDescription></UPnPError></detail></s:Fault>`)}
	}
	p.mu.Lock()
	params := cmp.Or(f.Params, p.meter.params(time.Now()))
	p.mu.Unlock()
	// The namespace is not the service's own: so do real Insights answer.
	return reply{status: http.StatusOK, header: post, body: soap("<u:GetInsightParamsResponse xmlns:u=\"urn:Belkin:service:metainfo:1\">\r\n<InsightParams>" +
		params + "</InsightParams>\r\n</u:GetInsightParamsResponse>")}
}

func soap(body string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>` +
		"\n" + body + "\r\n</s:Body> </s:Envelope>"
}

func (p *Plug) description(udn string) string {
	var services strings.Builder
	for _, s := range []string{"basicevent", "metainfo", "deviceinfo", "insight"} {
		fmt.Fprintf(&services, "<service><serviceType>urn:Belkin:service:%[1]s:1</serviceType><serviceId>urn:Belkin:serviceId:%[1]s1</serviceId>"+
			"<controlURL>/upnp/control/%[1]s1</controlURL><eventSubURL>/upnp/event/%[1]s1</eventSubURL><SCPDURL>/%[1]sservice.xml</SCPDURL></service>\n", s)
	}
	return fmt.Sprintf(`<?xml version="1.0"?>
<root xmlns="urn:Belkin:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion><device>
<deviceType>urn:Belkin:device:insight:1</deviceType>
<friendlyName>%s</friendlyName>
<manufacturer>Belkin International Inc.</manufacturer>
<modelDescription>Belkin Insight 1.0</modelDescription>
<modelName>Insight</modelName><modelNumber>1.0</modelNumber>
<serialNumber>%s</serialNumber>
<UDN>%s</UDN>
<macAddress>02%010X</macAddress>
<firmwareVersion>WeMo_WW_2.00.11532.PVT-OWRT-InsightV2</firmwareVersion>
<binaryState>1</binaryState>
<serviceList>
%s</serviceList></device></root>
`, html.EscapeString(p.opt.Name), html.EscapeString(p.opt.Serial), html.EscapeString(udn), uint64(p.opt.Seed)&0xffffffffff, services.String())
}
