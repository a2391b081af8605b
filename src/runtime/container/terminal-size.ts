/** Telling a monitor the size of its terminal so that the last one counts. */
import { sleep } from "../../base/clock.ts";
import type { Clock } from "../../base/clock.ts";

/** How far apart sizes are told, in milliseconds: of two that conmon 2.1.6 reads at once it takes the first, twice. */
const APART_MS = 20;

/** Hands sizes to `tell` once `ready` has resolved, one at a time; of those that come meanwhile only the last. */
export function sizeTeller(
  clock: Clock,
  tell: (width: number, height: number) => void,
  ready: Promise<void> = Promise.resolve(),
): (width: number, height: number) => void {
  let wanted: readonly [width: number, height: number] | undefined;
  let telling = false;
  return (width, height) => {
    wanted = [width, height];
    if (!telling) void tellAll();
  };

  async function tellAll(): Promise<void> {
    telling = true;
    await ready;
    while (wanted) {
      const size = wanted;
      wanted = undefined;
      tell(...size);
      await sleep(clock, APART_MS);
    }
    telling = false;
  }
}
