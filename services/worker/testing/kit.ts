/**
 * What the worker's tests have in common: a whole worker on memory, what can go wrong around it, and the
 * writes that it is tried with.
 */
import { it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { expect } from "vitest"
import type { Config } from "../../../shared/config.ts"
import type { Item } from "../../../shared/item.ts"
import { ClaimSize } from "../claim-size.ts"
import {
  BatchFailed,
  classify,
  DatabaseMisconfigured,
  DatabaseUnavailable,
  QueueUnavailable,
} from "../errors.ts"
import { Hold } from "../hold.ts"
import { Lease } from "../lease.ts"
import { pipeline } from "../pipeline.ts"
import { type Batch, Queue } from "../queue.ts"
import { DatabaseFaults, DatabaseOutside } from "./database-memory.ts"
import { QueueFaults, QueueOutside, type Snapshot } from "./queue-memory.ts"
import { Logged, layerWorker } from "./worker-memory.ts"

export const away = new DatabaseUnavailable({ reason: "ECONNREFUSED", sqlstate: null })
export const noTable = new DatabaseMisconfigured({ reason: "SQLSTATE 42P01", sqlstate: "42P01" })
export const deadlock = new BatchFailed({ reason: "SQLSTATE 40P01", sqlstate: "40P01" })
export const slow = new BatchFailed({ reason: "SQLSTATE 57014", sqlstate: "57014" })
export const noReply = new QueueUnavailable({ reason: "no reply" })

/** As postgres.js throws what the server said; everything that may quote a row has the canary. */
export const refusal = (code: string, fields: Readonly<Record<string, string>> = {}) =>
  classify(
    Object.assign(new Error("canary"), {
      ...{ name: "PostgresError", code, detail: "canary", hint: "canary", query: "canary" },
      ...fields,
    }),
  )

export const write = (key: string, value = "") => ({ key, value })
export const writes = (...keys: ReadonlyArray<string>) => keys.map((key) => write(key, `of ${key}`))
export const many = (count: number, prefix = "key") =>
  writes(...Array.from({ length: count }, (_, i) => `${prefix} ${i}`))

export const item = (key: string, version: number, value = `${key}${version}`): Item => ({
  version,
  write: write(key, value),
})
export const manyItems = (count: number, from = 1, prefix = "key") =>
  Array.from({ length: count }, (_, i) => item(`${prefix} ${i}`, from + i))
export const batchOf = (...items: ReadonlyArray<Item>): Batch => ({
  id: "1",
  items,
  unreadable: [],
  lostLeases: 0,
})
export const keysOf = (batch: Batch | null) => batch?.items.map(({ write }) => write.key)
export const deadOf = ({ dead }: { readonly dead: ReadonlyArray<string> }) =>
  dead.map((letter) => JSON.parse(letter))

/** Asserts what always holds, and returns what it looked at. */
export const conserved = Effect.gen(function* () {
  const seen = yield* (yield* QueueOutside).snapshot
  expect(seen.queued).toBe(seen.waiting.length + seen.inFlight + seen.processed + seen.failed)
  return seen
})

type Overrides = Partial<Config<"worker">>
type Services = Layer.Success<ReturnType<typeof layerWorker>>

/** Makes tests of a worker with these settings; a test may have others besides. */
export const testWith =
  (settings: Overrides) =>
  <E>(sentence: string, effect: Effect.Effect<void, E, Services>, overrides: Overrides = {}) =>
    it.effect(sentence, () =>
      Effect.suspend(() => Effect.provide(effect, layerWorker({ ...settings, ...overrides }))),
    )

export const test = testWith({})

/** What a worker is made of, and what drives and sees it. */
export const parts = Effect.all({
  queue: Queue,
  claimSize: ClaimSize,
  hold: Hold,
  lease: Lease,
  outside: QueueOutside,
  onQueue: QueueFaults,
  onDatabase: DatabaseFaults,
  table: DatabaseOutside,
  logged: Logged,
})

/** A worker that runs, and everything around it. */
export const running = Effect.gen(function* () {
  const worker = yield* Effect.forkChild(pipeline, { startImmediately: true })
  return { ...(yield* parts), worker }
})

/** Lets the worker run, without time passing, until nothing waits and nothing is in flight. */
export const drained = Effect.gen(function* () {
  const outside = yield* QueueOutside
  const turn = Effect.andThen(Effect.yieldNow, outside.snapshot)
  const empty = ({ waiting, inFlight }: Snapshot) => waiting.length + inFlight === 0
  yield* Effect.repeat(turn, { until: empty, times: 10_000 })
  return yield* conserved
})
