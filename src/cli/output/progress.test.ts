import { describe, expect, test } from "vitest";

import type { ImageProgress, LayerProgress } from "../../sdk/images.ts";
import { progressMode, progressPrinter } from "./progress.ts";

const DIGESTS = ["a", "b", "c"].map((letter) => `sha256:${letter.repeat(64)}`);

function layer(n: number, state: LayerProgress["state"], currentBytes: number): LayerProgress {
  return { digest: DIGESTS[n]!, state, currentBytes, totalBytes: 2_000_000 };
}

function written(isTTY: boolean, mode: "auto" | "plain" | "rawjson" | "quiet", rows = 24) {
  const writes: string[] = [];
  const stream = { isTTY, columns: 70, rows, write: (text: string | Uint8Array) => writes.push(String(text)) > 0 };
  return { writes, printer: progressPrinter(stream, mode) };
}

const STEPS: readonly ImageProgress[] = [
  { message: "Looking up app" },
  { message: "Pulling 0.0 of 2.0 MB", layers: [layer(0, "pulling", 0), layer(1, "present", 0)] },
  { message: "Pulling 1.0 of 2.0 MB", layers: [layer(0, "pulling", 1_000_000), layer(1, "present", 0)] },
  { message: "Pulling 2.0 of 2.0 MB", layers: [layer(0, "done", 2_000_000), layer(1, "present", 0)] },
];

describe("progressPrinter()", () => {
  test("without a terminal writes a line per change and no control characters", () => {
    const { writes, printer } = written(false, "auto");
    for (const step of STEPS) printer.show(step);
    printer[Symbol.dispose]();
    expect(writes).toEqual([
      "Looking up app\n",
      "aaaaaaaaaaaa: pulling (2.00MB)\n",
      "bbbbbbbbbbbb: present (2.00MB)\n",
      "aaaaaaaaaaaa: done (2.00MB)\n",
    ]);
  });

  test("on a terminal rewrites a bar per layer, and takes all away at its end", () => {
    const { writes, printer } = written(true, "auto");
    printer.show(STEPS[2]!);
    expect(writes.at(-1)).toBe(
      "\r\u001b[JPulling 1.0 of 2.0 MB\n" +
        "aaaaaaaaaaaa [============>           ] pulling   1.00MB / 2.00MB\n" +
        "bbbbbbbbbbbb [========================] present   2.00MB\n",
    );
    printer.show(STEPS[0]!);
    expect(writes.at(-1)).toBe("\u001b[3A\r\u001b[JLooking up app\n");
    printer[Symbol.dispose]();
    expect(writes.at(-1)).toBe("\u001b[1A\r\u001b[J");
  });

  test("on a low terminal shows what still comes, and how much is left out", () => {
    const { writes, printer } = written(true, "auto", 4);
    printer.show({ message: "m", layers: [layer(0, "done", 0), layer(1, "waiting", 0), layer(2, "present", 0)] });
    expect(writes.at(-1)!.split("\n").slice(1)).toEqual([
      "bbbbbbbbbbbb [>                       ] waiting   0B / 2.00MB",
      "and 2 more",
      "",
    ]);
  });

  test("plain holds on a terminal too; rawjson writes the steps; quiet nothing", () => {
    const [plain, raw, quiet] = [written(true, "plain"), written(true, "rawjson"), written(true, "quiet")];
    for (const { printer } of [plain, raw, quiet]) printer.show(STEPS[0]!);
    expect([plain.writes, raw.writes, quiet.writes]).toEqual([
      ["Looking up app\n"],
      ['{"message":"Looking up app"}\n'],
      [],
    ]);
  });
});

test("progressMode() names what there is", () => {
  expect([progressMode(), progressMode("rawjson")]).toEqual(["auto", "rawjson"]);
  expect(() => progressMode("fancy")).toThrow("--progress fancy is not one of auto, plain, rawjson");
});
