package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/daemon/config"
)

// ErrNoMosquitto says that there is no Mosquitto on this machine.
var ErrNoMosquitto = errors.New("cannot find Mosquitto (install it: apt install mosquitto; or name the binary with WATTGATE_MOSQUITTO)")

// Find returns the path of Mosquitto's binary: the one named by WATTGATE_MOSQUITTO, the snap's own, the system's.
func Find() (string, error) {
	if named := os.Getenv("WATTGATE_MOSQUITTO"); named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("cannot use the Mosquitto that WATTGATE_MOSQUITTO names: %w", err)
		}
		return filepath.Abs(path)
	}
	names := []string{"mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"} // sbin is not in everybody's PATH
	if snap := os.Getenv("SNAP"); snap != "" {
		names = []string{filepath.Join(snap, "usr/sbin/mosquitto")}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", ErrNoMosquitto
}

// Become turns this process into Mosquitto, serving from dir as c says. It returns only an error: that there is no
// Mosquitto, that another broker runs on dir, or that dir cannot be written.
func Become(dir string, c config.Broker, log *slog.Logger) error {
	binary, err := Find()
	if err != nil {
		return err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("cannot find the broker's directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the broker's directory: %w", err)
	}
	lock, err := acl.TakeLock(filepath.Join(dir, acl.LockName))
	if err != nil {
		return err
	}
	has, all := listeners(c)
	for _, l := range all {
		if l.Problem != "" {
			log.Error("listener is off", "key", l.Key, "address", l.Address, "why", l.Problem)
		}
	}
	if err := prepare(dir, has, all); err != nil {
		return err
	}
	err = become(binary, []string{"mosquitto", "-c", filepath.Join(dir, "mosquitto.conf")})
	_ = lock.Close() // until here it had to stay open: the lock goes over to Mosquitto with the process
	return fmt.Errorf("cannot start %s: %w", binary, err)
}

func prepare(dir string, has []acl.Listener, all []Listener) error {
	conf, err := acl.RenderConf(acl.Conf{Dir: dir, User: self(), Listeners: has})
	if err != nil {
		return err
	}
	if err := acl.Prepare(dir, conf); err != nil {
		return err
	}
	data, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("cannot note the listeners: %w", err)
	}
	return acl.ReplaceFile(dir, listenersFile, data)
}

// self is the user Mosquitto must run as: ours. It could not read the gateway's files as another, and a Mosquitto that
// cannot read them lets everybody in. Without root it cannot change its user, and ignores the name.
func self() string {
	if u, err := user.LookupId(strconv.Itoa(os.Geteuid())); err == nil {
		return u.Username
	}
	return "wattgate"
}
