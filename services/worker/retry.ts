/**
 * The retry policies, each a Schedule with its worst case. All are jittered by 0.8 to 1.2, so that
 * workers that failed together do not come back together.
 */
import { Duration, Schedule } from "effect"
import type { Config } from "../../shared/config.ts"
import { RELEASE_DEADLINE } from "./settings.ts"

const PROBE_MIN = Duration.millis(100)
const PROBE_MAX = Duration.seconds(4)

const QUEUE_MIN = Duration.millis(50)
const QUEUE_MAX = Duration.seconds(1)

const cappedExponential = (from: Duration.Duration, to: Duration.Duration) =>
  Schedule.min([Schedule.exponential(from), Schedule.spaced(to)]).pipe(Schedule.jittered)

/**
 * A batch that failed for a reason of its own: MAX_RETRIES more tries after RETRY_DELAY × 1, 2, 4 …
 * With the defaults 1, 2 and 4 s, at worst 8.4 s of waiting; then the database is held.
 */
export const batchRetry = ({
  MAX_RETRIES,
  RETRY_DELAY,
}: Pick<Config, "MAX_RETRIES" | "RETRY_DELAY">) =>
  Schedule.exponential(Duration.seconds(RETRY_DELAY)).pipe(
    Schedule.jittered,
    Schedule.upTo({ times: MAX_RETRIES }),
  )

/**
 * How often a database that is held is asked: after 0.1, 0.2, 0.4 … 4 s, for as long as it takes. At
 * worst 4.8 s pass between its return and the next probe, and 8.8 s when one hangs on an old server.
 */
export const probeBackoff = cappedExponential(PROBE_MIN, PROBE_MAX)

const DOUBT_RETRIES = 5

/**
 * How often a row in doubt is tried again: from a tenth of RETRY_DELAY on, of a second at most. With the
 * defaults after 0.1, 0.2, 0.4 and 0.8 s, at worst 1.8 s, it is buried by a table in order; one that is
 * not is looked at once more after 1.6 s, at worst after 3.8 s of waiting, and then held.
 */
export const doubtRetry = ({ RETRY_DELAY }: Pick<Config, "RETRY_DELAY">) =>
  Schedule.exponential(Duration.seconds(Math.min(RETRY_DELAY, 1) / 10)).pipe(
    Schedule.jittered,
    Schedule.upTo({ times: DOUBT_RETRIES }),
  )

/** How often Redis is asked while it is away: after 50, 100 … 1,000 ms, for as long as it takes. */
export const queueBackoff = cappedExponential(QUEUE_MIN, QUEUE_MAX)

/** Telling Redis that a batch is written: until its lease has ended, and it is another worker's. */
export const acknowledgeRetry = ({ LEASE_SECONDS }: Pick<Config, "LEASE_SECONDS">) =>
  queueBackoff.pipe(Schedule.upTo({ duration: Duration.seconds(LEASE_SECONDS) }))

/** Giving a batch back; what it does not reach, the end of the lease does. */
export const releaseRetry = queueBackoff.pipe(Schedule.upTo({ duration: RELEASE_DEADLINE }))
