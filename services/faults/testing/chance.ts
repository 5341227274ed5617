/** Chance that can be had again: the same seed, the same numbers. */

export type Chance = ReturnType<typeof makeChance>

/** mulberry32: small, and good enough to choose faults with. */
export const makeChance = (seed: number) => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    between: (least: number, most: number) => least + next() * (most - least),
    pick: <A>(items: ReadonlyArray<A>): A => items[below(items.length)] as A,
    shuffle: <A>(items: ReadonlyArray<A>): A[] => {
      const left = [...items]
      return items.map(() => left.splice(below(left.length), 1)[0] as A)
    },
  }
}
