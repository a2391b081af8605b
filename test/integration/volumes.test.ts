/** Volumes against the real kernel: mounts, owners, modes, links. Needs root. */
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { Pod, PodSpec, Volume } from "../../src/api/gen/types.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { FakeClock } from "../../src/base/clock.ts";
import { noLog } from "../../src/base/logger.ts";
import { createHost } from "../../src/host/create-host.ts";
import type { Host } from "../../src/host/host.ts";
import { createVolumeManager } from "../../src/volume/create-volume-manager.ts";
import type { VolumeManager } from "../../src/volume/volume.ts";

let host: Host;
let root: string;
let volumes: VolumeManager;
let objects: Map<string, KubeObject>;
const clock = new FakeClock();

beforeAll(async () => void (host = await createHost()));
afterAll(async () => await host[Symbol.asyncDispose]());
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "minke-volumes-"));
  objects = new Map();
  volumes = createVolumeManager({
    host,
    podsRoot: join(root, "pods"),
    token: undefined,
    allocatable: { cpu: "2", memory: "1Gi" },
    read: (resource, namespace, name) => objects.get(`${resource}/${namespace}/${name}`),
    clock,
    log: noLog,
  });
});
afterEach(async () => {
  await volumes.release("u1");
  expect(await host.mount.list(root)).toEqual([]);
  await rm(root, { recursive: true });
});

function pod(list: readonly Volume[], spec: Partial<PodSpec> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "u1" },
    spec: { ...spec, containers: spec.containers ?? [{ name: "c" }], volumes: list },
  };
}

async function prepared(list: readonly Volume[], spec?: Partial<PodSpec>): Promise<string> {
  const result = await volumes.prepare(pod(list, spec));
  return result.get(list[0]!.name)!.hostPath;
}

function put(resource: "configmaps" | "secrets", name: string, data: Record<string, string>): void {
  const kind = resource === "secrets" ? "Secret" : "ConfigMap";
  objects.set(`${resource}/default/${name}`, { apiVersion: "v1", kind, metadata: { name }, data });
}

const permissions = async (path: string): Promise<number> => (await stat(path)).mode & 0o7777;

describe("emptyDir", () => {
  test("on disk: 0777, kept by a second prepare, gone after release", async () => {
    const path = await prepared([{ name: "v", emptyDir: {} }]);
    expect(await permissions(path)).toBe(0o777);
    await writeFile(join(path, "file"), "x");
    expect(await prepared([{ name: "v", emptyDir: {} }])).toBe(path);
    expect(await readFile(join(path, "file"), "utf8")).toBe("x");
    await volumes.release("u1");
    await expect(stat(path)).rejects.toThrow("ENOENT");
  });

  test("in memory: a tmpfs of the smaller of sizeLimit and the Pod's memory limit, mounted once", async () => {
    const volume: Volume = { name: "v", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } };
    const containers = [{ name: "c", resources: { limits: { memory: "1Mi" } } }];
    const path = await prepared([volume], { containers });
    await prepared([volume], { containers });
    expect((await host.mount.list(path)).map(({ type }) => type)).toEqual(["tmpfs"]);
    await expect(writeFile(join(path, "big"), Buffer.alloc(2 ** 21))).rejects.toThrow("ENOSPC");
    expect(await permissions(path)).toBe(0o777);
  });

  test("fsGroup owns it, and what is made in it", async () => {
    const path = await prepared([{ name: "v", emptyDir: {} }], { securityContext: { fsGroup: 4321 } });
    expect(await permissions(path)).toBe(0o2777);
    expect((await stat(path)).gid).toBe(4321);
    await writeFile(join(path, "file"), "");
    expect((await stat(join(path, "file"))).gid).toBe(4321);
  });
});

