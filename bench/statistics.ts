/**
 * Medians, spreads and quantiles. A figure of the benchmark is the median of its rounds with the lowest
 * and the highest beside it: with five rounds a mean would be one bad round's.
 */

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly count: number
}

/** The value that a share `q` of the sorted values does not exceed (nearest rank). NaN of none. */
export const quantile = (sorted: ReadonlyArray<number>, q: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? Number.NaN

export const sort = (values: ReadonlyArray<number>): number[] => [...values].sort((a, b) => a - b)

/** Null of no values. With an even number of them the median is the mean of the middle two. */
export const spread = (values: ReadonlyArray<number>): Spread | null => {
  const sorted = sort(values.filter(Number.isFinite))
  const [min] = sorted
  const max = sorted.at(-1)
  if (min === undefined || max === undefined) return null
  const upper = sorted[sorted.length >> 1] ?? max
  const lower = sorted[(sorted.length - 1) >> 1] ?? min
  return { median: (lower + upper) / 2, min, max, count: sorted.length }
}

/** The median, or null of no values. */
export const median = (values: ReadonlyArray<number>): number | null =>
  spread(values)?.median ?? null

/** The quotient of two figures, null when either is missing or the divisor is 0. */
export const ratio = (dividend: number | null, divisor: number | null): number | null =>
  dividend === null || divisor === null || divisor === 0 ? null : dividend / divisor
