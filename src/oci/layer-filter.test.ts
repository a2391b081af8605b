import fc from "fast-check";
import { extract, pack } from "tar-stream";
import { describe, expect, test } from "vitest";

import { LayerFilter } from "./layer-filter.ts";

interface Entry {
  readonly name: string;
  readonly type: "file" | "directory" | "symlink" | "link" | "fifo" | "character-device";
  readonly linkname?: string;
  readonly content?: string;
  readonly pax?: Record<string, string>;
}

/** What the filter makes of these entries, as `type name -> link`, with the stream cut into pieces of `pieceBytes`. */
async function filtered(entries: readonly Entry[], pieceBytes = 1000): Promise<string[]> {
  const source = pack();
  for (const { content, ...header } of entries) {
    const full = { ...header, mtime: new Date(1000), ...(header.pax ? { pax: header.pax } : {}) };
    if (header.type === "file") source.entry(full, content ?? "");
    else source.entry(full);
  }
  source.finalize();
  const tar = Buffer.concat(await Array.fromAsync(source as AsyncIterable<Buffer>));
  const filter = new LayerFilter();
  const reader = extract();
  const out: Buffer[] = [];
  for (let at = 0; at < tar.length; at += pieceBytes) out.push(...filter.push(tar.subarray(at, at + pieceBytes)));
  out.push(...filter.end());
  reader.end(Buffer.concat(out));
  const lines: string[] = [];
  for await (const entry of reader) {
    const { type, name, linkname, pax } = entry.header;
    const body = Buffer.concat(await Array.fromAsync(entry as AsyncIterable<Buffer>)).toString();
    const extra = pax ? ` ${JSON.stringify(pax)}` : "";
    lines.push(`${type} ${name}${linkname ? ` -> ${linkname}` : ""}${body ? ` = ${body}` : ""}${extra}`);
  }
  return lines;
}

const dir = (name: string): Entry => ({ name, type: "directory" });
const file = (name: string, content = ""): Entry => ({ name, type: "file", content });
const symlink = (name: string, linkname: string): Entry => ({ name, type: "symlink", linkname });

describe("LayerFilter", () => {
  test("passes files, in whatever pieces they come, and puts symlinks last", async () => {
    const long = "n".repeat(150);
    const entries = [dir("d"), symlink("l", "d"), file("d/f", "hello"), file(long, "x".repeat(2000))];
    const expected = [
      "directory ./d",
      "file ./d/f = hello",
      `file ./${long} = ${"x".repeat(2000)}`,
      "symlink ./l -> d",
    ];
    for (const pieceBytes of [1, 511, 512, 513, 100_000]) expect(await filtered(entries, pieceBytes)).toEqual(expected);
  });

  test.each<[string, Entry[], string[]]>([
    ["a leading slash is dropped", [file("/a")], ["file ./a"]],
    ["missing parents are made", [file("a/b/c")], ["directory ./a", "directory ./a/b", "file ./a/b/c"]],
    [
      "a parent that is a symlink is followed inside the layer",
      [dir("usr"), symlink("lib", "/usr"), file("lib/x")],
      ["directory ./usr", "file ./usr/x", "symlink ./lib -> /usr"],
    ],
    ["… and stops at its root", [symlink("up", "../../.."), file("up/x")], ["file ./x", "symlink ./up -> ../../.."]],
    ["a symlink that is replaced is not made", [symlink("a", "/etc"), file("a", "1")], ["file ./a = 1"]],
    [
      "a hard link's target is resolved too",
      [dir("usr"), symlink("lib", "usr"), file("usr/x"), { name: "y", type: "link", linkname: "/lib/x" }],
      ["directory ./usr", "file ./usr/x", "link ./y -> ./usr/x", "symlink ./lib -> usr"],
    ],
    ["a whiteout becomes a device", [dir("d"), file("d/.wh.x")], ["directory ./d", "character-device ./d/x"]],
    ["… not when the layer has that file", [file(".wh.x"), file("x")], ["file ./x"]],
    [
      "… and a directory of that name is opaque",
      [file(".wh.d"), dir("d")],
      ["directory ./d", 'directory ./d {"SCHILY.xattr.trusted.overlay.opaque":"y"}'],
    ],
    [
      "an opaque mark goes to its directory",
      [dir("d"), file("d/.wh..wh..opq")],
      ["directory ./d", 'directory ./d {"SCHILY.xattr.trusted.overlay.opaque":"y"}'],
    ],
    ["aufs' own files are dropped", [dir(".wh..wh.plnk"), file(".wh..wh.aufs")], []],
    [
      "attributes pass, those of the overlay and unknown records do not",
      [
        {
          ...file("a"),
          pax: { "SCHILY.xattr.user.x": "1", "SCHILY.xattr.trusted.overlay.redirect": "/", comment: "c", uid: "7" },
        },
      ],
      ['file ./a {"SCHILY.xattr.user.x":"1","uid":"7"}'],
    ],
  ])("%s", async (_rule, entries, expected) => {
    expect(await filtered(entries)).toEqual(expected);
  });

  test.each<[string, Entry[], string]>([
    ["..", [file("a/../b")], '".."'],
    ["NUL", [{ ...file("a"), pax: { path: "a\0b" } }], "NUL"],
    ["a directory replaced", [file("a/b"), symlink("a", "/")], "replaces a directory"],
    ["a file as a directory", [file("a"), file("a/b")], "no directory"],
    ["a link to nothing", [{ name: "a", type: "link", linkname: "b" }], "hard link to no file"],
    ["a sparse file", [{ ...file("a"), pax: { "GNU.sparse.major": "1" } }], "sparse"],
    ["a malformed owner", [{ ...file("a"), pax: { uid: "-1" } }], '"uid" is malformed'],
  ])("refuses %s", async (_what, entries, why) => {
    await expect(filtered(entries)).rejects.toThrow(why);
  });

  test("whatever comes in, no name that goes out climbs, is absolute, comes twice as a link, or lies behind a symlink", async () => {
    const part = fc.constantFrom("a", "b", "..", ".", "", ".wh.a", ".wh..wh..opq");
    const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/") || "a");
    const type = fc.constantFrom<Entry["type"]>("file", "directory", "symlink", "link", "fifo", "character-device");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ name, type, linkname: name }), { maxLength: 10 }), async (entries) => {
        const lines = await filtered(entries).catch(() => []);
        let haveSymlinks = false;
        for (const line of lines) {
          const [, kind = "", path = ""] = /^(\S+) (\S+)/.exec(line)!;
          expect(path).toMatch(/^\.\/(?!\/)/);
          expect(path.split("/")).not.toContain("..");
          if (kind === "symlink") haveSymlinks = true;
          else expect(haveSymlinks).toBe(false);
        }
        const links = lines.filter((line) => line.startsWith("symlink")).map((line) => line.split(" ")[1]!);
        for (const line of lines)
          for (const link of links) expect(line.split(" ")[1]).not.toMatch(new RegExp(`^${link}/`));
      }),
    );
  });
});
