/**
 * Minke under test: a node of an instance of its own, with its CRI socket, in folders of its own. Its end throws when anything
 * of it stays on the machine.
 */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

import { instanceOf } from "../../src/host/instance.ts";
import { auditLeaks, takeInventory } from "../audit.ts";
import { endOf, outputOf, until } from "./program.ts";
import type { Subject, SubjectOptions } from "./subject.ts";

const MINKE = resolve(import.meta.dirname, "../../bin/minke");

export async function startMinke({ scratch, hosts }: SubjectOptions): Promise<Subject> {
  const folder = join(scratch, "minke");
  const socket = join(folder, "cri.sock");
  const instance = `cri${randomBytes(3).toString("hex")}`;
  const [root, state] = [join(folder, "root"), join(folder, "state")];
  const place = ["--instance", instance, "--root", root, "--state", state];
  const before = await takeInventory({ instance: instanceOf({ instance, root, state }) });
  const child = spawn(MINKE, ["serve", ...place, "--cri-socket", socket, "--registries-dir", hosts], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = outputOf(child);
  const end = async (): Promise<void> => {
    await endOf(child);
    execFileSync(MINKE, ["reset", "--yes", ...place], { stdio: ["ignore", "ignore", "inherit"] });
    await auditLeaks(before);
  };
  try {
    await until(async () => existsSync(socket), "Minke", child, output);
  } catch (error) {
    await end();
    throw error;
  }
  const version = execFileSync(MINKE, ["--version"], { encoding: "utf8" }).trim();
  return { endpoint: `unix://${socket}`, version: `minke ${version}`, [Symbol.asyncDispose]: end };
}
