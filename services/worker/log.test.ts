import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import type { Fields, Level } from "../../shared/log.ts"
import { layerLog, NO_QUEUE } from "./log.ts"

/** What a program logs: level, message and fields. */
const linesOf = Effect.fnUntraced(function* (program: Effect.Effect<void>) {
  const lines: Array<[Level, string, Fields]> = []
  yield* Effect.provide(
    program,
    layerLog((level, message, fields = {}) => lines.push([level, message, fields])),
  )
  return lines
})

describe("layerLog", () => {
  it.effect("has Effect's levels as those of every other process, debug included", () =>
    Effect.gen(function* () {
      const lines = yield* linesOf(
        Effect.all([
          Effect.logFatal("a"),
          Effect.logError("b"),
          Effect.logWarning("c"),
          Effect.logInfo("d"),
          Effect.logDebug("e"),
        ]),
      )
      expect(lines.map(([level, message]) => level + message)).toEqual([
        ...["errora", "errorb", "warnc", "infod", "debuge"],
      ])
    }),
  )

  it.effect("has the annotations around a message as its fields", () =>
    Effect.gen(function* () {
      const logged = Effect.annotateLogs(Effect.logInfo("done"), { batch: "1", writes: 2 })
      expect(yield* linesOf(logged)).toEqual([["info", "done", { batch: "1", writes: 2 }]])
    }),
  )

  it.effect("says once for all shards of a node that is away that they are", () =>
    Effect.gen(function* () {
      const shard = (number: number) =>
        Effect.annotateLogs(Effect.logWarning(NO_QUEUE), { shard: `{q:${number}}` })
      expect(yield* linesOf(Effect.all([shard(0), shard(1), shard(2)]))).toEqual([
        ["warn", NO_QUEUE, { shard: "{q:0}" }],
      ])
    }),
  )

  it.effect("tells only the kind of a cause, whose message may quote a value", () =>
    Effect.gen(function* () {
      const failed = Cause.fail(new RangeError("key (secret) exists"))
      const lines = yield* linesOf(
        Effect.all([
          Effect.logError("failed", failed),
          Effect.logError("failed", Cause.die("secret")),
        ]),
      )
      expect(lines).toEqual([
        ["error", "failed", { cause: "RangeError" }],
        ["error", "failed", { cause: "unknown" }],
      ])
    }),
  )
})
