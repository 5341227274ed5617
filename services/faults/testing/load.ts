/** Clients that write while something happens to the servers. */
import { setTimeout as sleep } from "node:timers/promises"
import type { Ledger } from "../../testing/ledger.ts"
import { appendedOf } from "../../testing/sent.ts"

const WRITERS = 12

/** How often a key is written that is written again at once. */
const TIMES = 4

/** About 600 writes a second in all. */
const BETWEEN_WRITES_MILLIS = 30

/** Leaves room for what it returns to be looked at. */
export interface Load {
  /** The name that all keys begin with. */
  readonly name: string
  /** How many were accepted until now. */
  readonly accepted: () => number
}

/**
 * Keys that are written once, appended rows, and keys that are written again at once after each answer, until
 * `during` is done.
 */
export const underLoad = async <A>(
  ledger: Pick<Ledger, "name" | "post" | "send" | "count">,
  what: string,
  during: (load: Load) => Promise<A>,
): Promise<A> => {
  const name = ledger.name(what)
  const before = ledger.count("ok")
  let isOver = false
  /** Whatever happens, the key has been accepted before it and is accepted after it. */
  const untilAccepted = async (key: string, value: string) => {
    while (!isOver && (await ledger.post(key, value)).outcome !== "ok") {
      await sleep(BETWEEN_WRITES_MILLIS)
    }
  }
  const write = async (writer: number) => {
    for (let round = 0; !isOver; round++) {
      await ledger.post(`${name}:${writer}:${round}`, name)
      await ledger.send(appendedOf(`${name}:${writer}:${round}`))
      for (let time = 1; time <= TIMES && !isOver; time++) {
        await untilAccepted(`${name}:${writer}:${round} again`, `time ${time}`)
      }
      await sleep(BETWEEN_WRITES_MILLIS)
    }
  }
  const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer))
  try {
    return await during({ name, accepted: () => ledger.count("ok") - before })
  } finally {
    isOver = true
    await Promise.all(writers)
  }
}
