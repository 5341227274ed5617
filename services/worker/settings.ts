/** The worker's configuration as a service, and the limits that are not for operators to choose. */
import { Context, Duration } from "effect"
import type { Config } from "../../shared/config.ts"

export class Settings extends Context.Service<
  Settings,
  Config<"worker"> & {
    /** Names this worker among the live ones, and begins the ids of its batches. */
    readonly worker: string
  }
>()("write-buffer/worker/Settings") {}

/** A claim is bounded by bytes as well: claiming 1,000 values of 64 KiB would block Redis for a while. */
export const CLAIM_MAX_BYTES = 4 * 1_024 * 1_024

/**
 * One statement's time, from asking to answer. The server gives up 2 s earlier, with a SQLSTATE; on a
 * server that is frozen this deadline is the only one.
 */
export const STATEMENT_DEADLINE = Duration.seconds(12)

/** The scan for the table's highest version, once for each life of Redis' data; on a large table, minutes. */
export const SEED_DEADLINE = Duration.minutes(10)

/** A database that is held answers a probe within this time, or is asked anew: on a new connection. */
export const PROBE_DEADLINE = Duration.seconds(4)

/**
 * Batches with rows in doubt that let others pass, lest all be claimed. The next one keeps its place, and
 * holds when the table is not in order: then ten have not brought it to order either.
 */
export const WAITING_BATCHES_MAX = 10

/**
 * How often a row in doubt is refused alone, by a table in order, before it is buried. What fails at random
 * for two rows of five mostly refuses a rehearsal meanwhile; if not, it stores all but one row in a hundred.
 */
export const REFUSALS_MIN = 4

/**
 * Statements of one search that are refused while nothing is stored at all, and the table is not in order:
 * more would prove no more. Finds a run of good rows as long as a thirtieth of the batch.
 */
export const SEARCH_MAX = 60

/** All the statements of a table in one batch, retries and halving included; beyond it the table is held. */
export const BATCH_DEADLINE = Duration.seconds(120)

/**
 * From one full window to the next claim, unless a whole claim waits. A batch costs the worker, Redis
 * and PostgreSQL some milliseconds of processor time however small it is: without this pause all of them
 * together spend a third more on a write under load.
 */
export const PACE = Duration.millis(25)

/** What is in flight at SIGTERM has this long to end; then it goes back to the queue. Within the 10 s. */
export const DRAIN_DEADLINE = Duration.seconds(6)

/** A batch that could not be given back to Redis in this time goes back when its lease ends. */
export const RELEASE_DEADLINE = Duration.seconds(2)

/** A stop that takes longer hangs: what is in flight ends, or goes back, within the ten seconds that are promised. */
export const STOP_DEADLINE = Duration.sum(
  Duration.sum(DRAIN_DEADLINE, RELEASE_DEADLINE),
  Duration.millis(1_500),
)

/**
 * A write that ended so many workers is buried, lest it end all of them. From three on it was alone, so
 * that no neighbour is blamed for it.
 */
export const LOST_LEASES_MAX = 6

/** How many expired leases one heartbeat names; the next one names the rest. */
export const RECOVER_MAX = 10
