# Two targets matter: `make run` starts the relay, `make check` proves it. Each installs what it needs and builds.

export PATH := $(HOME)/.cargo/bin:$(PATH)
SHELL := /bin/sh

PROFILE ?= dev
ADDRESS ?= 127.0.0.1
NG_PORT ?= 2223
CLI_PORT ?= 9900
SPOOL ?= $(CURDIR)/target/spool
FUZZ_SECONDS ?= 5
# More arguments for the relay (make run), the load program (make bench) or the demonstration (make demo).
ARGS ?=

BINARIES := target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
CARGO := cargo
# The audio engines (FFmpeg, Opus, G.729, SpanDSP) are linked by default; `make FEATURES=none` leaves them out: then G.711 is
# transcoded and everything else passes.
FEATURES ?=
WITH := $(if $(filter none,$(FEATURES)),--no-default-features)$(if $(filter-out none,$(FEATURES)),--features rtpengine/$(FEATURES))
# The peer of the comparisons: Debian's own package.
PEER ?= $(firstword $(wildcard /usr/bin/rtpengine /usr/sbin/rtpengine))

.PHONY: help run demo check format lint test proofs fuzz bench compare deny man sample setup-run setup-check

help:
	@echo 'make run      start the relay in the foreground on $(ADDRESS)'
	@echo 'make demo     place a call through it'
	@echo 'make check    everything that proves it: format, lints, tests, short fuzz runs'
	@echo 'make bench    load program: cost per packet and per call (ARGS="--help")'
	@echo 'make compare  the same load beside the Debian package, as ratios'
	@echo 'make proofs   every codec pair, ten minutes of each codec and of speech: sound, drift, digits'
	@echo 'make fuzz     fuzz targets, FUZZ_SECONDS=$(FUZZ_SECONDS) each'
	@echo 'make deny     licences and advisories of the dependencies (needs cargo-deny)'
	@echo 'make man      write man/ and etc/ from the tables again'

setup-run:
	@.ci/packages run
	@.ci/toolchain

setup-check:
	@.ci/packages check
	@.ci/toolchain

run: setup-run
	$(CARGO) build --profile $(PROFILE) -p rtpengine $(WITH)
	$(CARGO) build --profile $(PROFILE) -p rtpengine-ctl
	@mkdir -p $(SPOOL)
	@.ci/greet $(ADDRESS) $(NG_PORT) $(CLI_PORT) $(SPOOL) $(BINARIES)
	@exec $(BINARIES)/rtpengine --config-file=none --foreground --log-stderr --interface=$(ADDRESS) \
		--listen-ng=$(ADDRESS):$(NG_PORT) --listen-cli=$(ADDRESS):$(CLI_PORT) --recording-dir=$(SPOOL) $(ARGS)

demo: setup-run
	$(CARGO) build --profile $(PROFILE) -p rtpengine $(WITH)
	$(CARGO) run --profile $(PROFILE) -p rtpengine-tests --bin rtpengine-demo -- $(ARGS)

# The order is that of the time until something can go wrong.
check: setup-check format lint test fuzz
	@$(MAKE) --no-print-directory deny-if-there
	@echo 'make check: passed.'
	@echo 'Not part of it: make bench and make compare (load on both processors for minutes).'

format:
	$(CARGO) fmt --check

lint:
	$(CARGO) clippy --workspace --all-targets $(WITH) -- -D warnings

# The tests of the programs start the daemon, so it is built first.
test:
	$(CARGO) build --workspace --bins $(WITH)
	$(CARGO) test --workspace $(WITH)

# Every codec pair, ten minutes of each codec, ten minutes of speech: part of `test`, here alone and with its progress.
proofs: setup-check
	$(CARGO) test -p rtpengine-common --features codec --lib proofs:: -- --nocapture

fuzz: setup-check
	.ci/fuzz $(FUZZ_SECONDS)

bench: setup-run
	$(CARGO) build --release -p rtpengine -p rtpengine-tests $(WITH)
	target/release/rtpengine-load $(ARGS)

compare: setup-check
	$(CARGO) build --release -p rtpengine -p rtpengine-tests $(WITH)
	target/release/rtpengine-load --peer $(PEER) --rounds 3 $(ARGS)

deny:
	.ci/deny

.PHONY: deny-if-there
deny-if-there:
	@if command -v cargo-deny >/dev/null 2>&1; then .ci/deny; \
	else echo 'Skipped: licences and advisories, because cargo-deny is not installed (cargo install cargo-deny).'; fi

man sample:
	UPDATE_DOCUMENTS=1 $(CARGO) test -p rtpengine --lib documents
	UPDATE_DOCUMENTS=1 $(CARGO) test -p rtpengine-ctl documents
