import { expect, test } from "vitest";

import type { Pod } from "../api/gen/types.ts";
import { FakeClock } from "../base/clock.ts";
import type { Image, ImageProgress, ImageService, PullOptions } from "../runtime/image.ts";
import { createMemoryStore } from "../store/memory.ts";
import type { EventRecorder } from "../store/event-recorder.ts";
import { createImagePuller } from "./image-puller.ts";

const IMAGE = { id: "sha256:1", sizeBytes: 7 } as Image;
const STEP: ImageProgress = { message: "Pulling 34 of 61 MB", layers: [] };

function podNamed(name: string): Pod {
  const container = { name: "c", image: "app" };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, uid: name }, spec: { containers: [container] } };
}

test("a long pull tells every Pod that waits for it how far it is, once in five seconds and not before", async () => {
  const clock = new FakeClock();
  const said: string[] = [];
  const told: string[] = [];
  const record: EventRecorder["record"] = (about, _type, reason, message) =>
    void said.push(`${about.metadata.name} ${reason}: ${message}`);
  const pulls: { readonly options: PullOptions; readonly done: PromiseWithResolvers<Image> }[] = [];
  const pull: ImageService["pull"] = async (_reference, options = {}) => {
    const done = Promise.withResolvers<Image>();
    pulls.push({ options, done });
    return await done.promise;
  };
  const puller = createImagePuller({
    images: { pull, status: async () => undefined } as Partial<ImageService> as ImageService,
    events: { record } as EventRecorder,
    clock,
    store: createMemoryStore(),
  });
  const { signal } = new AbortController();
  const ensured = ["a", "b"].map((name) => {
    const pod = podNamed(name);
    return puller.ensure(pod, pod.spec!.containers[0]!, {
      kind: "main",
      signal,
      onProgress: (message) => void told.push(message),
    });
  });
  await expect.poll(() => pulls.length).toBe(1);
  const tell = pulls[0]!.options.onProgress!;
  tell(STEP);
  clock.advance(5_000);
  tell({ message: "Looking up app" });
  for (let n = 0; n < 3; n++) tell(STEP);
  clock.advance(4_999);
  tell(STEP);
  pulls[0]!.done.resolve(IMAGE);
  expect(await Promise.all(ensured)).toEqual([IMAGE, IMAGE]);
  expect(said.filter((line) => line.includes(" of "))).toEqual([
    'a Pulling: Pulling 34 of 61 MB of image "app"',
    'b Pulling: Pulling 34 of 61 MB of image "app"',
  ]);
  expect(told).toEqual([STEP.message, STEP.message]);
});
