# make run | build | test | quick | bench | cross | lint. The README says what each is for.
# Go >= 1.26 must be there; what else a target needs it says and installs (Debian or Ubuntu, as root or through sudo).

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X github.com/wattgate/wattgate/daemon/cli.linked=$(VERSION)
GOBUILD := CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'

.PHONY: help
help:
	@echo 'make run     install what is missing, build, start the demo'
	echo 'make build   build bin/wattgate'
	echo 'make test    install what is missing, run the whole suite'
	echo 'make quick   what needs Go alone: no root, no network, no broker'
	echo 'make snap    install what is missing, pack the snap into bin/ without snapcraft'
	echo 'make snap-test  the snap in a virtual machine with a real snapd'
	echo 'make ledger  a private IOTA network on this machine'
	echo 'make bench   figures, each beside a baseline of the same run'

.PHONY: build
build: go-version
	@$(GOBUILD) -o bin/wattgate ./daemon/cmd/wattgate
	echo "built bin/wattgate $(VERSION)"

# LEDGER=stardust runs the demo on a private IOTA network instead of play money; see `make ledger`.
.PHONY: run
run: broker-installed build
	@if [[ '$(LEDGER)' != stardust ]]; then exec bin/wattgate demo $(ARGS); fi
	go build -o bin/ledger ./billing/stardust/stardusttest/ledger
	address=$$(bin/ledger address)
	bin/ledger & ledger=$$!
	trap 'kill $$ledger 2>/dev/null; wait $$ledger' EXIT
	bin/wattgate demo --node http://127.0.0.1:14265 --address "$$address" $(ARGS)

# A private IOTA network on the loopback interface, until Ctrl-C; it says how to pay. The first build takes minutes.
.PHONY: ledger
ledger: go-version
	@go run ./billing/stardust/stardusttest/ledger $(ARGS)

.PHONY: test
test: broker-installed gcc-installed iproute-installed webservers-installed node-version go-version
	@.ci/part all

.PHONY: quick
quick: go-version
	@.ci/part quick

.PHONY: bench
bench: broker-installed node-version build
	@.ci/part bench

.PHONY: lint
lint: go-version
	@.ci/part lint

.PHONY: cross
cross: go-version
	@.ci/part cross

# The snap, without snapcraft: ARGS='--arch arm64', '--version 0.1.0', '--output DIR' ...
.PHONY: snap
snap: go-version
	@go run ./snap/local/pack $(ARGS)

# The packed snap under a real snapd, in a virtual machine; run it with nothing else on the machine.
.PHONY: snap-test
snap-test: go-version
	@.ci/part snaptest

# ARM binaries and tests, emulated.
.PHONY: arm
arm: go-version
	@.ci/part arm

# --- what the targets stand on ----------------------------------------------------------------------------------------

.PHONY: go-version
go-version:
	@command -v go >/dev/null || { echo 'Go is missing: get 1.26 or newer from https://go.dev/dl' >&2; exit 1; }
	go list -m >/dev/null || { echo 'This Go is too old: 1.26 or newer is needed, from https://go.dev/dl' >&2; exit 1; }

.PHONY: broker-installed
broker-installed:
	@missing=
	PATH="$$PATH:/usr/sbin"
	command -v mosquitto >/dev/null || missing="$$missing mosquitto"
	command -v mosquitto_sub >/dev/null || missing="$$missing mosquitto-clients"
	if [[ -n $$missing ]]; then .ci/apt $$missing; fi

# The race detector needs a C compiler; the product does not.
.PHONY: gcc-installed
gcc-installed:
	@if ! command -v gcc >/dev/null; then .ci/apt gcc libc6-dev; fi

.PHONY: iproute-installed
iproute-installed:
	@PATH="$$PATH:/usr/sbin:/sbin"
	if ! command -v ip >/dev/null; then .ci/apt iproute2; fi

.PHONY: webservers-installed
webservers-installed:
	@missing=
	PATH="$$PATH:/usr/sbin"
	command -v nginx >/dev/null || missing="$$missing nginx-light"
	command -v apache2 >/dev/null || missing="$$missing apache2-bin"
	if [[ -n $$missing ]]; then .ci/apt $$missing; fi

.PHONY: node-version
node-version:
	@have=$$(node --version 2>/dev/null || echo none)
	if [[ $$have == none ]] || (( $$(cut -c2- <<<"$$have" | cut -d. -f1) < 20 )); then
		echo "Node.js 20 or newer with npm is needed for the tests, found: $$have (from https://nodejs.org)" >&2
		exit 1
	fi
