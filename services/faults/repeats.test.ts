/**
 * Clients that repeat what got no answer under an idempotency key, and that send many writes in one call:
 * whatever dies meanwhile, one key is one write, and an answer names exactly what is queued. The oracle counts
 * the rows.
 */
import { expect, test } from "vitest"
import { appendedOf, deletionOf, rowOf, type Sent } from "../testing/sent.ts"
import type { Member } from "../testing/stack.ts"
import { until } from "../testing/until.ts"
import { faults, STATEMENT, useFaultStack } from "./testing/stack.ts"

const ENQUEUE = /write_queue/

/** Of `POST /writes`: so many go in one call of the script. */
const PART = 1_000

/** More than two parts, and more than fits with the rows that wait. */
const DEPTH = 2_600

/** Of each client that writes under load, however soon what happens has happened. */
const ROUNDS_MIN = 3

faults("a client that repeats under its key", () => {
  const stack = useFaultStack({ workers: 2, env: { QUEUE_MAX_DEPTH: String(DEPTH) } })
  const first = () => stack().workers[0] as Member

  /** Both kinds of rows. */
  const both = (name: string): ReadonlyArray<Sent> => [rowOf(name, name), appendedOf(name)]

  /** Clients that write all the time, each write until it is accepted, while something happens. */
  const underLoad = async (what: () => Promise<unknown>) => {
    const { oracle } = stack()
    let isDone = false
    const clients = Array.from({ length: 6 }, async (_, client) => {
      const name = oracle.name("repeated")
      const writes: Sent[] = []
      for (let round = 0; !isDone || round < ROUNDS_MIN; round++) {
        for (const [index, write] of both(`${name}:${round}`).entries()) {
          writes.push(await oracle.repeat(write, `${write.key} ${index}`))
          // As one whose answer was lost on its way back.
          if (client === 0) await oracle.send(write, { once: `${write.key} ${index}` })
        }
      }
      return writes
    })
    await what().finally(() => {
      isDone = true
    })
    return (await Promise.all(clients)).flat()
  }

  const losses: Record<string, () => Promise<unknown>> = {
    "ingest is killed": async () => {
      for (let round = 0; round < 2; round++) {
        await stack().ingest.end("SIGKILL")
        await stack().ingest.start()
      }
    },
    "ingest loses replies of Redis": async () => {
      for (let round = 0; round < 3; round++) {
        await stack().ingest.redis.loseReplies()
        stack().ingest.redis.heal()
      }
    },
    "workers are killed": async () => {
      await Promise.all(stack().workers.map((worker) => worker.end("SIGKILL")))
      await Promise.all(stack().workers.map((worker) => worker.start()))
    },
    "Redis is killed": async () => {
      await stack().down("redis", "SIGKILL")
      await stack().up("redis")
      await stack().oracle.repeat(...again("after Redis"))
    },
    "PostgreSQL crashes": async () => {
      await stack().down("postgres", "SIGQUIT")
      await stack().up("postgres")
    },
  }
  const again = (what: string) => {
    const name = stack().oracle.name(what)
    return [rowOf(name, name), name] as const
  }

  test.each(Object.keys(losses))("while %s: each key is one write", async (kind) => {
    const { oracle } = stack()
    const replays = oracle.replays()
    const writes = await underLoad(losses[kind] as () => Promise<unknown>)
    expect(writes.length).toBeGreaterThan(20)
    expect(new Set(writes.map(({ outcome }) => outcome))).toEqual(new Set(["ok"]))
    expect(oracle.replays()).toBeGreaterThan(replays)
  })

  test("after its reply was lost, and ingest and Redis were killed: it is told the first version", async () => {
    const { oracle, ingest, client, down, up } = stack()
    const name = oracle.name("remembered")
    const before = (await client.stats()).writes_queued
    const writes = both(name)
    for (const [index, write] of writes.entries()) {
      const lost = ingest.redis.trap(ENQUEUE, "lose")
      const sending = oracle.send(write, { once: `${name} ${index}` })
      await lost
      ingest.redis.cut()
      expect((await sending).outcome).toBe("unknown")
      await until("connected", async () => (await fetch(`${ingest.url}/health`)).ok)
    }
    await ingest.end("SIGKILL")
    await down("redis", "SIGKILL")
    await up("redis")
    await ingest.start()
    const replays = oracle.replays()
    for (const [index, write] of writes.entries()) await oracle.repeat(write, `${name} ${index}`)
    expect(oracle.replays()).toBe(replays + 2)
    expect((await client.drained()).writes_queued).toBe(before + 2)
    expect(await client.visible(writes[0]?.key as string, 1)).toMatchObject({
      version: writes[0]?.version,
    })
  })

  test("at once on many connections while replies are lost: one of them is queued", async () => {
    const { oracle, ingest, client } = stack()
    const name = oracle.name("burst")
    const before = (await client.stats()).writes_queued
    const lost = ingest.redis.trap(ENQUEUE, "lose")
    const write = appendedOf(name)
    const sending = Array.from({ length: 30 }, () => oracle.repeat(write, name))
    await lost
    ingest.redis.cut()
    await Promise.all(sending)
    expect((await client.drained()).writes_queued).toBe(before + 1)
  })

  test("a deletion: a dead worker's older row does not come back", async () => {
    const { oracle, client } = stack()
    const name = oracle.name("deleted")
    const held = first().postgres.trap(STATEMENT, "hold")
    await stack().workers[1]?.end("SIGTERM")
    const row = await oracle.post(name, "old")
    await held
    await first().end("SIGKILL")
    await stack().workers[1]?.start()
    await client.visible(row.key, row.version)
    const deletion = await oracle.repeat(deletionOf(name), name, { wait: 20 })
    expect(deletion.isCommitted).toBe(true)
    await first().postgres.deliver()
    expect((await client.read(row.key)).status).toBe(404)
  })

  /** Nobody takes: what is accepted stays in the list. */
  const paused = async (during: () => Promise<void>) => {
    const { redis, keys } = stack()
    await redis.connection.hset(keys.counters, "paused", 1)
    await during().finally(() => redis.connection.hdel(keys.counters, "paused"))
  }
  const many = (name: string) =>
    Array.from({ length: 2 * PART + 500 }, (_, index) => appendedOf(`${name}:${index};`))

  /** How many of the writes have each outcome, in their order. */
  const runs = (writes: ReadonlyArray<Sent>) => {
    const found: Array<[string, number]> = []
    for (const { outcome } of writes) {
      const last = found.at(-1)
      if (last?.[0] === outcome) last[1] += 1
      else found.push([outcome, 1])
    }
    return found
  }
  const waitingTypes = async () => {
    const items = await stack().redis.connection.lrange("write_queue", 0, -1)
    return items.map((item) => JSON.parse(item).row.type as string).reverse()
  }

  test.each([
    ["is lost on its way", "cut", 1],
    ["loses its reply", "lose", 2],
  ] as const)(
    "many writes whose second call %s: named, and once when repeated",
    async (_, what, parts) => {
      const { oracle, ingest } = stack()
      const name = oracle.name("many")
      const writes = many(name)
      await paused(async () => {
        const caught = ingest.redis.trap(new RegExp(`${name}:15\\d\\d;`), what)
        const sending = oracle.sendMany(writes, { once: name })
        await caught
        ingest.redis.cut()
        await sending
        expect(runs(writes)).toEqual([
          ["ok", PART],
          ["unknown", PART + 500],
        ])
        expect(await waitingTypes()).toEqual(writes.slice(0, parts * PART).map(({ key }) => key))
        await oracle.repeatMany(writes, name)
        expect(await waitingTypes()).toEqual(writes.map(({ key }) => key))
        const versions = writes.map(({ version }) => version)
        expect(versions).toEqual(versions.toSorted((one, other) => one - other))
      })
    },
  )

  test("many writes of which the last do not fit: those that do are named, and the others not queued", async () => {
    const { oracle } = stack()
    const name = oracle.name("full")
    const writes = many(name)
    await paused(async () => {
      const filling = Array.from({ length: 800 }, (_, index) => rowOf(`${name}:${index}`, name))
      await oracle.sendMany(filling)
      await oracle.sendMany(writes, { once: name })
      expect(runs(writes)).toEqual([
        ["ok", DEPTH - 800],
        ["refused", writes.length - (DEPTH - 800)],
      ])
      expect((await stack().client.stats()).queue_depth).toBe(DEPTH)
    })
    await oracle.repeatMany(writes, name)
    expect(runs(writes)).toEqual([["ok", writes.length]])
  })
})
