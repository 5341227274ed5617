import { defineConfig } from "vitest/config"

/** `npm run test:failover`: what a failover loses. FAILOVER_ROUNDS, 5 when left out, of each row. */
export default defineConfig({
  test: {
    include: ["services/faults/failover.measure.ts"],
    testTimeout: 3_600_000,
    hookTimeout: 120_000,
  },
})
