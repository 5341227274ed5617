/**
 * The lists of the queue, one as long as there is one shard. Figures are over all of them: each list is read
 * at one moment, so that what adds up in each adds up in the sum. They have names for people here.
 */
import type { ShardStats } from "../../shared/contract.ts"
import type { Shard, Shards } from "../../shared/queue/open-shards.ts"
import type { Queue } from "../../shared/queue/queue.ts"

export type Lists = Pick<Shards, "home" | "layout" | "current" | "every" | "refresh">

/** All lists, the queue's own first. Rejects while it is not known how many there are. */
export const everyList = async (lists: Lists): Promise<ReadonlyArray<Shard>> => {
  if (lists.layout() === null) await lists.refresh()
  return lists.every()
}

/** Their calls alone, for operations. */
export const everyQueue = (lists: Lists) => async (): Promise<ReadonlyArray<Queue>> =>
  (await everyList(lists)).map(({ queue }) => queue)

export type Queues = ReturnType<typeof everyQueue>

/** A shard's number; the queue's own list has the queue's name. */
export const labelOf = ({ home }: Lists, { name }: Shard): string =>
  name === home.name ? name : (/(\d+)\}$/.exec(name)?.[1] ?? name)

/** `Shard 3 of 6`, and of those that ingest writes to no more `Shard 7`. */
export const describeList = (lists: Lists, list: Shard): string => {
  const label = labelOf(lists, list)
  if (list === lists.home) return `List ${label}`
  const current = lists.current()
  return current.includes(list) ? `Shard ${label} of ${current.length}` : `Shard ${label}`
}

/** A list that did not answer. */
export interface Away {
  readonly shard: string
  /** Which it is and why, for people. */
  readonly reason: string
  /** Whether writes are refused by it. */
  readonly isCurrent: boolean
}

const NAMED_MAX = 10

/** The first ones by name, and how many more there are. */
export const named = (names: ReadonlyArray<string>): string => {
  const rest = names.length - NAMED_MAX
  return names.slice(0, NAMED_MAX).join(", ") + (rest > 0 ? ` and ${rest} more` : "")
}

/** Of several lists some answered and some did not: there are no figures of the whole, which would be wrong without them. */
export class ListsAway extends Error {
  override readonly name = "ListsAway"
  readonly away: ReadonlyArray<Away>
  readonly answered: ReadonlyArray<ShardStats>
  constructor(away: ReadonlyArray<Away>, answered: ReadonlyArray<ShardStats>) {
    super(named(away.map(({ reason }) => reason)))
    this.away = away
    this.answered = answered
  }
}

/** What is known of single lists when there are no figures of the whole. */
export const partOf = (error: unknown): Pick<ListsAway, "away" | "answered"> =>
  error instanceof ListsAway ? error : { away: [], answered: [] }
