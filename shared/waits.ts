/**
 * Waits for what happens elsewhere and can only be asked for. All that wait share one look a tick, which asks
 * for so many at most; who has waited for longer is asked for more rarely. A look that fails ends no wait
 * before its time.
 */

/** How soon what happened is seen, where nobody says otherwise. */
const TICK_MILLIS = 4

/** What one look asks for; the others are asked for in the next. */
export const LOOK_MAX = 500

/** So many wait at once; who comes later does not. */
export const WAITING_MAX = 10_000

/** A wait is looked at again after a tenth of what it has taken, and at the latest after so long. */
const PATIENCE = 0.1
const PATIENCE_MAX_MILLIS = 250

interface Wait<Asked, Answer> {
  readonly asked: Asked
  readonly began: number
  /** When it is looked at for the last time. */
  until: number
  /** When it is looked at next. */
  due: number
  readonly resolve: (answer: Answer | undefined) => void
  readonly reject: (error: unknown) => void
}

export interface Waits<Asked, Answer> {
  /**
   * Resolves to the answer that it waits for, or after so many milliseconds and a look to the one there is
   * then. Undefined when it does not wait: too many do, or the signal is aborted.
   * @throws what the last look threw.
   */
  wait(asked: Asked, millis: number, signal?: AbortSignal): Promise<Answer | undefined>
  /** All that wait, and whoever will, is looked at once more and no longer. */
  end(): void
}

/** `look` answers in the order of what it is asked; `isOver` says of an answer that it is the one; one look a tick. */
export const makeWaits = <Asked, Answer>(
  look: (asked: ReadonlyArray<Asked>) => Promise<ReadonlyArray<Answer>>,
  isOver: (asked: Asked, answer: Answer) => boolean,
  tickMillis = TICK_MILLIS,
): Waits<Asked, Answer> => {
  type One = Wait<Asked, Answer>
  const waits = new Set<One>()
  let isTicking = false
  let isEnding = false

  /** Those whose time has come, the longest overdue first. */
  const dueAt = (now: number) =>
    [...waits]
      .filter(({ due }) => due <= now)
      .sort((one, other) => one.due - other.due)
      .slice(0, LOOK_MAX)

  const settle = (wait: One, answer: Answer, now: number) => {
    if (isOver(wait.asked, answer) || wait.until <= now) wait.resolve(answer)
    else delay(wait, now)
  }
  const delay = (wait: One, now: number) => {
    const patience = Math.min(PATIENCE_MAX_MILLIS, PATIENCE * (now - wait.began))
    wait.due = Math.min(now + patience, wait.until)
  }

  const ask = async (due: ReadonlyArray<One>) => {
    try {
      const answers = await look(due.map(({ asked }) => asked))
      const now = performance.now()
      for (const [index, wait] of due.entries()) settle(wait, answers[index] as Answer, now)
    } catch (error) {
      const now = performance.now()
      for (const wait of due) delay(wait, now)
      // Another look may fail as slowly, so that all whose time is over would wait for as long again.
      for (const wait of waits) if (wait.until <= now) wait.reject(error)
    }
  }

  const tick = async () => {
    const due = dueAt(performance.now())
    if (due.length > 0) await ask(due)
    isTicking = false
    schedule()
  }
  const schedule = () => {
    if (isTicking || waits.size === 0) return
    isTicking = true
    setTimeout(tick, tickMillis)
  }

  const wait = async (asked: Asked, millis: number, signal?: AbortSignal) => {
    if (waits.size >= WAITING_MAX || signal?.aborted) return undefined
    const { promise, resolve, reject } = Promise.withResolvers<Answer | undefined>()
    const began = performance.now()
    const until = isEnding ? began : began + millis
    const one = { asked, began, until, due: began, resolve, reject }
    const leave = () => resolve(undefined)
    signal?.addEventListener("abort", leave)
    waits.add(one)
    schedule()
    try {
      return await promise
    } finally {
      waits.delete(one)
      signal?.removeEventListener("abort", leave)
    }
  }

  return {
    wait,
    end: () => {
      isEnding = true
      const now = performance.now()
      for (const one of waits) one.due = one.until = now
    },
  }
}
