/** What an answer says of the writes that it answers, and what no answer may say. */
import type { Answer } from "./call.ts"
import { CANARY, type Outcome, type Sent } from "./sent.ts"

/** What the contract says was not enqueued. */
const REFUSED = /^\/problems\/(queue-full|queue-unavailable|stopping)$/

/** Queued, and a dead letter now. */
const DEAD = "/problems/write-refused"

/** Nobody here has one key for two writes. */
const CONFLICT = "/problems/idempotency-conflict"

const isAccepted = ({ status }: Answer) => status === 200 || status === 202

interface Problem {
  readonly type: string
  /** Of many writes: so many of the first ones are queued, and so many after them may be. */
  readonly queued?: number
  readonly unknown?: number
  /** Of those that died. */
  readonly errors?: ReadonlyArray<{ readonly pointer: string }>
}

/** `broken` collects what is wrong; `onCommit` hears of each write whose client is told that it is committed. */
export const makeVerdict = (broken: string[], onCommit: (write: Sent) => void) => {
  const accept = (write: Sent, version: number, isCommitted: boolean) => {
    const { key } = write
    if (write.version !== 0 && write.version !== version) broken.push(`${key}: has two versions`)
    if (isCommitted && write.poison) broken.push(`${key}: cannot be committed`)
    write.version = version
    if (!isCommitted) return
    write.isCommitted = true
    onCommit(write)
  }
  const readProblem = ({ status, retryAfter, text }: Answer): Problem => {
    if (text.includes(CANARY)) broken.push(`a ${status} quotes the write`)
    const problem = JSON.parse(text) as Problem
    const isSound = retryAfter >= 1 && retryAfter <= 60
    if (status === 503 && !isSound) broken.push(`${problem.type} without a sound Retry-After`)
    if ((status >= 500 && status !== 503) || problem.type === CONFLICT) {
      broken.push(`${status} ${problem.type}`)
    }
    return problem
  }
  const died = (write: Sent | undefined) => {
    if (!write?.poison) broken.push(`${write?.key}: is said to be dead`)
  }

  return {
    ofOne: (write: Sent, answer: Answer): Outcome => {
      if (isAccepted(answer)) {
        const { version, committed = false } = JSON.parse(answer.text)
        // Who was told before that it is queued repeats it.
        if (write.version !== 0 && !answer.isReplayed) broken.push(`${write.key}: queued again`)
        accept(write, version, committed)
        return "ok"
      }
      const { type } = readProblem(answer)
      if (type === DEAD) died(write)
      if (type === DEAD) return "ok"
      return answer.status === 503 && !REFUSED.test(type) ? "unknown" : "refused"
    },
    ofMany: (writes: ReadonlyArray<Sent>, answer: Answer): ReadonlyArray<Outcome> => {
      if (isAccepted(answer)) {
        const { versions, committed = false } = JSON.parse(answer.text)
        if (versions.length !== writes.length) broken.push("many writes, and not as many versions")
        for (const [index, write] of writes.entries()) accept(write, versions[index], committed)
        return writes.map(() => "ok")
      }
      const { type, queued = 0, unknown = 0, errors = [] } = readProblem(answer)
      if (type === DEAD) {
        for (const { pointer } of errors) died(writes[Number(pointer.slice(1))])
        return writes.map(() => "ok")
      }
      return writes.map((_, index) => (index < queued ? "ok" : unknown > 0 ? "unknown" : "refused"))
    },
  }
}
