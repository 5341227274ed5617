/**
 * Response times with a resolution of 0.01 ms. autocannon's own histogram has whole milliseconds, in
 * which an answer of the queue is 0 or 1. Recording is one increment, so that it disturbs nothing.
 */

export const RESOLUTION_MILLIS = 0.01

/** Beyond it everything counts as this: autocannon gives up after 10 s. */
const LONGEST_MILLIS = 20_000

/** A density is drawn over a logarithmic axis: so many bars from one power of ten to the next. */
const BARS_PER_DECADE = 20

/** From the time in ms at the left edge of a bar to how many responses it holds. */
export type Density = ReadonlyArray<readonly [millis: number, count: number]>

export class Histogram {
  private readonly counts = new Uint32Array(LONGEST_MILLIS / RESOLUTION_MILLIS + 1)
  private last = 0
  count = 0

  record(millis: number): void {
    const bucket = Math.min(this.counts.length - 1, Math.round(millis / RESOLUTION_MILLIS))
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
    this.count += 1
    if (bucket > this.last) this.last = bucket
  }

  /** The time that a share `q` of the responses did not exceed, in ms. NaN when there are none. */
  quantile(q: number): number {
    const rank = Math.max(1, Math.ceil(this.count * q))
    let seen = 0
    for (let bucket = 0; bucket <= this.last; bucket++) {
      seen += this.counts[bucket] ?? 0
      if (seen >= rank) return Math.round(bucket) / (1 / RESOLUTION_MILLIS)
    }
    return Number.NaN
  }

  /** What a chart needs; a thousandth of the size. */
  density(): Density {
    const bars = new Map<number, number>()
    for (let bucket = 0; bucket <= this.last; bucket++) {
      const count = this.counts[bucket] ?? 0
      if (count === 0) continue
      const millis = Math.max(bucket, 1) * RESOLUTION_MILLIS
      const bar = Math.floor(Math.log10(millis) * BARS_PER_DECADE + 1e-9)
      bars.set(bar, (bars.get(bar) ?? 0) + count)
    }
    return [...bars].map(([bar, count]) => [10 ** (bar / BARS_PER_DECADE), count] as const)
  }
}
