/** What is left of a queue in Redis when nothing waits, on however many nodes. */
import type { Redis } from "ioredis"

/** No batch, no lease, no mark of a silent worker, nobody who waits. */
const AT_REST = /:(counters|dead|workers|holds|layout)$/

/** What is forgotten by itself, and after how many seconds at most. */
const PASSING: ReadonlyArray<readonly [RegExp, number]> = [
  [/:outcome:\d+$/, 60],
  [/:once:[0-9a-f]{64}$/, 3_600],
]

export interface Kept {
  /** Dead letters, as they lie there. */
  readonly letters: ReadonlyArray<string>
  /** What should not be there, for people. */
  readonly leftovers: ReadonlyArray<string>
}

const leftover = async (connection: Redis, name: string) => {
  if (AT_REST.test(name)) return []
  const age = await connection.ttl(name)
  const [, most] = PASSING.find(([pattern]) => pattern.test(name)) ?? []
  // -2: it is gone by now.
  const isPassing = most !== undefined && age !== -1 && age <= most
  return isPassing ? [] : [`left in Redis: ${name}, for ${age} s`]
}

const keptOn = async (connection: Redis): Promise<Kept> => {
  const isMaster = (await connection.info("replication")).includes("role:master")
  const names = isMaster ? await connection.keys("*") : []
  const dead = names.filter((name) => name.endsWith(":dead"))
  const letters = await Promise.all(dead.map((name) => connection.lrange(name, 0, -1)))
  const leftovers = await Promise.all(names.map((name) => leftover(connection, name)))
  return { letters: letters.flat(), leftovers: leftovers.flat() }
}

/** Replicas have what their masters have, and are passed over. */
export const keptIn = async (
  nodes: ReadonlyArray<{ readonly connection: Redis }>,
): Promise<Kept> => {
  const all = await Promise.all(nodes.map(({ connection }) => keptOn(connection)))
  return {
    letters: all.flatMap(({ letters }) => letters),
    leftovers: all.flatMap(({ leftovers }) => leftovers),
  }
}
