package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/tlscert"
)

const listenersFile = "listeners.json"

// Listener says whether the broker listens on an address of the configuration.
type Listener struct {
	Key     string `json:"key"`     // one of the keys below
	Address string `json:"address"` // host:port
	Problem string `json:"problem"` // why not; empty: it listens
}

// Listeners reads what the broker that was started last listens on; none before the first start.
func Listeners(dir string) ([]Listener, error) {
	data, err := os.ReadFile(filepath.Join(dir, listenersFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what the broker listens on: %w", err)
	}
	var out []Listener
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("cannot read what the broker listens on: %w", err)
	}
	return out, nil
}

// The keys of listeners. The one for WebSockets is no key of the configuration: it is reached through the web front only,
// and Mosquitto 2.0 cannot serve WebSockets on a unix socket.
const (
	KeyMQTT       = "broker.listen"
	KeyTLS        = "broker.tls-listen"
	KeyWebSockets = "websockets"
)

// listeners tries each configured address and returns Mosquitto's listeners for those that can be had. Each has a cap of
// its own: a flood on one leaves the others free.
func listeners(c config.Broker, cert tlscert.Certificate, certErr error) ([]acl.Listener, []Listener) {
	var has []acl.Listener
	var all []Listener
	try := func(key, address string, l acl.Listener, err error) {
		if address == "" {
			return
		}
		if err == nil {
			l.Address, l.Port, err = bind(address)
		}
		shown := Listener{Key: key, Address: address}
		if err != nil {
			shown.Problem = explain(err)
		} else {
			shown.Address = net.JoinHostPort(l.Address, strconv.Itoa(l.Port))
			l.MaxConnections = c.MaxConnections
			has = append(has, l)
		}
		all = append(all, shown)
	}
	try(KeyMQTT, c.Listen, acl.Listener{}, nil)
	try(KeyTLS, c.TLSListen, acl.Listener{CertFile: cert.CertFile, KeyFile: cert.KeyFile}, certErr)
	try(KeyWebSockets, "127.0.0.1:0", acl.Listener{Protocol: acl.WebSockets}, nil)
	return has, all
}

// bind takes the address for a moment, and a free port for port 0. Mosquitto itself would not start at all if one of its
// addresses were taken.
func bind(address string) (host string, port int, err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", 0, err
	}
	host, _, err = net.SplitHostPort(address)
	if ip, parseErr := netip.ParseAddr(host); parseErr == nil {
		host = ip.String()
	}
	return host, l.Addr().(*net.TCPAddr).Port, errors.Join(err, l.Close())
}

func explain(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program uses this port"
	case errors.Is(err, syscall.EACCES):
		return "only root may use this port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine has no such address"
	}
	return err.Error()
}
