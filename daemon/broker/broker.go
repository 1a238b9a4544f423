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
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/snap"
	"github.com/wattgate/wattgate/daemon/tlscert"
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
	if snap.Inside() {
		names = []string{filepath.Join(os.Getenv("SNAP"), "usr/sbin/mosquitto")}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", ErrNoMosquitto
}

// Options is what the broker is made of.
type Options struct {
	Dir   string        // Mosquitto's directory
	TLS   string        // the directory of the certificate; one is made there if there is none
	Conf  config.Broker // listeners
	Hosts []string      // names that a self-made certificate is for
	Log   *slog.Logger
	Tied  bool // Mosquitto ends when the process that started this one is killed
}

// Become turns this process into Mosquitto. It returns only an error: that there is no Mosquitto, that another broker runs
// on the directory, or that it cannot be written.
func Become(o Options) error {
	binary, err := Find()
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(o.Dir)
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
	configured := o.Conf
	o.Conf.MaxConnections = fitConnections(o.Conf.MaxConnections, o.Log)
	has, all := listeners(o.certificate())
	for _, l := range all {
		if l.Problem != "" {
			o.Log.Error("listener is off", "key", l.Key, "address", l.Address, "why", l.Problem)
		}
	}
	if err := prepare(dir, has, all); err != nil {
		return err
	}
	if err := note(dir, startedFile, configured); err != nil {
		return err
	}
	err = become(o.Tied, binary, []string{"mosquitto", "-c", filepath.Join(dir, "mosquitto.conf")})
	_ = lock.Close() // until here it had to stay open: the lock goes over to Mosquitto with the process
	return fmt.Errorf("cannot start %s: %w", binary, err)
}

// certificate is what the TLS listener shows. Without one that holds, Mosquitto would not start at all.
func (o Options) certificate() (config.Broker, tlscert.Certificate, error) {
	if o.Conf.TLSListen == "" {
		return o.Conf, tlscert.Certificate{}, nil
	}
	dir, err := filepath.Abs(o.TLS)
	if err != nil {
		return o.Conf, tlscert.Certificate{}, err
	}
	cert, made, err := tlscert.Ensure(dir, o.Hosts, time.Now(), acl.ReplaceFile)
	if made && err == nil {
		o.Log.Info("certificate made", "sha256", cert.SHA256, "until", cert.NotAfter.UTC().Format(time.DateOnly))
	}
	return o.Conf, cert, err
}

func prepare(dir string, has []acl.Listener, all []Listener) error {
	conf, err := acl.RenderConf(acl.Conf{Dir: dir, User: self(), Listeners: has})
	if err != nil {
		return err
	}
	if err := acl.Prepare(dir, conf); err != nil {
		return err
	}
	return note(dir, listenersFile, all)
}

// note leaves word for the gateway.
func note(dir, file string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", file, err)
	}
	return acl.ReplaceFile(dir, file, data)
}

// self is the user Mosquitto must run as: ours. It could not read the gateway's files as another, and a Mosquitto that
// cannot read them lets everybody in. Without root it cannot change its user, and ignores the name.
func self() string {
	if u, err := user.LookupId(strconv.Itoa(os.Geteuid())); err == nil {
		return u.Username
	}
	return "wattgate"
}
