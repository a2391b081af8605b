/** The formats of passwd(5) and group(5). Malformed lines are ignored, as libc does. Pure. */

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export function parsePasswd(text: string): readonly PasswdEntry[] {
  return lines(text).flatMap(([name, , uid, gid, , home]) => {
    const entry = { name: name ?? "", uid: id(uid), gid: id(gid), home: home ?? "" };
    return entry.name === "" || Number.isNaN(entry.uid) || Number.isNaN(entry.gid) ? [] : [entry];
  });
}

export function parseGroup(text: string): readonly GroupEntry[] {
  return lines(text).flatMap(([name, , gid, members]) => {
    const entry = {
      name: name ?? "",
      gid: id(gid),
      members: (members ?? "").split(",").filter((member) => member !== ""),
    };
    return entry.name === "" || Number.isNaN(entry.gid) ? [] : [entry];
  });
}

function lines(text: string): readonly (readonly string[])[] {
  return text.split("\n").flatMap((line) => {
    const trimmed = line.trim();
    return trimmed === "" || trimmed.startsWith("#") ? [] : [trimmed.split(":")];
  });
}

function id(text: string | undefined): number {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
}
