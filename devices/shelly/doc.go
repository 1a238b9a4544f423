// Package shelly reads Shelly plugs of the second generation and later by HTTP
// RPC. It only reads, by two calls that cannot change anything:
// Shelly.GetDeviceInfo says who the plug is, Switch.GetStatus what it measures.
//
// Such plugs announce themselves by mDNS, which this gateway does not speak, so
// they are found at fixed addresses. One that is protected by a password is
// named as such and not read.
package shelly
