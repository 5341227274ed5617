/**
 * The kinds of faults of the storm, in five lanes that run side by side: one fault at a time in each, so
 * that faults meet but do not undo each other. Each ends what it began, within a few seconds.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { HIDE_TABLE, SHOW_TABLE, TABLE } from "../../../shared/testing/table.ts"
import type { Member, Stack } from "../../testing/stack.ts"
import type { Chance } from "./chance.ts"
import { ACKNOWLEDGE, STATEMENT, TAKEOVER_MILLIS } from "./stack.ts"

/** What is held on its way would be lost with the next fault of its connection. */
const ALONE = new Set(["worker late to acknowledge", "worker dead before its statement arrives"])

/** A trap that nobody steps into, because another fault came between. */
const TRAP_LIMIT_MILLIS = 1_500

/** By name; false when it did not come to pass. */
export type Havoc = Readonly<Record<string, () => Promise<unknown>>>

/** Faults run side by side, but for those that need all others to hold still. */
const makeTurn = () => {
  const running = new Set<Promise<unknown>>()
  let last: Promise<unknown> = Promise.resolve()
  return {
    together: async (run: () => Promise<unknown>) => {
      for (let seen: unknown = null; seen !== last; ) {
        seen = last
        await last
      }
      const mine = run()
      running.add(mine)
      return await mine.finally(() => running.delete(mine))
    },
    alone: (run: () => Promise<unknown>) => {
      const mine = last.then(() => Promise.all(running)).then(run)
      last = mine.catch(() => {})
      return mine
    },
  }
}

const inTime = (caught: Promise<void>) =>
  Promise.race([caught.then(() => true), sleep(TRAP_LIMIT_MILLIS, false)])

export const makeHavoc = (stack: Stack, chance: Chance): ReadonlyArray<Havoc> => {
  const { ingest, reader, stats, redis, postgres, workers, members } = stack
  const pause = (least = 100, most = 600) => sleep(chance.between(least, most))
  const worker = () => chance.pick(workers)

  const restart = async (member: Member, signal: "SIGKILL" | "SIGTERM") => {
    await member.end(signal)
    await pause(0, 300)
    await member.start()
  }
  const freeze = async (member: Member, millis: number) => {
    member.signal("SIGSTOP")
    await sleep(millis)
    member.signal("SIGCONT")
  }
  /** Frozen with its acknowledgement on the way: it arrives when another worker has the batch. */
  const acknowledgeLate = async () => {
    const member = worker()
    if (!(await inTime(member.redis.trap(ACKNOWLEDGE, "hold")))) return false
    member.signal("SIGSTOP")
    await sleep(TAKEOVER_MILLIS + 500)
    await inTime(member.redis.deliver())
    member.signal("SIGCONT")
    return true
  }
  /** Dead with its statement on the way: it arrives when another worker has written the same. */
  const deliverLate = async () => {
    const member = worker()
    if (!(await inTime(member.postgres.trap(STATEMENT, "hold")))) return false
    await member.end("SIGKILL")
    await sleep(TAKEOVER_MILLIS + 500)
    await inTime(member.postgres.deliver())
    await member.start()
    return true
  }
  const fault = async (member: Member, store: "redis" | "postgres", begin: () => unknown) => {
    void begin()
    await pause()
    member[store].heal()
  }

  const workerLane: Havoc = {
    "worker killed": () => restart(worker(), "SIGKILL"),
    "worker stopped": () => restart(worker(), "SIGTERM"),
    "worker frozen past its lease": () => freeze(worker(), TAKEOVER_MILLIS),
    "worker late to acknowledge": acknowledgeLate,
    "worker dead before its statement arrives": deliverLate,
  }
  const services: Havoc = {
    "ingest killed": () => restart(ingest, "SIGKILL"),
    "ingest stopped": () => restart(ingest, "SIGTERM"),
    "ingest frozen": () => freeze(ingest, 700),
    "reader killed": () => restart(reader, "SIGKILL"),
    "stats killed": () => restart(stats, "SIGKILL"),
  }
  const memory: Havoc = {
    "Redis killed": async () => {
      await stack.down("redis", "SIGKILL")
      await pause()
      await stack.up("redis")
      await sleep(1_500)
    },
    "Redis frozen": async () => {
      redis.kill("SIGSTOP")
      await pause(500, 2_000)
      redis.kill("SIGCONT")
    },
    "Redis without scripts": () => redis.connection.script("FLUSH").catch(() => {}),
    "Redis full": async () => {
      await redis.connection.config("SET", "maxmemory", "1mb").catch(() => {})
      await pause(200, 500)
      await redis.connection.config("SET", "maxmemory", "0").catch(() => {})
    },
    "Redis rid of its clients": () =>
      redis.connection.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").catch(() => {}),
  }
  const database: Havoc = {
    "PostgreSQL crashed": async () => {
      await stack.down("postgres", "SIGQUIT")
      await pause()
      await stack.up("postgres")
    },
    "PostgreSQL frozen": async () => {
      await postgres.freeze()
      await pause(500, 1_500)
      postgres.thaw()
    },
    "PostgreSQL ends sessions": async () => {
      await stack.terminate()
    },
    "PostgreSQL locked": async () => {
      const unlock = await postgres.lock()
      await pause(500, 1_200)
      await unlock()
    },
    "PostgreSQL without the table": async () => {
      await postgres.sql(HIDE_TABLE)
      await pause()
      await postgres.sql(SHOW_TABLE)
    },
    "PostgreSQL without the permission": async () => {
      await postgres.sql(`revoke insert on ${TABLE} from services`)
      await pause()
      await postgres.sql(`grant insert on ${TABLE} to services`)
    },
  }
  const network: Havoc = {
    "ingest loses replies": () => fault(ingest, "redis", ingest.redis.loseReplies),
    "ingest is cut off": () => fault(ingest, "redis", ingest.redis.cut),
    "worker loses replies of Redis": async () => {
      const member = worker()
      await fault(member, "redis", member.redis.loseReplies)
    },
    "worker loses replies of PostgreSQL": async () => {
      const member = worker()
      await fault(member, "postgres", member.postgres.loseReplies)
    },
    "worker is far from Redis": async () => {
      const member = worker()
      await fault(member, "redis", () => member.redis.delay(chance.between(50, 400)))
    },
    "everybody is cut off": async () => {
      for (const member of members) member.redis.cut()
      for (const member of members) member.postgres.cut()
    },
    "reader meets a server that closes": () =>
      fault(reader, "postgres", reader.postgres.closeAtOnce),
  }
  const turn = makeTurn()
  return [workerLane, services, memory, database, network].map((lane) =>
    Object.fromEntries(
      Object.entries(lane).map(([kind, begin]) => [
        kind,
        () => (ALONE.has(kind) ? turn.alone(begin) : turn.together(begin)),
      ]),
    ),
  )
}
