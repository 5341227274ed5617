/** The rule of evidence on memory: the suite, and what needs a clock or a count of statements. */
import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Item } from "../../../shared/item.ts"
import { identity } from "../../../shared/write.ts"
import { persist } from "../persist.ts"
import { Breaking } from "../testing/breaking.ts"
import { DatabaseFaults, DatabaseOutside, refuse } from "../testing/database-memory.ts"
import { batchOf, item } from "../testing/kit.ts"
import { layerWorker } from "../testing/worker-memory.ts"
import { evidenceSuite, NOTHING_TO_SAY } from "./evidence.suite.ts"

type Refuses = (items: ReadonlyArray<Item>) => Effect.Effect<boolean>

const layerBreaking = Layer.effect(
  Breaking,
  Effect.gen(function* () {
    const faults = yield* DatabaseFaults
    const outside = yield* DatabaseOutside
    const rules: Array<readonly [code: string, refuses: Refuses]> = []
    yield* faults.onWrite(
      Effect.fnUntraced(function* (items) {
        for (const [sqlstate, rule] of rules) if (yield* rule(items)) yield* refuse(sqlstate)
      }),
    )
    const add = (code: string, refuses: Refuses) =>
      Effect.sync(() => void rules.push([code, refuses]))
    const changeOf = ({ write, version }: Item) =>
      Effect.map(outside.read(identity(write) ?? ""), (row) =>
        row === undefined ? "insert" : row.version < version ? "update" : "none",
      )
    return Breaking.of({
      rows: (code, value) =>
        add(code, (items) =>
          Effect.succeed(items.some(({ write }) => value === null || write.row.value === value)),
        ),
      changes: (of) =>
        add("P0001", (items) =>
          Effect.map(Effect.forEach(items, changeOf), (changes) =>
            changes.some((change) => of.includes(change)),
          ),
        ),
      table: (code) => add(code, () => Effect.succeed(true)),
      mend: Effect.sync(() => {
        rules.length = 0
      }),
    })
  }),
)

type Services = Effect.Services<ReturnType<typeof persist>> | DatabaseFaults | DatabaseOutside

