package acl

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
)

// Conf is what mosquitto.conf depends on. The internal listener, a unix
// socket, always comes first (2.0.11 does not start on WebSockets alone) and
// has no connection cap.
type Conf struct {
	Dir       string // absolute; holds acl, passwd, broker.sock
	User      string // the daemon's own user: files Mosquitto cannot read fail open
	Socket    string // "": broker.sock in Dir; at most 107 bytes, a limit of the kernel
	Listeners []Listener
	Limits    Limits
}

// Listener is one door of the broker to the outside.
type Listener struct {
	Address           string   // IP address or host name; "": all addresses
	Port              int      // 1 to 65535
	MaxConnections    int      // 1 or more; a flood on one listener leaves the others free
	Protocol          Protocol // "": MQTT
	CertFile, KeyFile string   // absolute paths, both or none; none: no TLS
}

// Protocol is what a listener speaks.
type Protocol string

// The protocols of a listener.
const (
	MQTT       Protocol = "mqtt"
	WebSockets Protocol = "websockets"
)

// Limits bound what one client can make the broker hold. Zero fields take the
// value of DefaultLimits.
type Limits struct {
	MessageBytes  int // payload of one PUBLISH
	PacketBytes   int // one MQTT packet
	Queued        int // messages waiting for one client
	QueuedBytes   int // their bytes
	Inflight      int // messages of QoS 1 and 2 on the way to one client
	SessionHours  int // how long an absent client's session is kept
	KeepAliveSecs int // longest keep-alive of an MQTT 5 client
}

// DefaultLimits fits readings of a few hundred bytes, orders of 2 KiB and
// offers of a few KiB. Mosquitto's own defaults are 256 MB a message and
// 1,000 queued.
func DefaultLimits() Limits {
	return Limits{
		PacketBytes:   32 << 10,
		Queued:        64,
		QueuedBytes:   256 << 10,
		Inflight:      16,
		SessionHours:  1,
		KeepAliveSecs: 120,
	}
}

// RenderConf writes mosquitto.conf. Nothing persists over a restart, nothing
// is bridged or served over HTTP, and the log goes to the supervisor, so no
// logrotate needs to signal the broker.
func RenderConf(c Conf) ([]byte, error) {
	c.Socket = cmp.Or(c.Socket, filepath.Join(c.Dir, socketName))
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", confName, err)
	}
	l := c.Limits.orDefault()
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Made by wattgate at each start of the broker; changes are lost.")
	line("user %s", c.User)
	line("allow_anonymous true")
	line("acl_file %s", filepath.Join(c.Dir, aclName))
	line("password_file %s", filepath.Join(c.Dir, passwdName))
	line("persistence false")
	line("sys_interval 0")
	line("max_packet_size %d", l.PacketBytes)
	line("max_queued_messages %d", l.Queued)
	line("max_queued_bytes %d", l.QueuedBytes)
	line("max_inflight_messages %d", l.Inflight)
	line("queue_qos0_messages false")
	line("persistent_client_expiration %dh", l.SessionHours)
	line("max_keepalive %d", l.KeepAliveSecs)
	line("connection_messages false")
	// No warnings: each reload would write one for each pattern without %c.
	line("log_dest stderr")
	line("log_type error")
	line("log_type notice")
	line("\nlistener 0 %s", c.Socket)
	for _, x := range c.Listeners {
		b.WriteString("\n" + strings.TrimSpace(fmt.Sprintf("listener %d %s", x.Port, x.Address)) + "\n")
		line("protocol %s", cmp.Or(x.Protocol, MQTT))
		if family := socketDomain(x); family != "" {
			line("socket_domain %s", family)
		}
		line("max_connections %d", x.MaxConnections)
		if x.CertFile != "" {
			line("certfile %s", x.CertFile)
			line("keyfile %s", x.KeyFile)
			line("tls_version tlsv1.2")
		}
	}
	return b.Bytes(), nil
}

// socketDomain is needed for WebSockets on one address: without it Mosquitto
// 2.0.11 leaves the address out of account and listens on all of them.
func socketDomain(l Listener) string {
	ip, err := netip.ParseAddr(l.Address)
	switch {
	case l.Protocol != WebSockets || err != nil:
		return ""
	case ip.Is4():
		return "ipv4"
	}
	return "ipv6"
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	return Limits{
		PacketBytes:   cmp.Or(l.PacketBytes, d.PacketBytes),
		Queued:        cmp.Or(l.Queued, d.Queued),
		QueuedBytes:   cmp.Or(l.QueuedBytes, d.QueuedBytes),
		Inflight:      cmp.Or(l.Inflight, d.Inflight),
		SessionHours:  cmp.Or(l.SessionHours, d.SessionHours),
		KeepAliveSecs: cmp.Or(l.KeepAliveSecs, d.KeepAliveSecs),
	}
}

// maxSocket is the length of sun_path on Linux without its final NUL.
const maxSocket = 107

func (c Conf) check() error {
	if err := checkPath("Dir", c.Dir); err != nil {
		return err
	}
	if err := checkPath("Socket", c.Socket); err != nil {
		return err
	}
	if len(c.Socket) > maxSocket {
		return fmt.Errorf("the socket %s has %d bytes, the kernel allows %d: choose a shorter runtime directory", quote(c.Socket), len(c.Socket), maxSocket)
	}
	if err := checkWord("User", c.User); err != nil {
		return err
	}
	for _, n := range []int{c.Limits.PacketBytes, c.Limits.Queued, c.Limits.QueuedBytes,
		c.Limits.Inflight, c.Limits.SessionHours, c.Limits.KeepAliveSecs} {
		if n < 0 || n > 1<<30 {
			return fmt.Errorf("the limit %d is not between 0 and %d", n, 1<<30)
		}
	}
	for _, l := range c.Listeners {
		if err := l.check(); err != nil {
			return fmt.Errorf("listener on port %d: %w", l.Port, err)
		}
	}
	return nil
}

func (l Listener) check() error {
	switch {
	case l.Port < 1 || l.Port > 65535:
		return errors.New("the port is not between 1 and 65535")
	case l.MaxConnections < 1:
		return errors.New("it needs a connection cap of 1 or more")
	case l.Protocol != "" && l.Protocol != MQTT && l.Protocol != WebSockets:
		return fmt.Errorf("the protocol %s is neither mqtt nor websockets", quote(string(l.Protocol)))
	case (l.CertFile == "") != (l.KeyFile == ""):
		return errors.New("TLS needs both a certificate and a key file")
	}
	if l.Address != "" {
		if err := checkWord("Address", l.Address); err != nil {
			return err
		}
	}
	if l.CertFile == "" {
		return nil
	}
	return errors.Join(checkPath("CertFile", l.CertFile), checkPath("KeyFile", l.KeyFile))
}

func checkPath(field, path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return fmt.Errorf("%s %s is not a clean absolute path", field, quote(path))
	}
	return checkWord(field, path)
}

// checkWord accepts one word on a line of mosquitto.conf: Mosquitto knows no
// quoting there.
func checkWord(field, s string) error {
	if s == "" || len(s) > maxLine {
		return fmt.Errorf("%s has %d bytes, needed are 1 to %d", field, len(s), maxLine)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return fmt.Errorf("%s %s holds a blank or control character, which %s cannot express", field, quote(s), confName)
		}
	}
	return nil
}
