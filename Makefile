# Everything is built in one profile, so that HiGHS (some minutes on two cores) is built once.

.PHONY: help packages browser build demo serve test test-long bench lint dist

help:
	@echo "make demo       compute a trained network's exact Lipschitz constant through the service"
	@echo "make serve      run the service on http://127.0.0.1:8080, its data in data/"
	@echo "make test       all tests"
	@echo "make test-long  all tests, the long ones too, with many more random cases"
	@echo "make bench      time every method on the example networks"
	@echo "make lint       formatting and lints"
	@echo "make dist       what is released, in dist/: wheels, a tarball, a Debian package, release notes"
	@echo "Missing Debian packages are installed first."

packages:
	@scripts/install-packages

browser:
	@scripts/install-packages --browser

build: packages
	cargo build --release

demo: build
	@scripts/demo

serve: build
	@mkdir -p data
	target/release/exactlip serve --database sqlite://data/exactlip.db

test: browser
	cargo test --release
	scripts/test-python

test-long: browser
	PROPTEST_CASES=20000 cargo test --release --lib -- --include-ignored
	ulimit -n $$(ulimit -Hn) && EXACTLIP_TEST_FACTOR=10 cargo test --release --test '*' -- --include-ignored
	scripts/test-python
	scripts/fuzz-interface
	scripts/test-dist

dist: packages
	scripts/dist

bench: build
	@scripts/bench.py

lint: packages
	cargo fmt --check
	cargo clippy --release --all-targets -- -D warnings
