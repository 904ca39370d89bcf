# Each of these stands in the README too, and can be typed without just.

# All that must pass before a change goes in.
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

# Ten minutes of random rewrites, valid and not, in ten thousand ways and orders, under load.
soak:
    cargo test --release --test external -- --ignored --nocapture no_request_fails_and_no_last_edit

# Each way to break the pure core, and whether a test sees it (cargo install cargo-mutants).
mutants:
    cargo mutants

# The lines of the pure core that its tests reach: all (cargo install cargo-tarpaulin).
coverage:
    cargo tarpaulin
