// Package gate holds the gate against everything that can happen to it: a running demo with somebody who paid and
// somebody who did not, while files, broker, signals, disk and daemon fail. It has no code besides its tests.
//
// Whatever is done, the one who did not pay must have received no paid message, and the one who did must be served
// again without anybody's help. What the tests print is what docs/gate.md states.
package gate
