/** The answer for many writes of which not all were queued: why, and which are. */
import { problem } from "../../shared/http/answer.ts"
import { isQueued, type Outcome, type Queued } from "./outcome.ts"

type Refused = Exclude<Outcome, Queued>

const isRefused = (outcome: Outcome): outcome is Refused => !isQueued(outcome)

const isUnknown = (outcome: Outcome | undefined) =>
  outcome !== undefined && isRefused(outcome) && outcome.refused === "outcome-unknown"

/** Also one that was not sent, because one before it was refused. */
const isUnqueued = (outcome: Outcome | undefined) =>
  outcome === undefined || (isRefused(outcome) && !isUnknown(outcome))

type Range = readonly [first: number, last: number]

/** The writes of which it is so, from 0 to `count`: the first and the last of each run. */
const rangesOf = (count: number, isSo: (index: number) => boolean): ReadonlyArray<Range> => {
  const ranges: Range[] = []
  for (let first = 0; first < count; first += 1) {
    if (!isSo(first)) continue
    let last = first
    while (last + 1 < count && isSo(last + 1)) last += 1
    ranges.push([first, last])
    first = last
  }
  return ranges
}

/** What a client must know above all: not to repeat it, then that it may be there twice. */
const causeOf = (outcomes: ReadonlyArray<Outcome>) => {
  const refused = outcomes.filter(isRefused)
  return (
    refused.find((outcome) => outcome.refused === "idempotency-conflict") ??
    refused.find(isUnknown) ??
    refused[0]
  )
}

/** `outcomes` are those of the first ones of so many writes: those that were sent. */
export const answerPartly = (outcomes: ReadonlyArray<Outcome>, count: number): Response => {
  const cause = causeOf(outcomes)
  if (cause === undefined) return problem("internal-error")
  const queued = outcomes.findIndex(isRefused)
  const unknown = outcomes.slice(queued).filter((outcome) => !isUnqueued(outcome)).length
  if (queued + unknown === 0)
    return problem(cause.refused, { ...cause, members: { queued, unknown } })
  const advice =
    cause.refused === "idempotency-conflict"
      ? "Another request had this Idempotency-Key."
      : "Repeat all of them with the Idempotency-Key that they had; without one they may be there twice."
  return problem(cause.refused, {
    ...cause,
    detail: `The first ${queued} writes are queued, and of those after them up to ${unknown}. ${advice}`,
    members: {
      ...{ queued, unknown },
      not_queued: rangesOf(count, (index) => isUnqueued(outcomes[index])),
      not_known: rangesOf(count, (index) => isUnknown(outcomes[index])),
    },
  })
}
