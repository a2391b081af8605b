import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { apparmorProfile } from "./apparmor.ts";

test("a profile must be loaded, and AppArmor be there", async () => {
  const folder = await mkdtemp(join(tmpdir(), "minke-apparmor-"));
  const files = { enabled: join(folder, "enabled"), profiles: join(folder, "profiles") };
  const refused = (why: string) => ({ code: "FailedPrecondition", message: expect.stringContaining(why) });
  await expect(apparmorProfile("mine", files)).rejects.toMatchObject(refused("no AppArmor"));
  await writeFile(files.enabled, "Y\n");
  await writeFile(files.profiles, "mine (enforce)\nother one (complain)\n");
  expect(await apparmorProfile("mine", files)).toBe("mine");
  expect(await apparmorProfile("other one", files)).toBe("other one");
  await expect(apparmorProfile("min", files)).rejects.toMatchObject(refused('profile "min": it is not loaded'));
  for (const none of [undefined, "unconfined"]) expect(await apparmorProfile(none, files)).toBeUndefined();
  await rm(folder, { recursive: true });
});
