// Package devicestest simulates a WeMo Insight: it answers searches, serves its
// description and meter and sends events with the manners of the recorded
// hardware, and fails on demand. It never tells a test whether it passed and is
// no test itself: the demo runs on it.
package devicestest
