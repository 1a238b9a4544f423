// Package e2e holds what the program promises from the outside, as an owner and a buyer see it: the real binary, the
// real Mosquitto with its own clients, real SSDP on the loopback interface and real SQLite. Each test is named after a
// promise. It has no code besides its tests.
//
// The tests run side by side and mostly wait; times are asserted as promised, with measuringSlack on top for a busy
// machine.
package e2e