/** Lets time pass until the effect has ended. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust(100)
    return yield* Fiber.join(fiber)
  })

const test = (sentence: string, effect: Effect.Effect<void, unknown, Services | Breaking>) =>
  it.effect(sentence, () =>
    Effect.suspend(() => {
      const layer = Layer.provideMerge(layerBreaking, layerWorker())
      return Effect.provide(timed(effect), layer)
    }),
  )

describe("evidence in memory", () => evidenceSuite({ test }))

const many = (count: number) => Array.from({ length: count }, (_, i) => item(`key ${i}`, i + 1))

describe("the search for bad rows", () => {
  test(
    "costs one more statement, without rows, when the table refuses all, and no time",
    Effect.gen(function* () {
      const faults = yield* DatabaseFaults
      const { table } = yield* Breaking
      yield* table("42P01")
      const { held } = yield* persist(batchOf(...many(1_000)))
      expect(held).toMatchObject([{ error: { _tag: "DatabaseMisconfigured" } }])
      expect((yield* faults.statements).map(({ length }) => length)).toEqual([1_000, 0])
      expect(yield* Clock.currentTimeMillis).toBe(0)
    }),
  )

  test(
    "costs a bounded number of statements when every row is refused, and some seconds",
    Effect.gen(function* () {
      const faults = yield* DatabaseFaults
      const { rows } = yield* Breaking
      yield* rows("P0001", null)
      const { held } = yield* persist(batchOf(...many(1_000)))
      expect(held).toMatchObject([{ error: { _tag: "StatementRefused" } }])
      // The search, one without rows, and a row at the end of each of five waits.
      expect(yield* faults.count("write")).toBe(61 + 1 + 5)
      expect(yield* faults.count("rehearse")).toBe(1 + 6)
      const millis = yield* Clock.currentTimeMillis
      expect(millis).toBeGreaterThanOrEqual(2_400)
      expect(millis).toBeLessThanOrEqual(3_900)
    }),
  )

  test(
    "finds the good rows behind a run of bad ones",
    Effect.gen(function* () {
      const { rows } = yield* Breaking
      yield* rows("P0001", "bad")
      const bad = Array.from({ length: 300 }, (_, i) => item(`a ${i}`, i + 1, "bad"))
      const { dead } = yield* persist(batchOf(...bad, ...many(30)))
      expect(dead).toHaveLength(300)
    }),
  )

  test(
    "goes on at once when the table is mended while a row waits",
    Effect.gen(function* () {
      const { rows, mend } = yield* Breaking
      yield* rows("42883", null)
      const waiting = yield* Effect.forkChild(persist(batchOf(...many(100))))
      yield* Effect.sleep("1 second")
      yield* mend
      expect(yield* Fiber.join(waiting)).toEqual(NOTHING_TO_SAY)
      expect(yield* Clock.currentTimeMillis).toBeLessThan(2_500)
    }),
  )
})

describe("a table that breaks while a batch is written", () => {
  /** From the nth statement on, all are refused; before, those with a bad row. */
  const breaksAt = Effect.fnUntraced(function* (nth: number) {
    const faults = yield* DatabaseFaults
    const outside = yield* DatabaseOutside
    let statements = 0
    yield* faults.onWrite((items) => {
      statements += 1
      const isBad = items.some(({ write }) => write.row.value === "bad")
      // A row's trigger has nothing to do when there are no rows.
      const isBroken = statements >= nth && items.length > 0
      return isBad || isBroken ? refuse("P0001") : Effect.void
    })
    return { faults, outside }
  })

  for (const length of [1, 3, 10, 30]) {
    for (let nth = 2; nth <= 16; nth++) {
      test(
        `buries the bad row alone when it breaks at statement ${nth} and is mended ${length} later`,
        Effect.gen(function* () {
          const faults = yield* DatabaseFaults
          let statements = 0
          yield* faults.onWrite((items) => {
            statements += 1
            const isBad = items.some(({ write }) => write.row.value === "bad")
            const isBroken = statements >= nth && statements < nth + length && items.length > 0
            return isBad || isBroken ? refuse("P0001") : Effect.void
          })
          const delivery = yield* Effect.exit(
            persist(batchOf(...many(7), item("key 3a", 99, "bad"))),
          )
          const dead = delivery._tag === "Success" ? delivery.value.dead : []
          expect(dead.filter((letter) => JSON.parse(letter).version !== 99)).toEqual([])
        }),
      )
    }
  }

  for (const [seed, share] of [
    [1, 0.1],
    [2, 0.2],
    [3, 0.4],
    [4, 0.4],
    [5, 0.6],
    [6, 0.9],
  ] as const) {
    test(
      `buries no good row when ${share} of all rows are refused at random (${seed})`,
      Effect.gen(function* () {
        const faults = yield* DatabaseFaults
        yield* persist(batchOf(item("there", 1)))
        let state = seed
        const chance = () => {
          state = (state * 48_271) % 2_147_483_647
          return state / 2_147_483_647
        }
        yield* faults.onWrite((items) =>
          items.some(() => chance() < share) ? refuse("P0001") : Effect.void,
        )
        for (let round = 0; round < 5; round++) {
          const delivery = yield* Effect.exit(persist(batchOf(...many(64))))
          if (delivery._tag === "Success") expect(delivery.value.dead).toEqual([])
        }
      }),
    )
  }

  for (let nth = 1; nth <= 16; nth++) {
    test(
      `buries no good row when it breaks at statement ${nth}, a bad row of the batch or not`,
      Effect.gen(function* () {
        const { faults } = yield* breaksAt(nth)
        const items = [...many(7), item("key 3a", 99, "bad")]
        const delivery = yield* Effect.exit(persist(batchOf(...items)))
        const dead = delivery._tag === "Success" ? delivery.value.dead : []
        expect(dead.filter((letter) => JSON.parse(letter).version !== 99)).toEqual([])
        yield* faults.onWrite(null)
        expect((yield* persist(batchOf(...items))).dead).toEqual([])
      }),
    )
  }
})
