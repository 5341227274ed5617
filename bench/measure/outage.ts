/**
 * Failure recovery: PostgreSQL is away for five seconds in the middle of a steady load on `sync` and
 * `async` at once, so that both meet the same outage. Steady, because a client that waits for an answer
 * before it sends again would send next to nothing while the database is away.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { drained, look } from "../backlog.ts"
import type { Contender } from "../contender.ts"
import type { Ledger } from "../ledger.ts"
import { residentBytes } from "../meter.ts"
import { runOpen } from "../open-loop.ts"
import type { Options } from "../options.ts"
import { type OutageRound, type OutageSample, type OutageSide, rounded } from "../result.ts"
import { clearRows, demandAccepted } from "../rows.ts"
import type { Context, Stage } from "../stage.ts"
import { measureRounds } from "./rounds.ts"

/** Requests per second on each of the two. */
const RATE = 400

const BEFORE_SECONDS = 2
const DOWN_SECONDS = 5
const AFTER_SECONDS = 4
const SAMPLE_SECONDS = 0.25

/** A database that is held is asked at least every 6 s; then the queue drains. */
const DRAIN_LIMIT_MILLIS = 60_000
const START_SECONDS = 3
const LOAD_SECONDS = BEFORE_SECONDS + DOWN_SECONDS + AFTER_SECONDS
const REQUESTS = RATE * LOAD_SECONDS
const ROUND_SECONDS = LOAD_SECONDS + 2

export const outageSeconds = ({ rounds, quick }: Options): number =>
  START_SECONDS + outageRounds({ rounds, quick }) * ROUND_SECONDS

/** Each takes a quarter of what the quick run may. */
const outageRounds = ({ rounds, quick }: Pick<Options, "rounds" | "quick">) => (quick ? 1 : rounds)

type Answers = { accepted: number; failed: number }

/** Counts answers as they come, and says once in a while how many there were since the last time. */
class Tally {
  private now: Answers = { accepted: 0, failed: 0 }
  readonly count = (isAccepted: boolean): void => {
    if (isAccepted) this.now.accepted += 1
    else this.now.failed += 1
  }
  take(): Answers {
    const taken = this.now
    this.now = { accepted: 0, failed: 0 }
    return taken
  }
}

interface Watch {
  readonly samples: OutageSample[]
  most: number | null
  caughtUpAt: number | null
}

/** Looks four times a second until `ended`, and notes when what `upAt` found waiting is gone. */
const watch = async (
  stage: Stage,
  { queue, worker }: Contender,
  tallies: { readonly sync: Tally; readonly async: Tally },
  up: { at: number | null },
  ended: AbortSignal,
): Promise<Watch> => {
  const seen: Watch = { samples: [], most: null, caughtUpAt: null }
  const begin = performance.now()
  for (let tick = 1; !ended.aborted || seen.caughtUpAt === null; tick++) {
    await sleep(Math.max(1, tick * SAMPLE_SECONDS * 1_000 - (performance.now() - begin)))
    const { writes, oldestAt } = await look(stage.queue, queue ?? "")
    const bytes = await residentBytes(worker)
    seen.most = bytes === null ? null : Math.max(bytes, seen.most ?? 0)
    if (up.at !== null && (oldestAt === null || oldestAt > up.at)) seen.caughtUpAt ??= Date.now()
    const at = rounded((performance.now() - begin) / 1_000, 2)
    const sample = { sync: tallies.sync.take(), async: tallies.async.take() }
    seen.samples.push({ at, ...sample, depth: writes })
  }
  return seen
}

const side = async (stage: Stage, ledger: Ledger, who: string): Promise<OutageSide> => ({
  due: REQUESTS,
  accepted: ledger.accepted,
  failed: ledger.refused,
  missing: await demandAccepted(stage.database, stage.marked, ledger, who),
})

const measureOne = async (
  stage: Stage,
  sync: Contender,
  async_: Contender,
  round: number,
): Promise<OutageRound> => {
  const { outage } = stage.postgres
  await clearRows(stage.database, stage.marked)
  const before = await residentBytes(async_.worker)
  const tallies = { sync: new Tally(), async: new Tally() }
  const up = { at: null as number | null }
  const ended = new AbortController()
  const begin = performance.now()
  const load = (contender: Contender, tally: Tally) =>
    runOpen({
      ...{ contender, marked: stage.marked, rate: RATE, requests: REQUESTS },
      label: stage.newLabel(),
      onAnswer: tally.count,
    })
  const loads = Promise.all([load(sync, tallies.sync), load(async_, tallies.async)])
  const watching = watch(stage, async_, tallies, up, ended.signal)
  const since = () => rounded((performance.now() - begin) / 1_000, 2)

  await sleep(BEFORE_SECONDS * 1_000)
  const downAt = since()
  await outage.begin()
  await sleep((downAt + DOWN_SECONDS - since()) * 1_000)
  await outage.end()
  up.at = Date.now()
  const upAt = since()

  const [syncLoaded, asyncLoaded] = await loads
  ended.abort()
  const { samples, most, caughtUpAt } = await watching
  await drained(stage.queue, async_.queue ?? "", DRAIN_LIMIT_MILLIS)
  return {
    round,
    how: outage.how,
    downAt,
    upAt,
    sync: await side(stage, syncLoaded.ledger, "sync in an outage"),
    async: await side(stage, asyncLoaded.ledger, "async in an outage"),
    caughtUpSeconds: rounded(((caughtUpAt ?? up.at) - up.at) / 1_000),
    workerBytes: { before, most },
    deepest: Math.max(...samples.map(({ depth }) => depth)),
    samples,
  }
}

export const measureOutage = async (context: Context): Promise<void> => {
  const { stage, results, progress } = context
  progress.step("start sync and async", START_SECONDS)
  const sync = await stage.start("sync", "outage")
  const async_ = await stage.start("async", "outage")
  const measure = async (round: number) =>
    void results.outage.push(await measureOne(stage, sync, async_, round))
  const title = `PostgreSQL away for ${DOWN_SECONDS} s`
  const lanes = [{ title, seconds: ROUND_SECONDS, measure }]
  await measureRounds(context, outageRounds(stage.options), lanes)
  await sync.stop()
  await async_.stop()
}
