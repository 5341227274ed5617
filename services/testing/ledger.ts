/**
 * What the clients of a test know: every write they sent, and which outcome it had. A write that is sent again
 * under its idempotency key is one write, however often.
 */
import { Agent } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { type Answer, type Call, callOf, callOfAll, makeCalls } from "./call.ts"
import { type Asked, type Outcome, rowOf, type Sent } from "./sent.ts"
import { makeVerdict } from "./verdict.ts"

/** Longer than any fault of a test lasts. */
const REPEAT_LIMIT_MILLIS = 40_000
const REPEAT_PAUSE_MILLIS = 100

export type Ledger = ReturnType<typeof makeLedger>

/** Whether a request that got no answer can have reached anybody. */
const isUnsent = (error: unknown) => (error as { code?: string }).code === "ECONNREFUSED"

/** What is known of a write that was sent twice. */
const OUTCOMES: ReadonlyArray<Outcome> = ["ok", "unknown", "refused"]
const both = (...outcomes: ReadonlyArray<Outcome>): Outcome =>
  OUTCOMES.find((outcome) => outcomes.includes(outcome)) ?? "unknown"

/** Of writes to these in turn; `onCommit` hears of each whose client is told that it is committed. */
export const makeLedger = (
  urls: ReadonlyArray<string>,
  onCommit: (write: Sent) => void = () => {},
) => {
  const call = makeCalls(new Agent({ keepAlive: true }), urls)
  const sent: Sent[] = []
  const known = new Set<Sent>()
  /** What no answer may say or do. */
  const broken: string[] = []
  const verdict = makeVerdict(broken, onCommit)
  let replays = 0

  const enter = (write: Sent): Outcome => {
    const before = write.outcome
    if (!known.has(write)) sent.push(write)
    known.add(write)
    // Until the answer is there.
    write.outcome = both(before, "unknown")
    return before
  }
  const transmit = async (
    writes: ReadonlyArray<Sent>,
    what: Call,
    read: (answer: Answer) => ReadonlyArray<Outcome>,
  ) => {
    const before = writes.map(enter)
    const outcomes = await call(what)
      .then((answer) => {
        if (answer.isReplayed) replays += 1
        return read(answer)
      })
      .catch((error): Outcome[] => writes.map(() => (isUnsent(error) ? "refused" : "unknown")))
    for (const [index, write] of writes.entries()) {
      write.outcome = both(before[index] ?? "unknown", outcomes[index] ?? "unknown")
    }
  }

  /** Once; resolves to the write. */
  const send = async (write: Sent, asked: Asked = {}): Promise<Sent> => {
    await transmit([write], callOf(write, asked), (answer) => [verdict.ofOne(write, answer)])
    return write
  }
  /** All of them in one call, once; rows of one table. */
  const sendMany = (writes: ReadonlyArray<Sent>, asked: Asked = {}): Promise<void> =>
    transmit(writes, callOfAll(writes, asked), (answer) => verdict.ofMany(writes, answer))

  const repeated = async (writes: ReadonlyArray<Sent>, attempt: () => Promise<unknown>) => {
    const end = performance.now() + REPEAT_LIMIT_MILLIS
    const isDone = () => writes.every(({ outcome }) => outcome === "ok")
    await attempt()
    while (!isDone() && performance.now() < end) {
      await sleep(REPEAT_PAUSE_MILLIS)
      await attempt()
    }
  }

  let series = 0
  return {
    ...{ sent, broken, send, sendMany },
    /** A name that no key has had. */
    name: (what: string) => `${what} ${++series}`,
    post: (key: string, value: string, poison = false) => send(rowOf(key, value, poison)),
    /** A write that is none, with a key of its own: it must never be seen again. */
    postInvalid: async (key: string) => {
      const write = rowOf(key, "never")
      const body = JSON.stringify({ key: write.key, value: [write.value] })
      await transmit([write], { ...callOf(write, {}), body }, (answer) => [
        verdict.ofOne(write, answer),
      ])
      return write
    },
    /** Again and again under the key, until it is accepted or for a while; resolves to the write. */
    repeat: async (write: Sent, once: string, asked: Asked = {}): Promise<Sent> => {
      await repeated([write], () => send(write, { ...asked, once }))
      return write
    },
    repeatMany: (writes: ReadonlyArray<Sent>, once: string, asked: Asked = {}): Promise<void> =>
      repeated(writes, () => sendMany(writes, { ...asked, once })),
    /** How many answers were those of a call before. */
    replays: () => replays,
    count: (outcome: Outcome, counted = false) =>
      sent.filter((write) => write.outcome === outcome && (!counted || write.counted)).length,
    /** Redis has lost its data: what was accepted may be stored or not, and is counted no more. */
    lost: () => {
      for (const write of sent) {
        if (write.outcome === "ok") write.outcome = "unknown"
        write.counted = false
      }
    },
    /** These of what was sent may be lost, although they were accepted: no replica need have had them. */
    mayLack: (from: number, to: number) => {
      for (const write of sent.slice(from, to)) {
        if (write.outcome === "ok") write.outcome = "unknown"
      }
    },
  }
}
