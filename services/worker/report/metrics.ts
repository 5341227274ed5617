/**
 * What a worker counts for Prometheus: its batches, the failures of its statements, its holds. The
 * queue's own figures are those of all workers and come from stats. Labels are kinds and codes, never
 * text of the database's, which may quote a key.
 */
import { Effect, Metric } from "effect"
import type { WriteError } from "../errors.ts"
import type { Closing } from "../queue.ts"

/** A batch that was written and acknowledged. */
export interface Ended {
  readonly closing: Closing
  /** All writes of the batch, and those that were put into the statement and stay. */
  readonly writes: number
  readonly rows: number
  /** From its claim to its acknowledgement. */
  readonly millis: number
}

const batchWrites = Metric.histogram("write_buffer_worker_batch_writes", {
  description: "Writes of a batch that was written and acknowledged.",
  boundaries: [1, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000],
})

const batchSeconds = Metric.histogram("write_buffer_worker_batch_duration_seconds", {
  description: "From a batch's claim to its acknowledgement.",
  boundaries: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
})

const rows = Metric.counter("write_buffer_worker_rows_total", {
  description: "Rows that were put into upserts: writes less the coalesced and the dead.",
})

const windows = (reason: Closing) =>
  Metric.counter("write_buffer_worker_windows_total", {
    description: "Batches by why their windows closed.",
    attributes: { reason },
  })

const failures = ({ _tag, reason }: WriteError) =>
  Metric.counter("write_buffer_worker_statement_failures_total", {
    description: "Statements that failed. Those with BatchFailed are tried again, with its delays.",
    attributes: { error: _tag, reason },
  })

const holds = ({ _tag }: WriteError) =>
  Metric.counter("write_buffer_worker_holds_total", {
    description: "How often writing was held, by what the database had answered.",
    attributes: { error: _tag },
  })

const held = Metric.gauge("write_buffer_worker_held", {
  description: "Whether this worker holds writes because of the database, of all tables or of one.",
})

export const countBatch = ({ closing, ...batch }: Ended) =>
  Effect.all([
    Metric.update(batchWrites, batch.writes),
    Metric.update(batchSeconds, batch.millis / 1_000),
    Metric.update(rows, batch.rows),
    Metric.update(windows(closing), 1),
  ])

export const countFailure = (error: WriteError) => Metric.update(failures(error), 1)

export const countHold = (error: WriteError) => Metric.update(holds(error), 1)

export const setHeld = (isHeld: boolean) => Metric.update(held, isHeld ? 1 : 0)
