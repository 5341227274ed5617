/**
 * The last five minutes of the queue, for charts that show what was before somebody looked. Costs one
 * snapshot every five seconds, also when nobody does (a tenth of a millisecond of Redis), and 60 points of
 * memory. A time without an answer is a point without figures, which charts show as a gap.
 */
import type { Count } from "./count.ts"

export const SAMPLE_MILLIS = 5_000
export const POINTS_MAX = 60

/** When, in milliseconds since 1970; accepted and processed since the counts run; waiting. */
export type Point = readonly [at: number, ...figures: [number, number, number] | [null, null, null]]

export interface History {
  readonly points: () => ReadonlyArray<Point>
  readonly end: () => void
}

export const makeHistory = (count: () => Promise<Count>): History => {
  const points: Point[] = []
  let isAsking = false

  const sample = async () => {
    // The connection's own deadline ends a question within a second.
    if (isAsking) return
    isAsking = true
    const found = await count().catch(() => null)
    isAsking = false
    const { writes_queued, writes_processed, queue_depth } = found?.stats ?? {}
    points.push(
      found
        ? [Date.now(), writes_queued ?? 0, writes_processed ?? 0, queue_depth ?? 0]
        : [Date.now(), null, null, null],
    )
    if (points.length > POINTS_MAX) points.shift()
  }

  void sample()
  const timer = setInterval(sample, SAMPLE_MILLIS)
  return { points: () => points, end: () => clearInterval(timer) }
}
