/** docker, where a docker engine answers: two containers joined to the network and IPC of a first one, as people build Pods. */
import { COMMAND, type Figures, type Subject } from "./figures.ts";
import { installed, run, timed } from "./process.ts";

const IMAGE = "minke-bench:latest";

export async function docker({ image, rounds, log }: Subject): Promise<Figures | undefined> {
  if (
    !installed("docker") ||
    (await run("docker", ["info", "--format", "{{.ServerVersion}}"], { ok: true })).trim() === ""
  )
    return undefined;
  const figures: Figures = { startMs: [], stopMs: [], execMs: [] };
  await run("docker", ["import", image.tar, IMAGE]);
  const names = ["bench-pause", "bench-a", "bench-b"];
  try {
    for (let round = 0; round <= rounds; round++) {
      const start = await timed(async () => {
        await run("docker", ["run", "-d", "--name", names[0]!, "--ipc", "shareable", IMAGE, ...COMMAND]);
        for (const name of names.slice(1)) {
          await run("docker", [
            "run",
            "-d",
            "--name",
            name,
            "--network",
            `container:${names[0]}`,
            "--ipc",
            `container:${names[0]}`,
            "-v",
            "/out",
            "-e",
            `NAME=${name}`,
            IMAGE,
            ...COMMAND,
          ]);
        }
      });
      if (round === 0)
        for (let i = 0; i < rounds; i++)
          figures.execMs!.push(await timed(async () => run("docker", ["exec", "bench-a", "/bin/true"])));
      const stop = await timed(async () => run("docker", ["rm", "-f", ...names]));
      if (round > 0) {
        figures.startMs.push(start);
        figures.stopMs!.push(stop);
      }
    }
    log(`${rounds} rounds done`);
  } finally {
    await run("docker", ["rm", "-f", ...names], { ok: true });
    await run("docker", ["rmi", "-f", IMAGE], { ok: true });
  }
  return figures;
}
