// Package webserver holds tests of real web servers, nginx and Apache, in front of the web front: it runs the configurations
// that docs/web-server.md tells people to use, as they stand there. Without the programs a test is skipped, or fails if the
// environment variable WATTGATE_REQUIRE contains "webserver".
package webserver
