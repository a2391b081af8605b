/**
 * `npm test`: the checks, the unit tests and the integration tests with real containers, closed by one line that counts
 * them all. Integration tests need root; without it they run under sudo.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
process.chdir(root);

const CHECKS = ["format:check", "types", "lint", "layers", "dead"] as const;
const total = { passed: 0, failed: 0, skipped: 0 };

for (const check of CHECKS) {
  const { status } = spawnSync("npm", ["run", "--silent", check], { stdio: "inherit" });
  console.log(`${status === 0 ? "ok" : "FAILED"}  npm run ${check}`);
  if (status === 0) total.passed++;
  else total.failed++;
}

const scratch = mkdtempSync(join(tmpdir(), "minke-test-"));
try {
  vitest("unit", []);
  vitest("integration", process.getuid?.() === 0 ? [] : ["sudo", "--preserve-env=PATH,CI"]);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

/** Runs one vitest project and adds its counts; a run that reports nothing, or fails outside its tests, is one failure. */
function vitest(project: string, prefix: readonly string[]): void {
  const output = join(scratch, `${project}.json`);
  const argv = [...prefix, resolve("node_modules/.bin/vitest"), "run", "--project", project];
  argv.push("--reporter=default", "--reporter=json", `--outputFile.json=${output}`);
  const { status } = spawnSync(argv[0]!, argv.slice(1), { stdio: ["ignore", "inherit", "inherit"] });
  let report: { numPassedTests: number; numFailedTests: number; numPendingTests: number; numTodoTests: number };
  try {
    report = JSON.parse(readFileSync(output, "utf8")) as typeof report;
  } catch {
    console.log(`FAILED  vitest --project ${project}: it wrote no report`);
    total.failed++;
    return;
  }
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests + report.numTodoTests;
  if (status !== 0 && report.numFailedTests === 0) {
    console.log(`FAILED  vitest --project ${project}: an error outside of its tests`);
    total.failed++;
  }
}
