/**
 * What the worker's tests have in common: a whole worker on memory, what can go wrong around it, and the
 * writes that it is tried with.
 */
import { it } from "@effect/vitest"
import { Effect, type Layer, type Scope } from "effect"
import { expect } from "vitest"
import type { Config } from "../../../shared/config.ts"
import { DEFAULT_TABLE, type Item, makeItem } from "../../../shared/item.ts"
import { sampleWrite } from "../../../shared/table/sample.ts"
import type { Table } from "../../../shared/table/table.ts"
import { TABLES } from "../../../shared/tables.ts"
import { identity, type Write } from "../../../shared/write.ts"
import { ClaimSize } from "../claim/claim-size.ts"
import { Database } from "../database.ts"
import {
  BatchFailed,
  classify,
  DatabaseMisconfigured,
  DatabaseUnavailable,
  QueueUnavailable,
  type WriteError,
} from "../errors.ts"
import { Hold, holdReason } from "../hold.ts"
import { Lease } from "../lease.ts"
import { pipeline } from "../pipeline.ts"
import { type Batch, Queue } from "../queue.ts"
import { DatabaseFaults, DatabaseOutside } from "./database-memory.ts"
import { QueueFaults, QueueOutside, type Snapshot } from "./queue-memory.ts"
import { Logged, layerWorker } from "./worker-memory.ts"

export const away = new DatabaseUnavailable({ reason: "ECONNREFUSED", sqlstate: null })
export const noLogin = new DatabaseMisconfigured({ reason: "SQLSTATE 28P01", sqlstate: "28P01" })
export const noTable = new DatabaseMisconfigured({ reason: "SQLSTATE 42P01", sqlstate: "42P01" })
export const locked = new BatchFailed({ reason: "SQLSTATE 55P03", sqlstate: "55P03" })
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

export const write = (key: string, value = ""): Write => ({
  ...{ table: DEFAULT_TABLE, row: { key, value }, isDelete: false },
})
export const writes = (...keys: ReadonlyArray<string>) => keys.map((key) => write(key, `of ${key}`))
export const many = (count: number, prefix = "key") =>
  writes(...Array.from({ length: count }, (_, i) => `${prefix} ${i}`))

/** Rows without a key: events, another for each number, and deletions of rows that have one. */
export const EVENTS: Table = TABLES.events
export const event = (number: number): Write => sampleWrite(EVENTS, number)
export const events = (count: number, from = 1) =>
  Array.from({ length: count }, (_, i) => event(from + i))
export const deletion = (key: string): Write => ({
  ...{ table: DEFAULT_TABLE, row: { key }, isDelete: true },
})

export const item = (key: string, version: number, value = `${key}${version}`): Item =>
  makeItem(version, write(key, value))
export const eventItem = (version: number, number = version) => makeItem(version, event(number))
export const deletionItem = (key: string, version: number) => makeItem(version, deletion(key))
export const manyItems = (count: number, from = 1, prefix = "key") =>
  Array.from({ length: count }, (_, i) => item(`${prefix} ${i}`, from + i))
export const batchOf = (...items: ReadonlyArray<Item>): Batch => ({
  id: "1",
  items,
  unreadable: [],
  unknown: [],
  left: 0,
  lostLeases: 0,
})
export const keyOf = ({ write }: Item) => identity(write) ?? ""
export const keysOf = (batch: Batch | null) => batch?.items.map(keyOf)
export const deadOf = ({ dead }: { readonly dead: ReadonlyArray<string> }) =>
  dead.map((letter) => JSON.parse(letter))

/** What a worker says of a table on hold. */
export const tableReason = ({ name }: Table, error: WriteError) => `${name}: ${holdReason(error)}`

/** By lot, how many writes are parked. */
export const parkedOf = ({ parked }: Snapshot) =>
  Object.fromEntries(Object.entries(parked).map(([lot, items]) => [lot, items.length]))

/** Asserts what always holds, and returns what it looked at. */
export const conserved = Effect.gen(function* () {
  const seen = yield* (yield* QueueOutside).snapshot
  const parked = Object.values(seen.parked).flat().length
  const waiting = seen.waiting.length + parked
  expect(seen.queued).toBe(waiting + seen.inFlight + seen.processed + seen.failed)
  return seen
})

type Overrides = Partial<Config<"worker">>
type Services = Layer.Success<ReturnType<typeof layerWorker>>

/** Makes tests of a worker with these settings; a test may have others besides. */
export const testWith =
  (settings: Overrides) =>
  <E>(
    sentence: string,
    effect: Effect.Effect<void, E, Services | Scope.Scope>,
    overrides: Overrides = {},
  ) =>
    it.effect(sentence, () =>
      Effect.suspend(() =>
        Effect.provide(Effect.scoped(effect), layerWorker({ ...settings, ...overrides })),
      ),
    )

export const test = testWith({})

/** What a worker is made of, and what drives and sees it. */
export const parts = Effect.all({
  queue: Queue,
  claimSize: ClaimSize,
  database: Database,
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
