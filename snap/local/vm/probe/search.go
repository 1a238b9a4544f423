//go:build linux

package main

import (
	"net"
	"strings"
	"time"

	"golang.org/x/net/ipv4"
)

// search asks the home network over multicast who is there, and prints each answer's first line and sender.
func search() {
	home, err := net.InterfaceByName("home0")
	if err != nil {
		say("interface", err)
		return
	}
	c, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		say("listen", err)
		return
	}
	defer c.Close()
	p := ipv4.NewPacketConn(c)
	say("multicast interface", p.SetMulticastInterface(home))
	group := &net.UDPAddr{IP: net.IPv4(239, 255, 255, 250), Port: 1900}
	question := "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: urn:Belkin:device:insight:1\r\n\r\n"
	_, err = c.WriteTo([]byte(question), group)
	say("asked", err)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer := make([]byte, 2048)
	for {
		n, from, err := c.ReadFrom(answer)
		if err != nil {
			return
		}
		first, _, _ := strings.Cut(string(answer[:n]), "\r\n")
		say("answer", first+" from "+from.String())
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
	}
}
