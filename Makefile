# Everything is built and checked from here. "make" lists what there is.

GO      ?= go
LISTEN  ?= 127.0.0.1:5300
FUZZ    ?= 10s
SHELL   := /bin/bash

.DEFAULT_GOAL := help
.PHONY: help run build test lint unit e2e differences fuzz golden deps conformance bench watchers

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## serve deploy/examples on 127.0.0.1:5300 (LISTEN=ADDR for another), and say what to ask
	@listen='$(LISTEN)'; host=$${listen%:*}; \
	case "$$host" in ''|0.0.0.0) host=127.0.0.1;; '[::]') host=::1;; '['*) host=$${host#[}; host=$${host%]};; esac; \
	at="@$$host -p $${listen##*:}"; \
	echo "Once it listens, ask it from another terminal (with dig, of Debian's bind9-dnsutils):"; \
	echo "  dig $$at +short web-0.nginx.default.svc.cluster.local        # a pod of a StatefulSet"; \
	echo "  dig $$at +short nginx.default.svc.cluster.local              # all of its ready pods"; \
	echo "  dig $$at _web._tcp.nginx.default.svc.cluster.local SRV       # with their ports"; \
	echo "  dig $$at +short -x 10.244.1.10                               # the pod that has an address"; \
	echo "  dig $$at +short cache.shop.svc.cluster.local AAAA            # a dual-stack Service"
	@$(GO) run ./cmd/rollcall serve -manifests deploy/examples -listen '$(LISTEN)' || \
	{ echo "If the port is taken: make run LISTEN=127.0.0.1:5399" >&2; exit 1; }

build: ## build bin/rollcall, static
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/rollcall ./cmd/rollcall

test: lint unit e2e ## run every check; CI runs this

lint: deps ## gofmt, vet and staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -w mends it):"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	cd test && $(GO) vet ./...
	$(GO) tool staticcheck -version >/dev/null && tool=$$($(GO) tool -n staticcheck) && cd test && "$$tool" ./...

unit: deps ## the product's own tests, with the race detector
	$(GO) test -race ./...

e2e: deps ## tests against a real API server, controllers, resolvers and the README's commands
	cd test && $(GO) run ./build
	cd test && $(GO) test -count=1 -timeout 30m ./...

differences: deps ## compare answers with CoreDNS's, and check docs/differences.md
	cd test && $(GO) run ./build
	cd test && $(GO) test -count=1 -v ./differ

conformance: deps ## ask a server what the RFCs want (SERVER=127.0.0.1:53; without it, Rollcall)
	cd test && $(GO) test -count=1 ./conformance $(if $(SERVER),-v -args -server $(SERVER))

bench: deps ## measure beside Knot DNS, NSD, CoreDNS and Unbound; takes fifteen to thirty minutes
	cd test && $(GO) run ./build && $(GO) run ./bench

watchers: deps ## measure what 1,000 watchers of a Service's peers cost the server; takes two minutes
	cd test && $(GO) run ./build && $(GO) test -count=1 -v -run TestWatchers ./discovery -args -after 35s -for 30s

fuzz: ## run each fuzz target for FUZZ (10s)
	@for p in $$($(GO) list ./...); do \
	  for t in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$t"; $(GO) test -run '^$$' -fuzz "^$$t\$$" -fuzztime $(FUZZ) -fuzzminimizetime 20x $$p || exit 1; \
	  done; \
	done

golden: ## write the expected zones of zone/testdata anew
	$(GO) test ./zone -update

deps: ## install what tests need and the machine lacks (Debian)
	@test/deps.sh
