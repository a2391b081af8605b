/**
 * Builds critest, crictl, crictl's own tests and ginkgo from a released cri-tools into a folder outside of the checkout:
 *
 *     node test/conformance/build-critest.ts v1.37.0 --out DIR        and then: export PATH=DIR:$PATH
 *
 * It needs Go, which fetches the module. One thing is changed in the copy: critest pulls one image by the digest that
 * cri-tools published it with, and no image that is built here can have that digest; ours is put in its place.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { buildConformanceImages } from "./images/build.ts";
import { CRICTL_TESTS } from "./specs.ts";

const MODULE = "sigs.k8s.io/cri-tools";
/** The files with the published digest: critest's constants and crictl's test of pull. */
const PINNED_IN = ["pkg/validate/consts.go", "test/e2e/pull_test.go"];
const PINNED = /(?<=\/?test-image-digest@)sha256:[0-9a-f]{64}/g;

const { positionals, values } = parseArgs({ allowPositionals: true, options: { out: { type: "string" } } });
const [version] = positionals;
if (version === undefined || values.out === undefined) {
  console.error("Usage: node test/conformance/build-critest.ts VERSION --out DIR");
  process.exit(2);
}
const out = resolve(values.out);
mkdirSync(out, { recursive: true });
const { digest } = await buildConformanceImages((line) => console.error(line));

const source = mkdtempSync(join(tmpdir(), "minke-critest-"));
try {
  const module = JSON.parse(go(["mod", "download", "-json", `${MODULE}@${version}`], tmpdir())) as { Dir: string };
  cpSync(module.Dir, source, { recursive: true });
  execFileSync("chmod", ["-R", "u+w", source]); // Go keeps its modules read-only
  for (const file of PINNED_IN) {
    const path = join(source, file);
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(PINNED, digest));
  }
  const named = ["-trimpath", `-ldflags=-X ${MODULE}/pkg/version.Version=${version}`];
  go(["test", "-c", ...named, "-o", join(out, "critest"), "./cmd/critest"], source);
  go(["build", ...named, "-o", join(out, "crictl"), "./cmd/crictl"], source);
  go(["test", "-c", ...named, "-o", join(out, CRICTL_TESTS), "./test/e2e"], source);
  go(["build", "-trimpath", "-o", join(out, "ginkgo"), "github.com/onsi/ginkgo/v2/ginkgo"], source);
} finally {
  rmSync(source, { recursive: true, force: true });
}
console.log(out);

function go(args: readonly string[], cwd: string): string {
  console.error(`go ${args.join(" ")}`);
  // The published module has no vendor folder, and its tools' requirements are not all in its go.sum.
  const env = { ...process.env, GOFLAGS: "-mod=mod", GOTOOLCHAIN: "auto", CGO_ENABLED: "0" };
  return execFileSync("go", args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
