import { defineConfig } from "vitest/config";

// isolate:false with Node's own type stripping: the tests run the same code, by the same loader, as the daemon does.
const shared = { isolate: false, experimental: { viteModuleRunner: false } } as const;

export default defineConfig({
  test: {
    projects: [
      { test: { ...shared, name: "unit", include: ["src/**/*.test.ts", "tools/**/*.test.ts"] } },
      {
        test: {
          ...shared,
          name: "integration",
          include: ["test/**/*.test.ts"],
          globalSetup: "test/fixtures/place.ts",
          // Real containers on one machine: one file at a time, so that the leak audit of each test sees only its own work.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
