# Each of these is in docs/CONTRIBUTING.md too, and can be typed without just.

# Everything that must pass before a change goes in.
ci:
    .ci/run

# The linter alone.
check:
    cargo clippy --all-targets -- -D warnings

# The tests.
test:
    cargo test

# The long tests: full counts of edits, reloads and requests.
full:
    cargo test --release -- --ignored

# The benchmarks.
bench:
    cargo bench

# Ten minutes of random rewrites of the file, valid and not, under load.
soak:
    cargo test --release --test external -- --ignored --nocapture no_request_fails_and_no_last_edit

# Break the pure core in many ways, and see if a test notices (cargo install cargo-mutants).
mutants:
    cargo mutants

# The lines of the pure core that its tests reach: all of them (cargo install cargo-tarpaulin).
coverage:
    cargo tarpaulin
