package wemo

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/wattgate/wattgate/devices/driver"
)

// maxDescription bounds a description in bytes. The largest recorded is 5.2 kB;
// parsing costs memory in proportion, so the cut comes before the parser.
const maxDescription = 64 << 10

// insightService is the service type of a plug with a meter.
const insightService = "urn:Belkin:service:insight:1"

// Description is what a plug's setup.xml says, as sent. An element that is
// missing is "".
type Description struct {
	DeviceType       string    `xml:"deviceType"`
	FriendlyName     string    `xml:"friendlyName"`
	Manufacturer     string    `xml:"manufacturer"`
	ModelName        string    `xml:"modelName"`
	ModelDescription string    `xml:"modelDescription"`
	Serial           string    `xml:"serialNumber"`
	UDN              string    `xml:"UDN"`
	MAC              string    `xml:"macAddress"`
	Firmware         string    `xml:"firmwareVersion"`
	BinaryState      string    `xml:"binaryState"`
	Services         []Service `xml:"serviceList>service"`
}

// Service is one service that a plug offers.
type Service struct {
	Type       string `xml:"serviceType"`
	ControlURL string `xml:"controlURL"`
	EventURL   string `xml:"eventSubURL"`
}

var (
	udnForm     = regexp.MustCompile(`^uuid:[A-Za-z0-9_:.-]{1,96}$`)
	controlForm = regexp.MustCompile(`^(/[A-Za-z0-9_-]{1,32}){1,6}$`)
	macForm     = regexp.MustCompile(`^[0-9a-f]{12}$`)
)

// ParseDescription reads a description from r: at most 64 KiB and not beyond
// the end of the document. It fails if that is not the description of a WeMo
// device with a well-formed UDN.
func ParseDescription(r io.Reader) (Description, error) {
	var root struct {
		XMLName xml.Name    `xml:"root"`
		Device  Description `xml:"device"`
	}
	if err := xml.NewDecoder(io.LimitReader(r, maxDescription)).Decode(&root); err != nil {
		return Description{}, fmt.Errorf("cannot read the description: %w", err)
	}
	d := root.Device
	if !d.belkin() {
		return Description{}, fmt.Errorf("cannot use the description: device type %q is not a WeMo's", driver.Clean(d.DeviceType))
	}
	if !udnForm.MatchString(d.UDN) {
		return Description{}, fmt.Errorf("cannot use the description: malformed UDN %q", driver.Clean(d.UDN))
	}
	return d, nil
}

// belkin reports whether this is a WeMo or something that passes itself off as
// one; some emulators made for voice assistants have device types of their own
// and name no service, but Belkin as their maker.
func (d Description) belkin() bool {
	return strings.HasPrefix(d.DeviceType, "urn:Belkin:") ||
		strings.HasPrefix(d.Manufacturer, "Belkin ")
}

// Identity returns who the plug is, safe to print.
func (d Description) Identity() driver.Identity {
	mac := strings.ToLower(strings.NewReplacer(":", "", "-", "").Replace(d.MAC))
	if !macForm.MatchString(mac) {
		mac = ""
	}
	return driver.Identity{
		UDN:          d.UDN,
		Serial:       driver.Clean(d.Serial),
		Model:        driver.Clean(d.ModelName),
		Firmware:     driver.Clean(d.Firmware),
		FriendlyName: driver.Clean(d.FriendlyName),
		MAC:          mac,
	}
}

// Insight returns the path at which the meter is asked and the one at which it
// is subscribed to, "" if there is none; ok is false for a plug without a meter,
// or one whose path leads elsewhere.
func (d Description) Insight() (control, events string, ok bool) {
	for _, s := range d.Services {
		if s.Type != insightService {
			continue
		}
		if pathSafe(s.EventURL) {
			events = s.EventURL
		}
		return s.ControlURL, events, pathSafe(s.ControlURL)
	}
	return "", "", false
}

// pathSafe reports whether a path that a plug names is a plain one.
func pathSafe(path string) bool { return controlForm.MatchString(path) }
