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
