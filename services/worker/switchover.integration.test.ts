import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { startProxy } from "../testing/proxy.ts"
import { useStandby } from "../testing/standby.ts"
import { Database } from "./database.ts"
import { Hold } from "./hold.ts"
import { item } from "./testing/kit.ts"
import { layerAt } from "./testing/postgres.ts"

const RESUMED_LIMIT = "10 seconds"

const servers = useStandby()

const proxy = Effect.acquireRelease(
  Effect.promise(() => startProxy(servers.standby().port)),
  ({ stop }) => Effect.sync(stop),
)

it.live("a hold ends when new connections reach the server that writes, and old ones do not", () =>
  Effect.gen(function* () {
    const { port, lead } = yield* proxy
    const url = servers.primary().url.replace(/:\d+\//, `:${port}/`)
    yield* Effect.gen(function* () {
      const { write } = yield* Database
      const hold = yield* Hold
      const error = yield* Effect.flip(write(DEFAULT_TABLE, [item("a", 1)]))
      expect(error).toMatchObject({ _tag: "DatabaseMisconfigured", sqlstate: "25006" })
      yield* hold.enter(error)
      yield* Effect.sleep("300 millis")
      expect(yield* hold.reason).toContain("25006")
      lead(servers.primary().port)
      yield* Effect.timeout(hold.passed, RESUMED_LIMIT)
      yield* write(DEFAULT_TABLE, [item("a", 1)])
    }).pipe(Effect.provide(Layer.provideMerge(Hold.layer, layerAt(url))))
  }).pipe(Effect.scoped),
)
