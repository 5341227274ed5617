import { describe, expect } from "@effect/vitest"
import { Effect } from "effect"
import { makeItem } from "../../shared/item.ts"
import { readTraceparent, type SpanContext } from "../../shared/tracing/context.ts"
import type { Span, Tracer } from "../../shared/tracing/open.ts"
import { settle } from "./acknowledge.ts"
import type { Batch } from "./queue.ts"
import { DATABASE, reject } from "./testing/database-memory.ts"
import { EVENTS, event, noLogin, noTable, parts, test, write, writes } from "./testing/kit.ts"
import { Tracing } from "./tracing.ts"

const traceOf = (version: number) =>
  `00-${"a".repeat(32)}-${version.toString(16).padStart(16, "0")}-01`
const parentOf = (version: number) => readTraceparent(traceOf(version)) as SpanContext

/** A tracer that keeps the spans, and what it has kept. */
const makeKept = () => {
  const spans: Span[] = []
  let last = 0
  const child = (parent: SpanContext | null): SpanContext => ({
    traceId: parent?.traceId ?? "b".repeat(32),
    spanId: `${++last}`.padStart(16, "b"),
    isSampled: true,
  })
  const tracer: Tracer = {
    ...{ child, begin: child, end: (span) => spans.push(span), close: async () => {} },
  }
  return { spans, tracer }
}

/** A claimed batch whose writes carry traces, but for the first. */
const claimed = Effect.fnUntraced(function* (...all: ReadonlyArray<ReturnType<typeof write>>) {
  const services = yield* parts
  yield* services.queue.seed(0, DATABASE)
  yield* services.outside.enqueue(all)
  const batch = yield* services.queue.claim("1", 10, DATABASE)
  if (!batch) throw new Error("nothing was claimed")
  const items = batch.items.map(({ version, write }, index) =>
    makeItem(version, write, index === 0 ? undefined : traceOf(version)),
  )
  return { ...services, batch: { ...batch, items } satisfies Batch }
})

const outcomes = (spans: ReadonlyArray<Span>) =>
  spans.flatMap(({ name, attributes, parent }) =>
    name === "commit" ? [[parent?.spanId, attributes["write_buffer.outcome"]]] : [],
  )

describe("a batch", () => {
  test(
    "has a span with links to those that accepted its writes, and each of these one that says its end",
    Effect.gen(function* () {
      const { batch, onDatabase } = yield* claimed(
        ...[write("plain"), write("a", "old"), write("b"), write("a", "new"), event(1)],
      )
      yield* onDatabase.onWrite((items) =>
        items.some((item) => item.write.row.key === "b") ? reject("22021") : Effect.void,
      )
      const { spans, tracer } = makeKept()
      yield* settle(batch, "Full").pipe(
        Effect.provideService(Tracing, tracer),
        Effect.annotateLogs({ shard: "write_queue:1" }),
      )
      const traced = batch.items.slice(1)
      const [whole] = spans
      expect(spans.map(({ name }) => name)).toEqual(["batch", ...traced.map(() => "commit")])
      expect(whole?.links).toEqual(traced.map(({ version }) => parentOf(version)))
      expect(whole).toMatchObject({
        ...{ parent: null, isError: false },
        attributes: {
          "write_buffer.outcome": "acknowledged",
          "write_buffer.batch.size": 5,
          "write_buffer.batch.closing": "Full",
          "write_buffer.shard": "write_queue:1",
        },
      })
      expect(outcomes(spans)).toEqual(
        traced.map(({ version }, index) => [
          ...[parentOf(version).spanId],
          ...["superseded", "dead letter", "committed", "committed"].slice(index, index + 1),
        ]),
      )
      for (const { links } of spans.slice(1)) expect(links).toEqual([whole?.context])
    }),
  )

  test(
    "whose newest write of a key is refused has committed the next older one",
    Effect.gen(function* () {
      const { batch, onDatabase } = yield* claimed(
        ...writes("plain"),
        write("a", "1"),
        write("a", "2"),
      )
      yield* onDatabase.onWrite((items) =>
        items.some((item) => item.write.row.value === "2") ? reject("22021") : Effect.void,
      )
      const { spans, tracer } = makeKept()
      yield* Effect.provideService(settle(batch, "Full"), Tracing, tracer)
      expect(outcomes(spans).map(([, outcome]) => outcome)).toEqual(["committed", "dead letter"])
    }),
  )

  test(
    "that goes back says so, and nothing of its writes",
    Effect.gen(function* () {
      const { batch, onDatabase } = yield* claimed(...writes("plain", "a"))
      yield* onDatabase.onWrite(() => noLogin)
      const { spans, tracer } = makeKept()
      yield* Effect.provideService(settle(batch, "Full"), Tracing, tracer)
      expect(spans).toMatchObject([
        { name: "batch", isError: true, attributes: { "write_buffer.outcome": "given back" } },
      ])
    }),
  )

  test(
    "whose acknowledgement comes too late says nothing: whoever wrote it again does",
    Effect.gen(function* () {
      const { batch, outside, queue } = yield* claimed(...writes("plain", "a"))
      yield* outside.expire("1")
      yield* queue.recover("1")
      const { spans, tracer } = makeKept()
      yield* Effect.provideService(settle(batch, "Full"), Tracing, tracer)
      expect(spans).toEqual([])
    }),
  )

  test(
    "says nothing of writes that are parked: they are not at their end",
    Effect.gen(function* () {
      const { batch, onDatabase } = yield* claimed(...writes("plain", "a"), event(1))
      yield* onDatabase.breakTable(EVENTS, noTable)
      const { spans, tracer } = makeKept()
      yield* Effect.provideService(settle(batch, "Full"), Tracing, tracer)
      expect(outcomes(spans)).toEqual([
        [parentOf(batch.items[1]?.version ?? 0).spanId, "committed"],
      ])
    }),
  )

  test(
    "without a traced write has no span",
    Effect.gen(function* () {
      const { batch } = yield* claimed(...writes("plain"))
      const { spans, tracer } = makeKept()
      yield* Effect.provideService(settle(batch, "Full"), Tracing, tracer)
      expect(spans).toEqual([])
    }),
  )
})
