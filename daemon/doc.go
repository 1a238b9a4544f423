// Package daemon is the bridge between the three islands: it takes readings from devices, rights from billing, has acl
// put them into force, and publishes. It decides nothing that one of them could decide.
//
// # What runs
//
// Run owns every goroutine:
//
//   - the fleet (devices) finds and samples plugs;
//   - the watch (acl) is the anonymous client that must never see a paid topic;
//   - publish sends all plugs together on the 500 ms grid, each slot behind the gate (publish.go);
//   - reconcile is the one place where rights change: a payment, an end, a new plug, a restarted broker and a new
//     configuration all nudge it, and it computes the whole desired state anew (reconcile.go);
//   - watchLedger turns deposits into credit (ledger.go), takeOrders answers orders that came by MQTT (orders.go);
//   - the web front (web.go) and the control socket (owner.go) answer questions.
//
// # What SIGTERM does
//
// Nothing new is published from the moment it arrives. The web front and the control socket finish what they are
// answering (at most a second), the goroutines above end, the energy counters are stored, subscribers are told
// `offline`, and the databases are closed. The broker is not touched: it is another process with another supervisor.
// All of it takes a second or two; a supervisor may kill the process after 15 seconds without losing a payment.
//
// # What SIGHUP does
//
// The configuration is read again. A bad one is refused with all its problems and the old one stays in force.
package daemon
