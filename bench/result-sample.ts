/** Results as a run would leave them, with figures that can be checked by head; for the tests. */
import { FORMAT, type LoadRound, type Results, type ScaleRound } from "./result.ts"

const load = (round: Partial<LoadRound>): LoadRound => ({
  round: 1,
  contender: "sync",
  distance: "near",
  connections: 32,
  seconds: 2,
  accepted: 2_000,
  refused: 0,
  unanswered: 0,
  missing: 0,
  perSecond: 1_000,
  p50: 10,
  p90: 11,
  p99: 12,
  p999: 13,
  density: [
    [10, 1_990],
    [12.59, 10],
  ],
  depthAtEnd: null,
  drainSeconds: null,
  commits: 2_000,
  walBytes: 2_048_000,
  postgresCpuSeconds: 0.4,
  cpuSeconds: { load: 1, server: 1, worker: null, redis: 0 },
  ...round,
})

const accept = { round: 1, perSecond: 10_000, p50: 3, p99: 5 }

const async = {
  contender: "async",
  perSecond: 8_000,
  accepted: 16_000,
  p50: 2,
  p99: 3,
  depthAtEnd: 500,
  drainSeconds: 0.1,
  commits: 160,
} as const

const ceiling = {
  contender: "ceiling",
  perSecond: 10_000,
  accepted: 20_000,
  missing: null,
  postgresCpuSeconds: 0,
} as const

const read = { contender: "reader", work: "read", missing: null, connections: 100 } as const

const steady = { round: 1, rate: 2_000, accepted: 8_000, missing: 0, late: 0.1 } as const

const LOADS: LoadRound[] = [
  load({}),
  load({ round: 2, perSecond: 1_200, p50: 8 }),
  load({ distance: "far", perSecond: 500, p50: 24, p99: 30 }),
  load(async),
  load({ ...async, round: 2 }),
  load({ ...async, distance: "far" }),
  load({ distance: "far", connections: 1, perSecond: 40, p50: 24, p99: 30 }),
  load({ ...async, distance: "far", connections: 1, perSecond: 1_000, p50: 0.5 }),
  ...[32, 100].map((connections) => load({ ...ceiling, connections })),
  load({ connections: 100 }),
  load({ ...async, connections: 100 }),
  load({ connections: 500 }),
  load({ ...async, work: "wait", perSecond: 1_500, depthAtEnd: 0 }),
  load({ ...async, work: "wait", perSecond: 600, depthAtEnd: 0, distance: "far" }),
  load({ ...async, work: "wait", perSecond: 2_600, depthAtEnd: 0, connections: 500 }),
  load({ ...async, work: "bulk", perSecond: 50_000, accepted: 100_000, connections: 4 }),
  load({ ...read, contender: "sync" }),
  load({ ...read, accepted: 4_000, perSecond: 2_000 }),
  load({ ...read, accepted: 4_000, perSecond: 2_000, round: 2 }),
]

/** A second of ingest for 20,000 writes, and so on. */
const scaled = (round: Partial<ScaleRound>): ScaleRound => ({
  ...{ round: 1, shards: 1, rate: null, accepted: 30_000, missing: 0 },
  ...{ queued: 20_000, processed: 20_000, perSecond: 8_000, batches: 100, commits: 100 },
  walBytes: 20_000 * 320,
  cpuSeconds: { service: 1, redis: 0.4, worker: 0.5, postgres: 0.2 },
  ...round,
})
const many = {
  ...{ shards: 64, perSecond: 5_000, batches: 400, commits: 400 },
  cpuSeconds: { service: 1.5, redis: 0.8, worker: 0.6, postgres: 0.24 },
}

/** Two rounds of sync and async at both distances, and one of all else. */
export const sampleResults = (changes: Partial<Results> = {}): Results => ({
  format: FORMAT,
  date: "2026-11-22T11:00:00.000Z",
  commit: "abc1234",
  command: "npm run bench",
  machine: {
    processor: "A processor",
    cores: 2,
    memoryBytes: 8 * 1_024 ** 3,
    system: "Linux x64",
    syncMillis: 0.5,
  },
  runtime: "node",
  versions: { node: "26.10.0" },
  stores: { postgres: "PostgreSQL 18 (embedded)", redis: "Redis 7.0.15, AOF always" },
  settings: { connections: [32, 1, 100, 500], duration: 2, rounds: 2, valueBytes: 100 },
  roundTrip: { near: 0.15, far: 20.2 },
  complexity: {
    sync: { processes: ["sync", "reader"], stores: ["PostgreSQL"], files: 8, lines: 500 },
    async: {
      processes: ["ingest", "worker", "reader", "stats"],
      stores: ["Redis", "PostgreSQL"],
      files: 40,
      lines: 2_000,
    },
  },
  upserts: [1, 1, 1],
  loads: LOADS,
  steady: [
    { ...steady, contender: "sync", distance: "near", p50: 1, p99: 4, p999: 10 },
    { ...steady, contender: "async", distance: "near", p50: 1, p99: 2, p999: 4 },
  ],
  visibility: [
    { round: 1, contender: "sync", pollInterval: null, load: "lone", millis: [1, 1, 2] },
    { round: 1, contender: "async", pollInterval: null, load: "lone", millis: [100, 105, 120] },
    { round: 1, contender: "async", pollInterval: 0, load: "lone", millis: [4, 5, 6] },
  ],
  outage: [
    {
      round: 1,
      how: "PostgreSQL is stopped and started again",
      downAt: 2,
      upAt: 7,
      sync: { due: 1_000, accepted: 600, failed: 100, missing: 0 },
      async: { due: 1_000, accepted: 1_000, failed: 0, missing: 0 },
      caughtUpSeconds: 1.5,
      workerBytes: { before: 100 * 1_024 ** 2, most: 110 * 1_024 ** 2 },
      deepest: 2_000,
      samples: [
        {
          at: 1,
          sync: { accepted: 300, failed: 0 },
          async: { accepted: 300, failed: 0 },
          depth: 9,
        },
        {
          at: 8,
          sync: { accepted: 0, failed: 9 },
          async: { accepted: 400, failed: 0 },
          depth: 2_000,
        },
      ],
    },
  ],
  drain: [
    { round: 1, kind: "loop", count: 1, batch: 1_000, rows: 200_000, seconds: 2, missing: 0 },
    { round: 1, kind: "worker", count: 1, batch: 1_000, rows: 200_000, seconds: 2.2, missing: 0 },
  ],
  durability: [
    { ...accept, mode: "off" },
    { ...accept, mode: "always", perSecond: 9_000 },
  ],
  growth: [
    { ...accept, queued: 0 },
    { ...accept, queued: 1_000_000, p99: 6 },
  ],
  bytesPerWrite: [190],
  scale: {
    loads: [{}, many, { rate: 4_000 }, { ...many, rate: 4_000 }].map(scaled),
    idle: [{ shards: 64, seconds: 10, workerCpuSeconds: 0.1 }],
    queued: [{ valueBytes: 100, bytes: 200 }],
  },
  ...changes,
})
