/** Killing everything in a cgroup, also what forks faster than we look. */
import { type Clock, sleep } from "../../base/clock.ts";
import { errnoOf, MinkeError } from "../../base/errors.ts";

/** Milliseconds until processes that do not die (uninterruptible sleep) are reported. */
const KILL_TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 1;
const PAUSE_MAX_MS = 50;

/** Sends SIGKILL to all that `pids` tells, again and again until it tells none. `afterRound` runs behind each volley. */
export async function killAll(
  name: string,
  pids: () => Promise<readonly number[]>,
  clock: Clock,
  afterRound: () => Promise<void> = async () => {},
): Promise<void> {
  const deadline = clock.monotonic() + KILL_TIMEOUT_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, PAUSE_MAX_MS)) {
    const left = await pids();
    if (left.length === 0) return;
    for (const pid of left) sendKill(pid);
    await afterRound();
    if (clock.monotonic() >= deadline) {
      throw new MinkeError(
        "DeadlineExceeded",
        `Cannot empty cgroup ${name}: processes ${left.slice(0, 10).join(", ")} do not die within ${KILL_TIMEOUT_MS} ms`,
        { details: { pids: left } },
      );
    }
    await sleep(clock, pause);
  }
}

function sendKill(pid: number): void {
  if (pid <= 0) return; // of another PID namespace: not ours to see
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}
