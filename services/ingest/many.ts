/**
 * Many writes of one call: all of them are queued, those of a key in their order, or the answer says which. They
 * go in parts, each in one call of the enqueue script for each shard, one after the other, and what follows a
 * part that failed is not sent.
 */
import { createHash } from "node:crypto"
import { encodeWrite } from "../../shared/item.ts"
import type { Write } from "../../shared/write.ts"
import type { Asked } from "./asked.ts"
import type { Commits, Settled } from "./commit.ts"
import { isQueued, type Outcome, type Queued } from "./outcome.ts"
import type { Put } from "./queue.ts"
import { CALL_MAX_WRITES } from "./sender.ts"

/** Of all writes of a call, so that no part of another call passes for a repetition. */
const digest = (key: string, writes: ReadonlyArray<Write>): string => {
  const hash = createHash("sha256").update(`${key}\n`)
  for (const write of writes) hash.update(`${encodeWrite(write)}\n`)
  return hash.digest("hex")
}

/**
 * Sends the writes. Resolves to what became of the first ones, up to the first part that was not queued as a
 * whole; never rejects. With a key, what was queued before is not queued again.
 */
export const sendAll = async (
  put: Put,
  writes: ReadonlyArray<Write>,
  { waitMillis, key }: Asked,
  trace?: string,
): Promise<ReadonlyArray<Outcome>> => {
  const outcomes: Outcome[] = []
  const payload = key === null ? "" : digest(key, writes)
  for (let from = 0; from < writes.length; from += CALL_MAX_WRITES) {
    const part = writes.slice(from, from + CALL_MAX_WRITES)
    const asked = (index: number) => ({
      ...{ isAwaited: waitMillis > 0, payload, part, ...(trace && { trace }) },
      ...(key === null ? { key } : { key: `${from + index}\n${key}`, callKey: key }),
    })
    const found = await Promise.all(part.map((write, index) => put(write, asked(index))))
    outcomes.push(...found)
    if (!found.every(isQueued)) break
  }
  return outcomes
}

/** So that many writes of one client leave room for others that wait. */
const WAITED_MAX = 500

/**
 * What became of the first of them in so many milliseconds, null of one where that is not known: all of them once
 * the signal is aborted.
 */
export const awaitAll = async (
  commits: Commits,
  queued: ReadonlyArray<Queued>,
  millis: number,
  signal: AbortSignal,
): Promise<ReadonlyArray<Settled | null>> => {
  const until = performance.now() + millis
  const settled: Array<Settled | null> = []
  for (let from = 0; from < queued.length; from += WAITED_MAX) {
    const left = until - performance.now()
    if (left <= 0 || signal.aborted) break
    const part = queued.slice(from, from + WAITED_MAX)
    settled.push(...(await Promise.all(part.map((write) => commits(write, left, signal)))))
  }
  return settled
}
