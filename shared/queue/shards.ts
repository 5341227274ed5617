/**
 * Shards: several lists instead of one, so that several Redis nodes share the work of one queue. The writes of
 * a key all go to one shard, whose versions order them. No other process than ingest chooses a shard.
 */

/** A claim, a heartbeat and a connection each: more than this is better two installations. */
export const SHARDS_MAX = 1_024

/** How many shards ingest writes to, and how many numbered ones may hold writes: those that once were written to. */
export interface Layout {
  readonly shards: number
  readonly ever: number
}

/**
 * The list of a shard. A single one has the queue's own name, as it always had; those of several are numbered,
 * with the same names however many there are, and their braces place each in a slot of its own.
 */
export const shardName = (queue: string, shards: number, index: number): string =>
  shards === 1 ? queue : `{${queue}:${index}}`

const numbered = (queue: string, count: number) =>
  Array.from({ length: count }, (_, index) => shardName(queue, SHARDS_MAX, index))

/** The lists that ingest writes to, in the order of their numbers. */
export const shardNames = (queue: string, shards: number): ReadonlyArray<string> =>
  shards === 1 ? [queue] : numbered(queue, shards)

/** Every list that may hold writes; others push onto the first of them. */
export const everyName = (queue: string, { ever }: Layout): ReadonlyArray<string> => [
  queue,
  ...numbered(queue, ever),
]

/** FNV-1a of the UTF-16 units, stirred so that each bit counts: a number of 32 bits. */
export const hashOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The shard of a key of a table, from 0. */
export const shardOf = (table: string, key: string, shards: number): number =>
  shards === 1 ? 0 : hashOf(`${table}\n${key}`) % shards

/**
 * Which versions a list issues: those that leave `residue` when divided by `step`, so that no two lists issue the
 * same one: the version alone identifies an appended row. The queue's own list, onto which others push, has the
 * residue that no shard has.
 */
export interface Series {
  readonly step: number
  readonly residue: number
}

export const seriesOf = (shards: number, index: number): Series =>
  shards === 1 ? { step: 1, residue: 0 } : { step: shards + 1, residue: index }
