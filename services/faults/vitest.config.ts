import { defineConfig } from "vitest/config"

/**
 * The fault suite: single faults first, three files at a time, for most of it is waiting; then the storm, which
 * wants both cores.
 */
const faults = {
  testTimeout: 120_000,
  hookTimeout: 120_000,
  exclude: ["**/node_modules/**"],
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...faults,
          name: "faults",
          include: ["services/faults/**/*.test.ts"],
          exclude: [...faults.exclude, "**/storm.test.ts"],
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...faults,
          name: "storm",
          include: ["services/faults/storm.test.ts"],
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
