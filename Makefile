# make            builds ./gosling and gets ggml's libraries
# make demo       lets the built-in model write verse
# make test       runs all checks
# README.md and docs/ggml.md describe the other targets.

GO ?= go
NPM ?= npm
PREFIX ?= /usr/local
BACKENDS ?= cpu
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
BENCHSTAT = golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
TARGETS = linux/arm64 darwin/arm64 windows/amd64
export CGO_ENABLED = 0

.PHONY: all gosling ggml ggml-vulkan ggml-cuda ggml-source demo demo-model generate test check unit race cross vulkan
.PHONY: fuzz hub-client clients compat page killtest mutate test-variants test-arm64 test-windows bench bench-compare vuln man install uninstall install-test dist dist-test pictures clean
all: ggml gosling

gosling:
	$(GO) build -trimpath -o gosling$(shell $(GO) env GOEXE) .

# ggml's prebuilt libraries: downloaded if there are none yet or the pinned version has changed.

INSTALLED = node_modules/.package-lock.json
BUILT := $(wildcard third_party/lib/*ggml-base*)

define fetch
cd $(<D) && $(NPM) ci --ignore-scripts
@test -d $(@D)/@node-llama-cpp || { rm -rf $(@D); \
	echo 'no prebuilt libraries for this platform: try make ggml-source BACKENDS="cpu vulkan"' >&2; exit 1; }
@touch $@
endef

NAMED := $(GOSLING_GGML)

ggml: $(if $(BUILT)$(NAMED),,third_party/$(INSTALLED))
ggml-vulkan: third_party/vulkan/$(INSTALLED)
ggml-cuda: third_party/cuda/$(INSTALLED)

third_party/$(INSTALLED): third_party/package-lock.json third_party/package.json
	$(fetch)
third_party/vulkan/$(INSTALLED): third_party/vulkan/package-lock.json third_party/vulkan/package.json
	$(fetch)
third_party/cuda/$(INSTALLED): third_party/cuda/package-lock.json third_party/cuda/package.json
	$(fetch)

# ggml's libraries, built from source. GGML_SOURCE_DIR names other sources than the pinned ones.

ggml-source:
	rm -rf third_party/lib
	cmake -S . -B build/ggml -DGOSLING_BACKENDS="$(BACKENDS)" -DGGML_SOURCE_DIR="$(GGML_SOURCE_DIR)"
	cmake --build build/ggml --config Release --parallel $(JOBS)

# Runs the built-in demo model.

demo: all
	./gosling run demo "ROMEO:" --n-predict 400

# Writes the assembly of the kernels again, after a change of the generator in kernels/gen.
generate:
	$(GO) generate ./kernels

# Trains that model and the tests' models again (scripts/train/README.md): make demo-model TEXT=tinyshakespeare.txt

demo-model: all
	scripts/train/make-models.sh "$(TEXT)"
	./gosling convert --force --type Q8_0 testdata/demo.pth demo/demo.gguf

# Tests use the libraries named by GOSLING_GGML, or else those in third_party.

unit race vulkan fuzz test-variants bench bench-compare: export GOSLING_GGML = $(or $(NAMED),$(if $(wildcard third_party/lib third_party/node_modules third_party/*/node_modules),$(CURDIR)/third_party))

# All checks. race needs a C compiler. vulkan needs the Vulkan loader, a driver and make ggml-vulkan. CI runs them with SHORT=1.

test: ggml check unit race cross vulkan

check:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) -C kernels/gen mod verify
	$(GO) -C kernels/gen vet ./...
	$(GO) -C kernels/gen run $(STATICCHECK) ./...
	$(GO) -C $(BROWSER) vet ./...
	$(GO) -C $(BROWSER) run $(STATICCHECK) ./...
	GO="$(GO)" sh scripts/generated.sh

unit:
	$(GO) test -timeout 30m -shuffle=on ./...

race:
	@if command -v "$$($(GO) env CC)" >/dev/null; then set -x; CGO_ENABLED=1 $(GO) test -race -short -timeout 30m -shuffle=on ./...; \
	else echo "race: no C compiler, skipped"; fi

cross:
	@for target in $(TARGETS); do ( export GOOS=$${target%/*} GOARCH=$${target#*/}; set -x; \
		$(GO) build ./... && $(GO) vet ./... ) || exit 1; done

