package wemo

import (
	"context"
	"io"
	"net/http"
	"net/netip"

	"github.com/wattgate/wattgate/devices/guard"
)

// get fetches the description at path and hands it to parse.
func get(ctx context.Context, addr netip.AddrPort, path string, parse func(io.Reader) error) error {
	r := guard.Request{Method: http.MethodGet, Path: path, Limit: maxDescription}
	return guard.Do(ctx, addr, r, func(resp *http.Response) error {
		if resp.StatusCode != http.StatusOK {
			return guard.StatusError(resp.StatusCode)
		}
		return parse(resp.Body)
	})
}

// call invokes action without arguments and hands the answer to parse. A fault
// comes with status 500, so that body is parsed too; anything else in it counts
// for nothing.
func call(ctx context.Context, addr netip.AddrPort, path, service, action string, parse func(io.Reader) error) error {
	r := guard.Request{
		Method: http.MethodPost,
		Path:   path,
		Header: [][2]string{
			{"CONTENT-TYPE", `text/xml; charset="utf-8"`},
			{"SOAPACTION", `"` + service + "#" + action + `"`}, // the spelling the plugs know
		},
		Body: `<?xml version="1.0" encoding="utf-8"?>` + "\r\n" +
			`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">` +
			`<s:Body><u:` + action + ` xmlns:u="` + service + `"></u:` + action + `></s:Body></s:Envelope>`,
		Limit: maxSOAP,
	}
	return guard.Do(ctx, addr, r, func(resp *http.Response) error {
		switch resp.StatusCode {
		case http.StatusOK:
			return parse(resp.Body)
		case http.StatusInternalServerError:
			if err := parse(resp.Body); err != nil {
				return err
			}
		}
		return guard.StatusError(resp.StatusCode)
	})
}
