/**
 * Traces of what the worker writes, where somebody asks for them: a span for each batch that has a traced write,
 * with links to those that accepted its writes, and one for each such write in its own trace, from its acceptance
 * to the commit. They have names of the schema and figures, never a key, a value or what PostgreSQL said.
 */
import { Clock, Context, Effect, Layer, References } from "effect"
import type { Item } from "../../shared/item.ts"
import type { Log } from "../../shared/log.ts"
import { readTraceparent, type SpanContext } from "../../shared/tracing/context.ts"
import { openTracer, type Tracer } from "../../shared/tracing/open.ts"
import { coalesce } from "./coalesce.ts"
import { type Persisted, sharesOf } from "./persist.ts"
import { type Batch, type Closing, sizeOf } from "./queue.ts"
import { Settings } from "./settings.ts"

/** Null where nobody asks for traces. */
export class Tracing extends Context.Reference<Tracer | null>("write-buffer/worker/Tracing", {
  defaultValue: () => null,
}) {}

export const layerTracing = (log: Log) =>
  Layer.effect(
    Tracing,
    Effect.gen(function* () {
      const settings = yield* Settings
      return yield* Effect.acquireRelease(
        Effect.promise(() => openTracer("worker", settings, log)),
        (tracer) => Effect.promise(async () => tracer?.close()),
      )
    }),
  )

type Outcome = "committed" | "superseded" | "dead letter"

/** What became of each write: one that a newer write of its key in the batch made needless is superseded. */
const outcomesOf = (items: ReadonlyArray<Item>, { dead }: Persisted) => {
  const died = new Set(dead.map((letter) => Number(/^\{"version":(\d+)/.exec(letter)?.[1])))
  const stored = items.filter(({ version }) => !died.has(version))
  const newest = new Set(sharesOf(stored).flatMap((share) => coalesce(share.items).newest))
  return (item: Item): Outcome => {
    if (died.has(item.version)) return "dead letter"
    return newest.has(item) ? "committed" : "superseded"
  }
}

/** What ended: a batch whose writes are where they are to be, or, without `persisted`, one that went back. */
interface Ended {
  readonly batch: Batch
  readonly closing: Closing
  /** When it was claimed, on the clock that only runs forward. */
  readonly since: bigint
  readonly persisted?: Persisted
}

interface Traced {
  readonly item: Item
  readonly parent: SpanContext
}

const tracedOf = ({ items }: Batch): ReadonlyArray<Traced> =>
  items.flatMap((item) => {
    const parent = readTraceparent(item.trace ?? null)
    return parent ? [{ item, parent }] : []
  })

/** Of a batch that has ended. */
export const traceBatch = Effect.fnUntraced(function* ({
  batch,
  closing,
  since,
  persisted,
}: Ended) {
  const tracer = yield* Tracing
  const traced = tracer === null ? [] : tracedOf(batch)
  if (tracer === null || traced.length === 0) return
  const took = Number((yield* Clock.monotonicTimeNanos) - since) / 1_000
  const endMicros = Number((yield* Clock.currentTimeNanos) / 1_000n)
  const { shard } = yield* References.CurrentLogAnnotations
  const context = tracer.child(null)
  const where = typeof shard === "string" ? { "write_buffer.shard": shard } : {}
  tracer.end({
    ...{ context, parent: null, name: "batch", kind: "consumer" },
    ...{ startMicros: endMicros - took, endMicros, isError: persisted === undefined },
    links: traced.map(({ parent }) => parent),
    attributes: {
      "write_buffer.outcome": persisted === undefined ? "given back" : "acknowledged",
      "write_buffer.batch.size": sizeOf(batch),
      "write_buffer.batch.closing": closing,
      "write_buffer.queue.depth": batch.left,
      ...where,
    },
  })
  if (persisted === undefined) return
  const outcomeOf = outcomesOf(batch.items, persisted)
  for (const { item, parent } of traced) {
    const outcome = outcomeOf(item)
    tracer.end({
      ...{ context: tracer.child(parent), parent, name: "commit", kind: "consumer" },
      // A version is the moment of its acceptance, by the clock of Redis.
      ...{ startMicros: Math.min(item.version, endMicros), endMicros },
      ...{ links: [context], isError: outcome === "dead letter" },
      attributes: {
        "write_buffer.outcome": outcome,
        "write_buffer.table": item.write.table.name,
        ...where,
      },
    })
  }
})