describe("configMap and secret", () => {
  test("files behind ..data, with modes, read-only", async () => {
    put("configmaps", "cm", { a: "1", b: "2" });
    const items = [
      { key: "a", path: "deep/er", mode: 0o600 },
      { key: "b", path: "b" },
    ];
    const volume: Volume = { name: "v", configMap: { name: "cm", items, defaultMode: 0o640 } };
    const result = await volumes.prepare(pod([volume]));
    const path = result.get("v")!.hostPath;
    expect(result.get("v")!.readonly).toBe(true);
    expect(await readlink(join(path, "deep"))).toBe("..data/deep");
    expect(await readFile(join(path, "deep/er"), "utf8")).toBe("1");
    expect(await permissions(join(path, "deep/er"))).toBe(0o600);
    expect(await permissions(join(path, "b"))).toBe(0o640);
  });

  test("a change swaps the whole, the same content changes nothing", async () => {
    put("configmaps", "cm", { a: "1", b: "2" });
    const volume: Volume = { name: "v", configMap: { name: "cm" } };
    const path = await prepared([volume]);
    const first = await readlink(join(path, "..data"));
    await prepared([volume]);
    expect(await readlink(join(path, "..data"))).toBe(first);
    put("configmaps", "cm", { a: "new", c: "3" });
    await prepared([volume]);
    expect((await readdir(path)).filter((name) => !name.startsWith(".."))).toEqual(["a", "c"]);
    expect(await readFile(join(path, "a"), "utf8")).toBe("new");
    expect((await readdir(path)).filter((name) => name.startsWith("..2"))).toHaveLength(1);
  });

  test("a secret is in memory, and its group may read it", async () => {
    put("secrets", "s", { key: Buffer.from([0, 255]).toString("base64") });
    const volume: Volume = { name: "v", secret: { secretName: "s", defaultMode: 0o400 } };
    const path = await prepared([volume], { securityContext: { fsGroup: 77 } });
    expect((await host.mount.list(path)).map(({ type }) => type)).toEqual(["tmpfs"]);
    expect([...(await readFile(join(path, "key")))]).toEqual([0, 255]);
    const info = await stat(join(path, "key"));
    expect([info.mode & 0o777, info.gid]).toEqual([0o440, 77]);
  });

  test.each<[Volume, string]>([
    [{ name: "v", configMap: { name: "no" } }, 'MountVolume.SetUp failed for volume "v" : configmap "no" not found'],
    [{ name: "v", secret: { secretName: "no" } }, 'MountVolume.SetUp failed for volume "v" : secret "no" not found'],
    [
      { name: "v", configMap: { name: "cm", items: [{ key: "z", path: "z" }] } },
      'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: z',
    ],
  ])("%j is refused", async (volume, message) => {
    put("configmaps", "cm", { a: "1" });
    await expect(volumes.prepare(pod([volume]))).rejects.toMatchObject({
      message,
      reason: "FailedMount",
      details: { field: "spec.volumes[0]" },
    });
  });

  test("an optional one that is missing is empty", async () => {
    const path = await prepared([{ name: "v", configMap: { name: "no", optional: true } }]);
    expect((await readdir(path)).filter((name) => !name.startsWith(".."))).toEqual([]);
  });
});

describe("hostPath", () => {
  test.each([
    ["Directory", "file", "is not a directory"],
    ["Directory", "none", "is not a directory"],
    ["File", "folder", "is not a file"],
    ["Socket", "file", "is not a socket file"],
    ["CharDevice", "file", "is not a character device"],
    ["BlockDevice", "file", "is not a block device"],
    ["DirectoryOrCreate", "file", "is not a directory"],
    ["FileOrCreate", "folder", "is not a file"],
    ["FileOrCreate", "none/below", "ENOENT"],
  ])("%s on %s is refused", async (type, name, text) => {
    await writeFile(join(root, "file"), "");
    await mkdir(join(root, "folder"));
    await expect(volumes.prepare(pod([{ name: "v", hostPath: { path: join(root, name), type } }]))).rejects.toThrow(
      text,
    );
  });

  test("types that make what is missing, and release that leaves it", async () => {
    await prepared([
      { name: "v", hostPath: { path: join(root, "a/b"), type: "DirectoryOrCreate" } },
      { name: "w", hostPath: { path: join(root, "file"), type: "FileOrCreate" } },
      { name: "x", hostPath: { path: join(root, "x") } },
      { name: "y", hostPath: { path: "/dev/null", type: "CharDevice" } },
    ]);
    await writeFile(join(root, "a/b/kept"), "");
    await volumes.release("u1");
    expect((await stat(join(root, "a/b/kept"))).isFile()).toBe(true);
    expect((await stat(join(root, "file"))).isFile()).toBe(true);
    expect((await stat(join(root, "x"))).isDirectory()).toBe(true);
  });
});

describe("subPath", () => {
  const bind = async (subPath: string): Promise<string> => {
    const volume = (await volumes.prepare(pod([{ name: "v", emptyDir: {} }]))).get("v")!;
    return await volumes.subPath({ podUid: "u1", volume, containerName: "c", index: 0, subPath });
  };

  test("binds a file, a directory, and makes what is missing; again and again", async () => {
    const path = await prepared([{ name: "v", emptyDir: {} }]);
    await writeFile(join(path, "file"), "x");
    expect(await readFile(await bind("file"), "utf8")).toBe("x");
    expect(await readFile(await bind("file"), "utf8")).toBe("x");
    await volumes.release("u1");
    const target = await bind("new/deep");
    await writeFile(join(target, "inside"), "");
    expect((await lstat(join(path, "new/deep/inside"))).isFile()).toBe(true);
  });

  test.each(["link", "link/passwd", "link/new/deeper", "../x", "/etc"])("%s can not lead out", async (subPath) => {
    const path = await prepared([{ name: "v", emptyDir: {} }]);
    await mkdir(join(root, "outside"));
    await chmod(join(root, "outside"), 0o755);
    await symlink(join(root, "outside"), join(path, "link"));
    await writeFile(join(root, "outside/passwd"), "");
    await expect(bind(subPath)).rejects.toMatchObject({ reason: "CreateContainerConfigError" });
    expect(await readdir(join(root, "outside"))).toEqual(["passwd"]);
  });
});
