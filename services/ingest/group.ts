/** The writes of one call of the enqueue script, as they gather. */
import { createHash } from "node:crypto"
import type { Outcome } from "./outcome.ts"

/** What a client asks for beside the write. */
export interface Request {
  /** It waits for the commit. */
  readonly isAwaited: boolean
  /** Its idempotency key, which is known in the shard of the write alone. */
  readonly key: string | null
  /** What may not be another for the same key; left out: the write itself. */
  readonly payload?: string
  /** The `traceparent` of its span, where there is one. */
  readonly trace?: string
  /** The key of the whole call, whose appended rows go to one shard; left out: `key`. */
  readonly callKey?: string
  /** The writes that go together; left out: it alone. One object of all of them, which are put in one turn. */
  readonly part?: ReadonlyArray<unknown>
}

const digest = (text: string) => createHash("sha256").update(text).digest("hex")

export class Group {
  readonly items: string[] = []
  /** What the script is told of some of the items; each counts from 1. */
  awaited = ""
  once = ""
  readonly settle: Array<(outcome: Outcome) => void> = []
  bytes = 0

  /** Of the last item. */
  ask(item: string, { isAwaited, key, payload = `${key}\n${item}` }: Request) {
    const place = this.items.length
    if (isAwaited) this.awaited += `${place} `
    if (key !== null) this.once += `${place} ${digest(key)} ${digest(payload)} `
  }
}
