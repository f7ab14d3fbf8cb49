# What CI calls, and what a developer calls before a commit.
GO ?= go
STATICCHECK ?= $(GO) tool staticcheck

.PHONY: check format vet staticcheck imports test race cluster planted build

check: format vet staticcheck test race

build:
	$(GO) build ./...

format:
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "not formatted:"; echo "$$files"; exit 1; fi

vet:
	$(GO) vet ./...
	$(GO) vet -tags cluster ./tests/...
	$(GO) vet -tags fault,planted ./internal/storage ./internal/planted ./internal/crashpoint ./oracle ./tests/simulation ./server/...

staticcheck:
	$(STATICCHECK) ./...
	$(STATICCHECK) -tags cluster ./tests/...

imports:
	$(GO) test -count=1 ./tests/imports

# The README's test command.
test:
	$(GO) test ./...

# The race detector over what has goroutines.
race:
	$(GO) test -race -short ./internal/... ./pgwire/... ./planner/... ./oracle/... ./partitions/... ./plugins/... ./server/...

# Whole clusters as child processes, under load, with failures.
cluster:
	$(GO) test -count=1 -timeout 15m -tags cluster ./tests/...

# Bugs that are planted are found by the simulation; tests/fault plants them in processes,
# and one that the simulation has no part of (stale-read).
planted:
	@for bug in lost-release double-move missing-prepare no-dedup; do \
		FAULT_PLANT=$$bug $(GO) test -count=1 -tags planted -run Planted ./tests/simulation || exit 1; done
