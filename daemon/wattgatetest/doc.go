// Package wattgatetest runs the real program as its users do: it builds wattgate, starts demos, owners' and buyers'
// commands and the plain MQTT clients of Mosquitto, and leaves no process behind.
//
// It serves the tests in daemon/e2e and the measurements in daemon/bench; nothing of it is linked into the product.
// It reports errors instead of failing tests, because a measurement has no test to fail.
package wattgatetest
