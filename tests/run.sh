#!/usr/bin/env bash
# Every check of the repository, as the CI runs it. Ends with one line, "N passed, N failed": each check counts as one,
# each test as one. Usage: tests/run.sh [vitest arguments, such as the path of one test file]
# With arguments only the tests that they name run, without the other checks. Needs a finished set-up: `./vid2world test`
# makes one and calls this.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

passed=0
failed=0
problems=()

# check NAME COMMAND...: one line when it holds, its output when not.
check() {
  local name=$1 started=$SECONDS output
  shift
  if output=$("$@" 2>&1); then
    printf 'ok    %s (%d s)\n' "$name" $((SECONDS - started))
    passed=$((passed + 1))
  else
    printf 'FAIL  %s\n%s\n' "$name" "$output"
    failed=$((failed + 1))
    problems+=("$name")
  fi
}

bin=node_modules/.bin
if [ $# = 0 ]; then
  check "build (tsc -b)" "$bin/tsc" -b
  check "types of tests/" "$bin/tsc" -p tests
  check "generated code is up to date" node packages/torch/dist/codegen/generate.js --check
  check "format (prettier)" "$bin/prettier" --check --log-level warn .
  check "lint (eslint)" "$bin/eslint" . --max-warnings 0
fi

report=$(mktemp)
trap 'rm -f "$report"' EXIT
# Fork workers inherit the environment; the policy is explained in vid2world.
OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE} "$bin/vitest" run --reporter=default --reporter=json --outputFile.json="$report" "$@"
status=$?
# "passed failed skipped" of the tests, then the files that did not come to their end: one that could not even load has no tests, yet failed;
# in one whose process died, all tests are still waited for, and vitest does not name it.
counts=$(node -e '
  const report = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
  const broken = report.testResults.filter(({ status, assertionResults: tests }) =>
    (status === "failed" && tests.length === 0) || tests.some((test) => test.status === "pending"));
  const files = broken.map((file) => require("node:path").relative("", file.name));
  console.log(report.numPassedTests, report.numFailedTests + broken.length, report.numPendingTests + report.numTodoTests, ...files);
' "$report" 2>/dev/null) || counts="0 0 0"
read -r tests_passed tests_failed skipped unfinished <<<"$counts"
# vitest may fail without a failed test (an error outside of tests, no test found, a crash): that counts as one.
if [ "$status" != 0 ] && [ "$tests_failed" = 0 ]; then tests_failed=1; fi
passed=$((passed + tests_passed))
failed=$((failed + tests_failed))
[ "$tests_failed" = 0 ] || problems+=("tests")
[ -z "$unfinished" ] || problems+=("not run to their end: $unfinished")

[ "$failed" = 0 ] || printf '\nnot passed: %s\n' "$(printf '%s; ' "${problems[@]}")"
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
