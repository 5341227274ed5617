/**
 * Parked writes, in figures and in words: how many wait in which lot, and for what. A lot is named by what
 * its writes wait for, a table, or a table and a column with a dot between them: never by a key or a value.
 */
import type { Stats } from "../../shared/contract.ts"

/** Lots that are named, those with the most writes; each is a series of Prometheus. */
export const LOTS_MAX = 50

/** The sum of all other lots, and of a table of this name. */
export const OTHERS = "others"

/** Lots that the health has a line for; a page of them is no easier to read. */
const LINES_MAX = 10

/** What workers name a lot; anything else was put into Redis by somebody, and is not repeated. */
const LOT = /^[A-Za-z_]\w{0,62}(\.[A-Za-z_]\w{0,62})?$/

/** The lots of several lists as those of one. */
export const addLots = (
  lists: ReadonlyArray<ReadonlyMap<string, number>>,
): ReadonlyMap<string, number> => {
  const sum = new Map<string, number>()
  for (const [lot, writes] of lists.flatMap((lots) => [...lots])) {
    sum.set(lot, writes + (sum.get(lot) ?? 0))
  }
  return sum
}

/** How many writes wait in which lot, by name; of a lot that is empty nothing is said. */
export const toParked = (lots: ReadonlyMap<string, number>): Stats["parked"] => {
  const sorted = [...lots].filter(([, writes]) => writes > 0).sort((a, b) => b[1] - a[1])
  const named = sorted.filter(([lot]) => LOT.test(lot)).slice(0, LOTS_MAX)
  const parked = new Map(named.sort(([one], [other]) => (one < other ? -1 : 1)))
  const sum = (of: ReadonlyArray<readonly [string, number]>) =>
    of.reduce((all, [, n]) => all + n, 0)
  const others = sum(sorted) - sum(named)
  if (others > 0) parked.set(OTHERS, others + (parked.get(OTHERS) ?? 0))
  return Object.fromEntries(parked)
}

const whole = new Intl.NumberFormat("en")

/** `3 writes of events`, and the verb that goes with so many. */
const say = (writes: number, of: string, one: string, many: string) =>
  writes === 1 ? `1 write of ${of} ${one}` : `${whole.format(writes)} writes of ${of} ${many}`

/** A table that a live worker holds is named by its reason; else no worker that lives knows the lot. */
const lineOf = (lot: string, writes: number, held: Stats["held"]) => {
  const [table = "", column] = lot.split(".")
  if (column === undefined && held.some((reason) => reason.startsWith(`${table}: `))) {
    return `${say(writes, table, "is", "are")} set aside until the table can be written.`
  }
  const what = column === undefined ? `table ${table}` : `column ${column}`
  return `${say(writes, table, "waits", "wait")} for a worker that knows the ${what}.`
}

/** A sentence for each lot, those with the most writes first, and one for all others. */
export const parkedWarnings = ({ parked, held }: Stats): ReadonlyArray<string> => {
  const { [OTHERS]: others = 0, ...named } = parked
  const lots = Object.entries(named).sort(([, one], [, other]) => other - one)
  const rest = lots.slice(LINES_MAX).reduce((sum, [, writes]) => sum + writes, others)
  return [
    ...lots.slice(0, LINES_MAX).map(([lot, writes]) => lineOf(lot, writes, held)),
    ...(rest > 0 ? [`${say(rest, "other tables or columns", "is", "are")} set aside.`] : []),
  ]
}
