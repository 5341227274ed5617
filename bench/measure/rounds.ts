/** The one loop of all measurements, so that each compares its lanes in the same fair way. */
import type { Context } from "../stage.ts"

/** One thing that is measured beside others. */
export interface Lane {
  readonly title: string
  /** About how long a round of it takes. */
  readonly seconds: number
  /** Measures once and puts it on record. */
  readonly measure: (round: number) => Promise<void>
}

/**
 * Every lane once in each round. The order alternates, so that none always runs on a machine that another
 * one has warmed up.
 */
export const measureRounds = async (
  { progress }: Context,
  rounds: number,
  lanes: ReadonlyArray<Lane>,
): Promise<void> => {
  for (let round = 1; round <= rounds; round++) {
    for (const { title, seconds, measure } of round % 2 ? lanes : lanes.toReversed()) {
      progress.step(`round ${round}/${rounds}: ${title}`, seconds)
      await measure(round)
    }
  }
}
