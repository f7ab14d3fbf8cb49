# What CI calls, and what a developer calls before a commit.
GO ?= go
STATICCHECK ?= $(GO) tool staticcheck

.PHONY: check format vet staticcheck imports test race cluster build

check: format vet staticcheck test race

build:
	$(GO) build ./...

format:
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "not formatted:"; echo "$$files"; exit 1; fi

vet:
	$(GO) vet ./...
	$(GO) vet -tags cluster ./tests/...

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
