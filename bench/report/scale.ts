/** Scales of charts: from a value to a place in pixels, and the values that are marked. */

export interface Scale {
  readonly at: (value: number) => number
  readonly marks: ReadonlyArray<number>
}

type Interval = readonly [from: number, to: number]

const STEPS = [1, 2, 2.5, 5, 10]

/** A step that a person would choose, for about `count` of them. */
const step = (length: number, count: number): number => {
  const power = 10 ** Math.floor(Math.log10(length / count))
  return power * (STEPS.find((factor) => factor * power * count >= length) ?? 10)
}

/** From 0, or from `from`, to the first mark at or above `to`. */
export const linear = ([from, to]: Interval, [start, end]: Interval, count = 4): Scale => {
  const length = to > from ? to - from : 1
  const each = step(length, count)
  const marks = Array.from(
    { length: Math.ceil(length / each - 1e-9) + 1 },
    (_, n) => from + n * each,
  )
  const top = marks.at(-1) ?? to
  return { at: (value) => start + ((value - from) / (top - from)) * (end - start), marks }
}

/** As `linear`, but it ends at `to` exactly: for time. */
export const exact = ([from, to]: Interval, [start, end]: Interval, count = 6): Scale => {
  const { marks } = linear([from, to], [start, end], count)
  return {
    at: (value) => start + ((value - from) / (to - from)) * (end - start),
    marks: marks.filter((mark) => mark <= to),
  }
}

/** By powers of ten; the marks are those within, and twos and fives when there are few. */
export const logarithmic = ([from, to]: Interval, [start, end]: Interval): Scale => {
  const length = Math.log10(to / from)
  const factors = length > 2.2 ? [1] : [1, 2, 5]
  const marks: number[] = []
  for (let power = Math.floor(Math.log10(from)); power <= Math.log10(to); power++) {
    for (const factor of factors) {
      // 10 ** -2 * 5 is 0.05 and a little: the labels would show it.
      const mark = Number((factor * 10 ** power).toPrecision(3))
      if (mark >= from && mark <= to) marks.push(mark)
    }
  }
  return { at: (value) => start + (Math.log10(value / from) / length) * (end - start), marks }
}
