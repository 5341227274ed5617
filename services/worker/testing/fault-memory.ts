/**
 * What a test makes happen around the calls of a memory layer: an effect before a call can fail it,
 * delay it or block it on a Deferred; one after it loses the reply of a call that had its effect.
 */
import { Effect } from "effect"

export interface Faults<Call extends string, E> {
  /** From now on, runs before each such call; null ends it. */
  readonly before: (call: Call, effect: Effect.Effect<void, E> | null) => Effect.Effect<void>
  /** From now on, runs after each such call, before its caller hears of it; null ends it. */
  readonly after: (call: Call, effect: Effect.Effect<void, E> | null) => Effect.Effect<void>
  /** How often each was called, failures included. */
  readonly count: (call: Call) => Effect.Effect<number>
}

export const makeFaults = <Call extends string, E>() => {
  const counts = new Map<Call, number>()
  const before = new Map<Call, Effect.Effect<void, E>>()
  const after = new Map<Call, Effect.Effect<void, E>>()

  const set = (effects: typeof before) => (call: Call, effect: Effect.Effect<void, E> | null) =>
    Effect.sync(() => {
      if (effect) effects.set(call, effect)
      else effects.delete(call)
    })

  const faults: Faults<Call, E> = {
    before: set(before),
    after: set(after),
    count: (call) => Effect.sync(() => counts.get(call) ?? 0),
  }

  const around = <A>(call: Call, run: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      counts.set(call, (counts.get(call) ?? 0) + 1)
      return before.get(call) ?? Effect.void
    }).pipe(
      Effect.andThen(run),
      Effect.tap(() => after.get(call) ?? Effect.void),
    )

  return { faults, around }
}
