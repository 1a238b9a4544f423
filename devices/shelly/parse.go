package shelly

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"

	"github.com/wattgate/wattgate/devices/driver"
)

// Limits beyond which an answer is nonsense, not a measurement.
const (
	maxPower  = 1e5  // W; a plug ends at 3.7 kW
	maxEnergy = 1e10 // Wh
)

var (
	idForm  = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	macForm = regexp.MustCompile(`^[0-9a-f]{12}$`)
)

// Info is what Shelly.GetDeviceInfo says, as sent. What is missing is "".
type Info struct {
	ID        string `json:"id"` // model and MAC, as in the plug's host name
	Name      string `json:"name"`
	MAC       string `json:"mac"`
	Model     string `json:"model"`
	Firmware  string `json:"ver"`
	Gen       int    `json:"gen"`
	Protected bool   `json:"auth_en"`
}

// ParseInfo reads the answer to Shelly.GetDeviceInfo: at most 16 KiB. It fails if
// that is not one of a Shelly of the second generation or later.
func ParseInfo(r io.Reader) (Info, error) {
	var info Info
	if err := decode(r, &info); err != nil {
		return Info{}, err
	}
	if info.Gen < 2 || !idForm.MatchString(info.ID) {
		return Info{}, fmt.Errorf("cannot use the answer: not a Shelly of generation 2 or later (id %q, gen %d)", driver.Clean(info.ID), info.Gen)
	}
	return info, nil
}

// Identity returns who the plug is, safe to print.
func (i Info) Identity() driver.Identity {
	mac := strings.ToLower(i.MAC)
	if !macForm.MatchString(mac) {
		mac = ""
	}
	return driver.Identity{
		UDN:          "shelly:" + i.ID,
		Serial:       i.ID,
		Model:        driver.Clean(i.Model),
		Firmware:     driver.Clean(i.Firmware),
		FriendlyName: driver.Clean(i.Name),
		MAC:          mac,
	}
}

// ParseStatus reads the answer to Switch.GetStatus: at most 16 KiB. A switch
// without a meter tells no power and no energy; they are absent then.
func ParseStatus(r io.Reader) (driver.Reading, error) {
	var s struct {
		Output *bool    `json:"output"`
		Power  *float64 `json:"apower"` // W
		Energy struct {
			Total *float64 `json:"total"` // Wh
		} `json:"aenergy"`
	}
	if err := decode(r, &s); err != nil {
		return driver.Reading{}, err
	}
	if s.Output == nil {
		return driver.Reading{}, errors.New("cannot use meter reading: it does not say whether the plug is on")
	}
	out := driver.Reading{Relay: driver.RelayOff}
	if *s.Output {
		out.Relay = driver.RelayOn
	}
	if p := s.Power; p != nil {
		if !(*p >= 0 && *p <= maxPower) {
			return driver.Reading{}, fmt.Errorf("cannot use meter reading: power of %g W", *p)
		}
		out.Power, out.HasPower = driver.Milliwatts(math.Round(*p*1000)), true
	}
	if e := s.Energy.Total; e != nil {
		if !(*e >= 0 && *e <= maxEnergy) {
			return driver.Reading{}, fmt.Errorf("cannot use meter reading: energy of %g Wh", *e)
		}
		out.Total, out.HasTotal = driver.MilliwattMinutes(math.Round(*e*1000))*60, true
	}
	return out, nil
}

func decode(r io.Reader, into any) error {
	if err := json.NewDecoder(io.LimitReader(r, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("cannot read the answer: %w", err)
	}
	return nil
}
