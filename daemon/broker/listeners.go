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
)

const listenersFile = "listeners.json"

// Listener says whether the broker listens on an address of the configuration.
type Listener struct {
	Key     string `json:"key"`     // broker.listen
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

// listeners tries each configured address and returns Mosquitto's listeners for those that can be had.
func listeners(c config.Broker) ([]acl.Listener, []Listener) {
	var has []acl.Listener
	var all []Listener
	for _, want := range []struct{ key, address string }{{"broker.listen", c.Listen}} {
		if want.address == "" {
			continue
		}
		l := Listener{Key: want.key, Address: want.address}
		host, port, err := split(want.address)
		if err == nil {
			err = free(want.address)
		}
		if err != nil {
			l.Problem = explain(err)
		} else {
			has = append(has, acl.Listener{Address: host, Port: port, MaxConnections: c.MaxConnections})
		}
		all = append(all, l)
	}
	return has, all
}

func split(address string) (host string, port int, err error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	if port, err = strconv.Atoi(service); err != nil {
		return "", 0, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String()
	}
	return host, port, nil
}

// free binds the address for a moment. Mosquitto itself would not start at all if one of its addresses were taken.
func free(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
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
