/** `minke image`: the node's images. */
import { buildRouteMap } from "@stricli/core";

import type { CliContext } from "../context.ts";
import { command as df } from "./image/df.ts";
import { command as history } from "./image/history.ts";
import { command as importCommand } from "./image/import.ts";
import { command as inspect } from "./image/inspect.ts";
import { command as load } from "./image/load.ts";
import { command as login } from "./image/login.ts";
import { command as logout } from "./image/logout.ts";
import { command as ls } from "./image/ls.ts";
import { command as prune } from "./image/prune.ts";
import { command as pull } from "./image/pull.ts";
import { command as push } from "./image/push.ts";
import { command as rm } from "./image/rm.ts";
import { command as save } from "./image/save.ts";
import { command as tag } from "./image/tag.ts";
import { command as verify } from "./image/verify.ts";

export const examples = [
  [
    "Make an image of a root file system",
    'minke image import rootfs.tar web --entrypoint \'["nginx","-g","daemon off;"]\' --port 80',
  ],
  ["… from standard input", "tar -C rootfs -c . | minke image import - web --cmd /bin/sh"],
  ["Load an OCI or docker archive", "minke image load archive.tar"],
  ["Write an image to an OCI archive", "minke image save web -o web.tar"],
  ["… for docker", "minke image save web -o web.tar --format docker-archive"],
  ["All images", "minke image ls"],
  ["All about one", "minke image inspect web"],
  ["Another name for an image", "minke image tag web registry.example/web:1"],
  ["Remove a name, and the image with its last name", "minke image rm web"],
  ["Remove what no name (with --all: no Pod) needs", "minke image prune --all"],
  ["Bring an image from its registry", "minke image pull nginx:1.27"],
  ["… for another machine", "minke image pull nginx:1.27 --platform linux/arm64"],
  ["Give an image to a registry", "minke image push web registry.example/team/web:1"],
  ["Log in to a registry", "minke image login registry.example -u me --password-stdin < password.txt"],
  ["How an image was made", "minke image history web"],
  ["What images take on the disk", "minke image df"],
  ["Whether what is stored is still whole", "minke image verify"],
] as const;
export const completes = ["none", "image"] as const;

export const command = buildRouteMap<string, CliContext>({
  docs: { brief: "Pull, push, import, load, save, list and remove images" },
  routes: {
    import: importCommand,
    load,
    save,
    ls,
    inspect,
    tag,
    rm,
    prune,
    pull,
    push,
    login,
    logout,
    history,
    df,
    verify,
  },
  aliases: { list: "ls", remove: "rm" },
});
