# make dev     run it on this machine: http://localhost:8080
# make test    everything: lint, then all suites on all stores and in a browser
# The other targets are the parts of these two.

TOOL = go tool -modfile=.ci/tools.mod
PACKAGES = ./...
# SQLite translated from C is a third slower where each of its pointers is checked, and has no race that is ours.
RACE = -race -gcflags=modernc.org/...=-d=checkptr=0

.PHONY: dev test lint generate build bench fuzz screenshots

dev:
	go run ./cmd/vseeid dev

test: lint
	.ci/services sh -c 'go test $(RACE) -timeout 20m $(PACKAGES) && go test -run "EveryStateEveryRoute|Walk|Listed" ./login'

lint:
	.ci/fresh
	@unformatted=$$($(TOOL) gofumpt -l $$(git ls-files '*.go' ':!*_templ.go' ':!*.gen.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (make generate does it):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	$(TOOL) staticcheck ./...

generate:
	go tool templ fmt templates
	go generate ./...
	$(TOOL) gofumpt -w $$(git ls-files '*.go' ':!*_templ.go' ':!*.gen.go')

build:
	CGO_ENABLED=0 go build -trimpath -ldflags=-s -o bin/vseeid ./cmd/vseeid

# Ratios to what bounds each path, measured in the same run.
bench:
	.ci/services sh -c 'go test -run "^$$" -bench . -benchmem $$(go list ./... | grep -v /cmd/) && \
		go test -run "^$$" -bench . -benchtime 10x ./cmd/vseeid'

# Each fuzz target for ten seconds, and the walks through random sign-ins by numbers that were not drawn before.
fuzz:
	VSEEID_TEST_SEED=random go test -count 1 -run 'Walk|Properties' ./login
	@for f in $$(git grep -l '^func Fuzz' -- '*_test.go'); do \
		for t in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$f); do \
			go test -run '^$$' -fuzz "^$$t$$" -fuzztime 10s ./$$(dirname $$f) || exit 1; \
		done; \
	done

# Every page and state, phone and desktop, light and dark, into screenshots/.
screenshots:
	VSEEID_SCREENSHOTS=$(CURDIR)/screenshots .ci/services go test -count 1 -run Gallery ./templates
