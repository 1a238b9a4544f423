package daemon

import (
	"cmp"
	"os"
	"path/filepath"

	"github.com/wattgate/wattgate/daemon/snap"
)

// Dirs is where a gateway keeps its things. Two directories, because a snap's revert must keep the books (State) and
// throw away what was rendered by the newer version (Runtime).
type Dirs struct {
	State   string // wattgate.db, readings.db, identity.key, tls/: must survive everything
	Runtime string // control.sock, mosquitto/: made anew whenever it is missing
}

// WithDefaults fills in what was not said from the environment of a snap or of a systemd unit.
func (d Dirs) WithDefaults() Dirs {
	d.State = cmp.Or(d.State, os.Getenv("WATTGATE_STATE"), inSnap(snap.StateDir), "/var/lib/wattgate")
	d.Runtime = cmp.Or(d.Runtime, os.Getenv("WATTGATE_RUNTIME"), inSnap(snap.RuntimeDir), d.State)
	return d
}

// inSnap is where the snap keeps a thing, nowhere outside the snap.
func inSnap(where func() string) string {
	if !snap.Inside() {
		return ""
	}
	return where()
}

// Database is the file that holds orders, payments and grants.
func (d Dirs) Database() string { return filepath.Join(d.State, fileBooks) }

// Readings is the file that holds averages, energy counters and names.
func (d Dirs) Readings() string { return filepath.Join(d.State, fileReadings) }

// Identity is the file that holds the key that signs.
func (d Dirs) Identity() string { return filepath.Join(d.State, fileIdentity) }

// ControlSocket is where the owner's commands reach the gateway.
func (d Dirs) ControlSocket() string { return filepath.Join(d.Runtime, "control.sock") }

// Broker is the directory that belongs to the broker and to what the gateway renders for it.
func (d Dirs) Broker() string { return filepath.Join(d.Runtime, "mosquitto") }

// BrokerSocket is the broker's internal listener.
func (d Dirs) BrokerSocket() string { return filepath.Join(d.Broker(), "broker.sock") }

// TLS is the directory of the certificate.
func (d Dirs) TLS() string { return filepath.Join(d.State, "tls") }
