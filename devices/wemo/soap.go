package wemo

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wattgate/wattgate/devices/driver"
)

// maxSOAP bounds a SOAP answer in bytes. The largest recorded is 4.4 kB.
const maxSOAP = 16 << 10

// Fault is a SOAP fault: the plug understood the request and refused it.
type Fault struct {
	Code        string // UPnP error code, "" = none given
	Description string // "" = none given
}

// Error says that the plug refused, and why if it told.
func (f *Fault) Error() string {
	return strings.TrimRight(fmt.Sprintf("the plug refused (UPnP error %s %s", f.Code, f.Description), " ") + ")"
}

// ParseAnswer returns the text of the first element with the local name want
// in a SOAP answer. It reads at most 16 KiB of r and nothing beyond that
// element, because announced lengths cannot be trusted. A SOAP fault is
// returned as *Fault.
func ParseAnswer(r io.Reader, want string) (string, error) {
	d := xml.NewDecoder(io.LimitReader(r, maxSOAP))
	var fault *Fault
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && fault != nil {
			return "", fault
		}
		if err != nil {
			return "", fmt.Errorf("cannot read the answer: %w", err)
		}
		if end, ok := t.(xml.EndElement); ok && fault != nil && end.Name.Local == "Fault" {
			return "", fault
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		switch name := start.Name.Local; {
		case name == "Fault":
			fault = &Fault{}
		case name == "errorCode" && fault != nil:
			fault.Code, err = text(d, start)
		case (name == "errorDescription" || name == "faultstring") && fault != nil:
			fault.Description, err = text(d, start)
		case name == want && fault == nil:
			var s string
			err = d.DecodeElement(&s, &start)
			if err == nil {
				return s, nil
			}
		}
		if err != nil {
			return "", fmt.Errorf("cannot read the answer: %w", err)
		}
	}
}

// text reads the element that start opened, safe to print.
func text(d *xml.Decoder, start xml.StartElement) (string, error) {
	var s string
	err := d.DecodeElement(&s, &start)
	return driver.Clean(s), err
}
