// Package front is the door to the web: it serves the built page, hands the API its requests and forwards MQTT over
// WebSockets to the broker, each within limits per visitor. It never decides who may read what.
//
// One [Front] serves any number of listeners, plain and TLS. A request goes through these steps, in this order: whose it is
// (address.go), whether he asks too often (limits.go), the base path (base.go), then to the sockets (socket.go), the API, or
// the page (page.go). Whatever goes wrong on the way is told as `{"error":{"code","message","fix"}}`.
//
// Timeouts of a request's header and body are the server's business (http.Server's fields); the sockets have deadlines of
// their own, because a server forgets a connection that it gave away.
package front