# The software driver only counts as a GPU if its number is named. A version's suite runs each part in a process of its own: see
# "Vulkan in software" in docs/ggml.md. SHORT=1 skips the parts that mostly compile shaders.
SIDE = $(addprefix laws/sequences_side_by_side_give_what_each_gives_alone/,of_the_same of_different some_of)
SUITE = types placement observed laws/chunks_of $(SIDE) laws/a_prompt_of laws/a_state_that laws/a_prompt_that laws/a_new_text laws/a_file_read

vulkan:
	@if ls third_party/vulkan/$(INSTALLED) /usr/share/vulkan/icd.d/*.json >/dev/null 2>&1; then set -ex; \
		export GGML_VK_VISIBLE_DEVICES=0; \
		$(GO) test -count=1 -shuffle=on $(if $(SHORT),-short) ./ggml ./rwkv/op ./engine/...; \
		for part in official_numbers reference; do $(GO) test -count=1 ./rwkv/v4 ./rwkv/v5 ./rwkv/v6 ./rwkv/v7 -run "TestSuite[0-9]*/Vulkan0/$$part"; done; \
		$(if $(SHORT),exit 0;) $(GO) test -count=1 ./ggml/probe; \
		for part in $(SUITE); do $(GO) test -count=1 ./rwkv/v7 -run "TestSuite/Vulkan0/$$part"; done; \
		for part in observed laws/chunks_of $(SIDE); do $(GO) test -count=1 ./rwkv/v4 ./rwkv/v5 ./rwkv/v6 -run "TestSuite[0-9]*/Vulkan0/$$part"; done; \
		for part in reference observed laws/a_prompt_of; do $(GO) test -count=1 ./rwkv/v6 ./rwkv/v7 -run "TestSuiteOfHybrids/.*/Vulkan0/$$part"; done; \
	else echo "vulkan: no driver or no libraries (make ggml-vulkan), skipped"; fi

# Downloads from the tests' hub with huggingface_hub, the hub's own client, which pip fetches.
hub-client: build/hub-client/bin/hf
	HF_PYTHON=$(CURDIR)/build/hub-client/bin/python $(GO) test -count=1 -run Official -v ./hub

build/hub-client/bin/hf:
	python3 -m venv build/hub-client
	build/hub-client/bin/pip install --quiet huggingface_hub==2.4.0

# Asks a server with the clients that people use, which pip and npm fetch. See docs/clients.md. Not part of CI.
CLIENTS = internal/clients

clients: all build/clients/venv/bin/pytest build/clients/node/$(INSTALLED)
	$(GO) run ./scripts/clients -folder build/clients

build/clients/venv/bin/pytest: $(CLIENTS)/python/requirements.txt
	python3 -m venv build/clients/venv
	build/clients/venv/bin/pip install --quiet -r $<
	rm -rf build/clients/openai-* && build/clients/venv/bin/pip download --quiet --no-deps --no-binary openai --dest build/clients $$(grep ^openai== $<)
	tar -xzf build/clients/openai-*.tar.gz -C build/clients
	touch $@

