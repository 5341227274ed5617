import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DEFAULT_TABLE } from "../../../shared/item.ts"
import { sweep } from "../../../shared/table/sweep.ts"
import { REDIS_KINDS } from "../../testing/redis.ts"
import { Database } from "../database.ts"
import { Hold } from "../hold.ts"
import { layerLog } from "../log.ts"
import { Queue } from "../queue.ts"
import { DATABASE } from "../testing/database-memory.ts"
import { item, write } from "../testing/kit.ts"
import { layerAt, Postgres, useDatabase } from "../testing/postgres.ts"
import { QueueOutside } from "../testing/queue-memory.ts"
import { useRedis } from "../testing/redis.ts"
import { Logged, layerOneShard, layerSettings } from "../testing/worker-memory.ts"
import { deletion, sweepSuite } from "./sweep.suite.ts"
import { makeRound } from "./sweep.ts"

const execute = (statement: string) =>
  Effect.gen(function* () {
    const { sql } = yield* Postgres
    return yield* Effect.promise(() => sql<Record<string, unknown>>(statement))
  })

const age = (days: number) =>
  Effect.asVoid(
    execute(`update key_values set deleted_at = deleted_at - interval '1 day' * ${days}
      where deleted_at is not null`),
  )

describe.each(REDIS_KINDS)("a round of sweeping, on PostgreSQL and Redis (%s)", (kind) => {
  // One of its tests makes a role.
  const { layer: layerDatabase } = useDatabase({ own: true })
  const { layer: layerQueue } = useRedis(kind)

  const layer = Layer.suspend(() => {
    const logged: Logged["Service"] = []
    const log = layerLog((level, message, fields = {}) => {
      if (level !== "debug") logged.push({ level, message, fields })
    })
    return Layer.merge(Hold.layer, layerOneShard).pipe(
      Layer.provideMerge(Layer.mergeAll(layerDatabase, layerQueue, layerSettings())),
      Layer.provideMerge(log),
      Layer.provideMerge(Layer.succeed(Logged, logged)),
    )
  })
  type Services = Layer.Success<typeof layer>

  const test = (sentence: string, effect: Effect.Effect<void, unknown, Services>) =>
    it.live(sentence, () => Effect.provide(effect, Layer.fresh(layer)))

  sweepSuite({
    test: test as Parameters<typeof sweepSuite>[0]["test"],
    age: age as unknown as Parameters<typeof sweepSuite>[0]["age"],
    finish: (round) => round,
  })

  test(
    "nothing is known of a queue in which more waits than is read at once",
    Effect.gen(function* () {
      const queue = yield* Queue
      const outside = yield* QueueOutside
      yield* queue.seed(0, DATABASE)
      const version = yield* outside.enqueue([write("small")])
      const large = (count: number) =>
        Array.from({ length: count }, (_, index) => write(`${index}`, "x".repeat(65_536)))
      yield* outside.enqueue(large(40))
      expect(yield* queue.oldest(DATABASE)).toMatchObject({ lowest: version, letters: 0 })
      yield* queue.claim("1", 10, DATABASE)
      yield* outside.enqueue(large(200))
      expect(yield* queue.oldest(DATABASE)).toBeNull()
    }),
  )

  test(
    "a tombstone that somebody has locked is passed over, and waits for nobody",
    Effect.gen(function* () {
      const database = yield* Database
      const postgres = yield* Postgres
      yield* database.write(DEFAULT_TABLE, [deletion("locked", 5), deletion("other", 5)])
      yield* age(8)
      const step = { days: 7, below: 9, most: 1_000 }
      const release = yield* Effect.promise(() =>
        postgres.lock("select from key_values where key = 'locked' for update"),
      )
      expect(yield* database.sweep(DEFAULT_TABLE, step)).toEqual({ looked: 1, swept: 1 })
      yield* Effect.promise(release)
      expect(yield* database.sweep(DEFAULT_TABLE, step)).toEqual({ looked: 1, swept: 1 })
    }),
  )

  test(
    "a step goes by the index to the oldest tombstones, and reads no others",
    Effect.gen(function* () {
      const { run } = yield* Postgres
      yield* execute(`insert into key_values (key, value, version, deleted_at)
        select n, case when n > 10000 then 'x' end, n,
          case when n <= 10000 then now() - interval '1 second' * (900000 - n) end
        from generate_series(1, 30000) as n`)
      yield* execute("analyze key_values")
      const plans: unknown[] = []
      yield* Effect.promise(() =>
        run(async (sql) => {
          const explain = ((parts: TemplateStringsArray, ...values: unknown[]) => {
            const [first = "", ...others] = parts
            const texts = [`explain (analyze, format json) ${first}`, ...others]
            return sql(Object.assign(texts, { raw: texts }), ...(values as never[])).then(
              ([row]) => {
                plans.push(row)
                return [{ looked: 0, swept: 0 }]
              },
            )
          }) as unknown as typeof sql
          await sweep(explain, DEFAULT_TABLE, { days: 7, below: 1e15, most: 100 })
        }),
      )
      const plan = JSON.stringify(plans)
      expect(plan).toMatch(/"Index Name": ?"key_values_deleted_at"/)
      expect(plan).not.toContain("Seq Scan")
    }),
  )

  test(
    "a role without the right to delete says so, with the grant, and keeps writing",
    Effect.gen(function* () {
      const { url } = yield* Postgres
      yield* execute("create role weak login password 'x'")
      yield* execute("grant select, insert, update on key_values to weak")
      const place = new URL(url)
      Object.assign(place, { username: "weak", password: "x" })
      const weak = layerAt(place.href)
      const queue = yield* Queue
      yield* Effect.gen(function* () {
        const database = yield* Database
        yield* queue.seed(0, yield* database.identity)
        yield* database.write(DEFAULT_TABLE, [deletion("a", 5)])
        yield* age(8)
        const round = yield* makeRound
        yield* round
        yield* round
        yield* execute("grant delete on key_values to weak")
        yield* round
        expect(yield* database.write(DEFAULT_TABLE, [item("a", 4)])).toBe(1)
      }).pipe(Effect.provide(weak), Effect.provide(layerSettings({ DATABASE_URL: place.href })))
      expect(
        (yield* Logged)
          .filter(({ fields }) => fields.table === DEFAULT_TABLE.name)
          .map(({ level, fields }) => [level, fields.mend ?? fields.rows]),
      ).toEqual([
        ["warn", "grant delete on key_values to weak"],
        ["info", 1],
      ])
    }),
  )
})
