/** Who a container's process runs as: the request, else the image's USER, resolved by the passwd and group files inside. */
import { MinkeError } from "../base/errors.ts";
import { parseGroup, parsePasswd, type PasswdEntry } from "./passwd.ts";
import { readInRoot } from "./root-path.ts";

export interface UserRequest {
  /** The image's USER: `user`, `uid`, `user:group`, `uid:gid` …; empty = root. Used when the request names no user. */
  readonly imageUser: string;
  readonly runAsUser?: number;
  readonly runAsUsername?: string;
  readonly runAsGroup?: number;
  readonly supplementalGroups: readonly number[];
  /** `strict` leaves out the groups that the image's /etc/group gives the user. Default `merge`. */
  readonly supplementalGroupsPolicy?: "merge" | "strict";
}

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** The primary group first, then the others; each once. */
  readonly additionalGids: readonly number[];
  /** Empty when the image's passwd does not know the uid. */
  readonly username: string;
  /** Home directory; `/` when the image's passwd does not know the uid. */
  readonly home: string;
}

/** Largest passwd or group file that is read, in bytes. */
const FILE_MAX_BYTES = 10 * 1024 * 1024;
/** uid and gid are 32 bits, and -1 means "no change" to the kernel. */
const ID_MAX = 2 ** 31 - 1;

/**
 * Resolves a user inside the mounted root file system. Rejects a group without a user with `InvalidArgument`, and a name
 * that the image does not have with `NotFound`, reason `CreateContainerConfigError`. A number needs no entry.
 */
export async function resolveUser(rootfs: string, request: UserRequest): Promise<ResolvedUser> {
  const wanted = wantedUser(request);
  const passwd = parsePasswd(await readFileInside(rootfs, "/etc/passwd"));
  const entry = findUser(passwd, wanted.user);
  const uid = entry?.uid ?? numericId(wanted.user);
  if (uid === undefined) throw unknown("user", wanted.user, "/etc/passwd");

  const needsGroups = wanted.group !== "" || (entry !== undefined && request.supplementalGroupsPolicy !== "strict");
  const groups = needsGroups ? parseGroup(await readFileInside(rootfs, "/etc/group")) : [];
  let gid = entry?.gid ?? 0;
  if (wanted.group !== "") {
    const found = numericId(wanted.group) ?? groups.find((group) => group.name === wanted.group)?.gid;
    if (found === undefined) throw unknown("group", wanted.group, "/etc/group");
    gid = found;
  }
  const member =
    entry && request.supplementalGroupsPolicy !== "strict"
      ? groups.filter((group) => group.members.includes(entry.name)).map((group) => group.gid)
      : [];
  return {
    uid,
    gid,
    additionalGids: [...new Set([gid, ...request.supplementalGroups, ...member])],
    username: entry?.name ?? "",
    home: entry?.home || "/",
  };
}

/** User and group as text; the group is empty when none is named. */
function wantedUser(request: UserRequest): { readonly user: string; readonly group: string } {
  const { runAsUser, runAsUsername, runAsGroup } = request;
  const user = runAsUser === undefined ? (runAsUsername ?? "") : String(runAsUser);
  if (user === "") {
    if (runAsGroup !== undefined) {
      throw new MinkeError(
        "InvalidArgument",
        `Cannot use runAsGroup ${runAsGroup}: no user is set; set runAsUser too`,
        {
          reason: "CreateContainerConfigError",
          details: { field: "runAsGroup", value: runAsGroup },
        },
      );
    }
    const [imageUser = "", imageGroup = ""] = request.imageUser.split(":", 2);
    return { user: imageUser === "" ? "0" : imageUser, group: imageGroup };
  }
  return { user, group: runAsGroup === undefined ? "" : String(runAsGroup) };
}

/** By name first, as docker and containerd do: a user may be called "1000". */
function findUser(passwd: readonly PasswdEntry[], user: string): PasswdEntry | undefined {
  const id = numericId(user);
  return passwd.find((entry) => entry.name === user) ?? passwd.find((entry) => entry.uid === id);
}

function numericId(text: string): number | undefined {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  return id !== undefined && id <= ID_MAX ? id : undefined;
}

async function readFileInside(rootfs: string, path: string): Promise<string> {
  return (await readInRoot(rootfs, path, FILE_MAX_BYTES)) ?? "";
}

function unknown(kind: "user" | "group", name: string, file: string): MinkeError {
  return new MinkeError(
    "NotFound",
    `Cannot run as ${kind} "${name}": ${kind} ${name} not found in image (${file}); use one of the image's or a number`,
    { reason: "CreateContainerConfigError", details: { [kind]: name, file } },
  );
}
