// Command pack makes the snap on a machine without snapcraft, from the declarations in snapcraft.yaml: it runs the parts'
// own build scripts, stages the packages that the base lacks, primes what the filters let through, writes meta/snap.yaml
// as snapcraft would, and has `snap pack` make the file. It refuses any key of snapcraft.yaml that it does not know, and a
// tree that a reviewer would refuse.
//
//	go run ./snap/local/pack [--arch amd64|arm64|armhf] [--version V] [--output DIR] [--hook NAME=FILE] [--base-packages]
//
// What differs from snapcraft: the packages are the machine's (Debian's stand in for Ubuntu's), and the build scripts run
// in the checkout with the machine's Go. The snap it makes is for tests; the one to publish comes from snapcraft.
package main