build/clients/node/$(INSTALLED): $(wildcard $(CLIENTS)/node/*)
	mkdir -p build/clients/node && cp $(CLIENTS)/node/* build/clients/node
	cd build/clients/node && $(NPM) ci --ignore-scripts
	touch $@

# Runs llama.cpp's own tests of its server on Gosling's: make compat LLAMA_TESTS=llama.cpp/tools/server/tests. See docs/clients.md.
LLAMA_TESTS ?=

compat: all build/compat/venv/bin/pytest
	$(GO) build -o build/compat/llama-server ./scripts/compat/llama-server
	$(GO) run ./scripts/compat -tests "$(LLAMA_TESTS)" -python build/compat/venv/bin/python -server build/compat/llama-server -log build/compat/log.txt

build/compat/venv/bin/pytest:
	@test -f "$(LLAMA_TESTS)/requirements.txt" || { echo 'name llama.cpp'"'"'s tests: make compat LLAMA_TESTS=llama.cpp/tools/server/tests' >&2; exit 1; }
	python3 -m venv build/compat/venv
	build/compat/venv/bin/pip install --quiet -r "$(LLAMA_TESTS)/requirements.txt" pytest-timeout==2.4.0

# Drives the page of a server in headless Chromium: Debian's package chromium, or the browser that CHROMIUM names. npm gets axe-core.
# PICTURES names a folder for pictures of the page; those of the documentation are in docs/img.
BROWSER = internal/browser
PICTURES ?=

page: all
	@$(MAKE) --no-print-directory build/page/node/$(INSTALLED) || echo "page: npm does not get axe-core: skipping what needs it"
	$(GO) -C $(BROWSER) test -c -o $(CURDIR)/build/page/page.test .
	build/page/page.test -gosling $(CURDIR)/gosling -axe build/page/node/node_modules/axe-core/axe.min.js \
		$(if $(PICTURES),-pictures "$(PICTURES)") -test.parallel 4 -test.timeout 10m

build/page/node/$(INSTALLED): $(wildcard $(BROWSER)/node/*)
	mkdir -p build/page/node && cp $(BROWSER)/node/* build/page/node
	cd build/page/node && $(NPM) ci --ignore-scripts
	@touch $@

# Runs all fuzz targets, or those whose names match FUZZ, for FUZZTIME each. See docs/testing.md.
FUZZTIME ?= 1m
FUZZ ?=

fuzz: ggml
	$(GO) run ./scripts/fuzz -time $(FUZZTIME) -only '$(FUZZ)'

# Runs the program on damaged files of every kind. See docs/testing.md.
MUTATIONS ?= 10000

mutate: all
	$(GO) run ./scripts/mutate -n $(MUTATIONS) ./gosling

# Kills the program KILLS times while it pulls models, and as often while it writes states, and checks what is left. See docs/testing.md.
KILLS ?= 200

killtest: all
	$(GO) run ./scripts/killtest -rounds $(KILLS) -states
	$(GO) run ./scripts/killtest -rounds $(KILLS) ./gosling

# Runs the numeric tests with every build of ggml's CPU backend that this processor can run. SHORT=1 takes a few minutes instead
# of one or two hours.
test-variants: ggml
	sh scripts/test_variants.sh $(if $(SHORT),short)

# Run the program and the tests of other platforms under qemu and Wine. SHORT=1 skips slow parts.
test-arm64: ggml
	@$(GO) run ./scripts/emulate $(if $(SHORT),--short) linux/arm64

test-windows: ggml
	@$(GO) run ./scripts/emulate $(if $(SHORT),--short) windows/amd64

bench: ggml
	$(GO) test -run '^$$' -bench . -benchmem ./...

# Compares the benchmarks of a revision and of the working tree: make bench-compare BASE=main. BENCH is a pattern of benchmarks.
BASE ?=
BENCH ?= .
ROUNDS ?= 6

bench-compare: ggml
	@BENCHSTAT="$(GO) run $(BENCHSTAT)" sh scripts/bench_compare.sh "$(BASE)" "$(BENCH)" $(ROUNDS)

# Looks for known vulnerabilities in the program's dependencies. It asks a server, so it is not part of check or CI.
vuln:
	$(GO) run $(GOVULNCHECK) ./...
	$(GO) -C kernels/gen run $(GOVULNCHECK) ./...

# Installs the program in bin, the libraries in lib/gosling, where the program looks for them, and manual pages and completions in
# share.

TO = $(DESTDIR)$(patsubst ~/%,$(HOME)/%,$(PREFIX))

install: all
	@sh scripts/install.sh install "$(TO)"

uninstall:
	@sh scripts/install.sh uninstall "$(TO)"

man: gosling
	./gosling man --force build/man

# Installs a clone of the last commit, removes the clone, and runs what was installed.
install-test: ggml
	sh scripts/install_test.sh

# Makes archives for all platforms in dist, with checksums. dist-test unpacks and runs the one for this platform.
dist:
	$(GO) run ./scripts/dist

dist-test: dist
	sh scripts/dist_test.sh

# Makes the README's pictures of a terminal by running the program.
pictures: ggml
	$(GO) run ./scripts/recording

clean:
	rm -rf gosling gosling.exe build dist
	rm -rf third_party/lib third_party/node_modules third_party/vulkan/node_modules third_party/cuda/node_modules
