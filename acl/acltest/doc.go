// Package acltest runs the real Mosquitto for tests, the way the gateway does:
// a process that takes the lock, prepares its directory and becomes Mosquitto,
// restarted by a supervisor whenever it ends. It contains no assertion about
// rights.
//
// A package that uses it needs
//
//	func TestMain(m *testing.M) { acltest.Main(m) }
//
// because the broker's process starts as the test binary.
package acltest
