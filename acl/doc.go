// Package acl turns a Policy into the files Mosquitto reads and proves that
// the broker obeys them. It never decides who may read.
//
// The pure half needs no broker: Render writes the ACL and password file of a
// Policy, ParseACL and ParsePasswd read Mosquitto's grammar strictly, Verify
// compares the two, RenderConf writes mosquitto.conf.
//
// The other half deals with a running Mosquitto. In its own process, Prepare
// and TakeLock run before the process becomes Mosquitto. In the gateway's
// process a Gate replaces the files, signals the holder of the lock, and
// proves by logging in and by watching as an anonymous reader that this very
// generation of the files is in force. Mosquitto 2.0 switches all checks off
// when a reload meets a bad file and loses a SIGHUP that arrives during a
// reload, so nothing counts until it is proven, and Check asks again before
// each message that is worth money.
//
// Three messages below $canary/ carry the proof. Anonymous readers may read
// the marker on CanaryFree but not the canary on CanaryPaid, which is rendered
// by the same rule as the paid topics; the third, of a random name for each
// generation, may be read by that generation's probe account alone. Readers
// that subscribe to # see none of them.
package acl
