/** Writes docs/cli.md from the command table: `node tools/generate-cli-docs.ts`. A unit test compares the two. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";

import { cliReference } from "../src/cli/docs.ts";

writeFileSync(resolve(import.meta.dirname, "../docs/cli.md"), await cliReference());
