import { defineConfig } from "vitest/config"

/** `npm run test:failover [-- -t "<part of a row>"]`: what a failover loses. FAILOVER_ROUNDS, or 5, of each row. */
export default defineConfig({
  test: {
    include: ["services/faults/failover.measure.ts"],
    testTimeout: 3_600_000,
    hookTimeout: 120_000,
  },
})
