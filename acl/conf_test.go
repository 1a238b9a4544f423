package acl

import (
	"math"
	"strings"
	"testing"
)

func saleConf() Conf {
	return Conf{
		Dir: "/var/lib/wattgate/mosquitto", User: "wattgate",
		Listeners: []Listener{
			{Address: "0.0.0.0", Port: 1883, MaxConnections: 1000},
			{Port: 8883, MaxConnections: 500, CertFile: "/var/lib/wattgate/tls/cert.pem", KeyFile: "/var/lib/wattgate/tls/key.pem"},
			{Address: "127.0.0.1", Port: 9001, MaxConnections: 1000, Protocol: WebSockets},
		},
	}
}

func TestRenderConfGolden(t *testing.T) {
	b, err := RenderConf(saleConf())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "mosquitto.conf", b)
}

func TestRenderConfRefuses(t *testing.T) {
	for name, change := range map[string]func(*Conf){
		"relative directory":     func(c *Conf) { c.Dir = "x" },
		"directory with blank":   func(c *Conf) { c.Dir = "/a b" },
		"directory with LF":      func(c *Conf) { c.Dir = "/a\nallow_anonymous" },
		"directory with dots":    func(c *Conf) { c.Dir = "/a/../b" },
		"socket too long":        func(c *Conf) { c.Dir = "/" + strings.Repeat("x", 100) },
		"no user":                func(c *Conf) { c.User = "" },
		"user with LF":           func(c *Conf) { c.User = "x\ny" },
		"port 0":                 func(c *Conf) { c.Listeners[0].Port = 0 },
		"port too high":          func(c *Conf) { c.Listeners[0].Port = 65536 },
		"no connection cap":      func(c *Conf) { c.Listeners[0].MaxConnections = 0 },
		"connection cap off":     func(c *Conf) { c.Listeners[0].MaxConnections = -1 },
		"address with blank":     func(c *Conf) { c.Listeners[0].Address = "0.0.0.0 x" },
		"address with LF":        func(c *Conf) { c.Listeners[0].Address = "0.0.0.0\npersistence true" },
		"unknown protocol":       func(c *Conf) { c.Listeners[0].Protocol = "http_api" },
		"certificate without":    func(c *Conf) { c.Listeners[1].KeyFile = "" },
		"key without":            func(c *Conf) { c.Listeners[1].CertFile = "" },
		"certificate relative":   func(c *Conf) { c.Listeners[1].CertFile = "cert.pem" },
		"negative limit":         func(c *Conf) { c.Limits.Queued = -1 },
		"limit beyond all sense": func(c *Conf) { c.Limits.PacketBytes = math.MaxInt32 },
	} {
		c := saleConf()
		change(&c)
		if b, err := RenderConf(c); err == nil {
			t.Errorf("%s was rendered:\n%s", name, b)
		} else if !strings.Contains(err.Error(), "cannot write mosquitto.conf") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
