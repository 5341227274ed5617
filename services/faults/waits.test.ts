/**
 * Clients that wait: for the commit of what they wrote, and for the row that they wrote. What they are told is
 * so from that moment on, whatever dies next, and they are told in time. The oracle looks for each commit.
 */
import { expect, test } from "vitest"
import { TABLE } from "../../shared/testing/table.ts"
import { appendedOf, deletionOf, POISON_SQL, rowOf, type Sent } from "../testing/sent.ts"
import type { Member } from "../testing/stack.ts"
import { until } from "../testing/until.ts"
import { ACKNOWLEDGE, faults, useFaultStack } from "./testing/stack.ts"

/** How much later than it was asked for an answer may be: a store's own deadline, and a busy machine. */
const LATE_MILLIS = 4_000

const SHORT_SECONDS = 1
const LONG_SECONDS = 30
const LONG = { wait: LONG_SECONDS }

/** Lets readers pass, and no statement that writes. */
const LOCK_WRITES = `lock table ${TABLE} in share mode`

const timed = async <A>(call: () => Promise<A>) => {
  const began = performance.now()
  const answer = await call()
  return { answer, millis: performance.now() - began }
}

faults("a client that waits", () => {
  const stack = useFaultStack({ workers: 2 })
  const first = () => stack().workers[0] as Member

  /** Rows, appended rows and deletions, each sent by a client of its own. */
  const waiting = (what: string, wait: number, count = 10): ReadonlyArray<Promise<Sent>> => {
    const { oracle } = stack()
    const name = oracle.name(what)
    return Array.from({ length: count }, (_, index) => `${name}:${index}`).flatMap((key) =>
      [rowOf(key, name), appendedOf(key), deletionOf(`${key} gone`)].map((write) =>
        oracle.send(write, { wait, once: `${write.key} ${write.isAppended}` }),
      ),
    )
  }
  const expectCommitted = async (writes: ReadonlyArray<Promise<Sent>>) => {
    const found = (await Promise.all(writes)).map(({ isCommitted }) => isCommitted)
    expect(found).toEqual(found.map(() => true))
  }
  const withoutSecond = async (during: () => Promise<void>) => {
    await stack().workers[1]?.end("SIGTERM")
    await during()
    await stack().workers[1]?.start()
  }
  const inFlight = () =>
    until("in flight", async () => (await stack().client.stats()).in_flight > 0)

  /** GET of a row at that version or later. */
  const read = async ({ key, version }: Sent, wait: number) => {
    const url = `${stack().urls.reader}/read/${encodeURIComponent(key)}?min_version=${version}`
    const response = await fetch(url, { headers: { prefer: `wait=${wait}` } })
    const body = (await response.json()) as { version?: number; value?: string; type?: string }
    return { status: response.status, ...body }
  }
  /** A row that is there, and a newer one that is accepted while `during` keeps it from PostgreSQL. */
  const older = async (what: string) => {
    const { oracle } = stack()
    const name = oracle.name(what)
    const old = await oracle.send(rowOf(name, "old"), LONG)
    return { old, newer: () => oracle.post(name, "newer") }
  }

  test("for a commit, and its worker is killed before the acknowledgement: told by the next", async () => {
    const { oracle, postgres } = stack()
    await withoutSecond(async () => {
      const acknowledging = first().redis.trap(ACKNOWLEDGE, "cut")
      const write = rowOf(oracle.name("killed"), "v")
      const sending = oracle.send(write, LONG)
      await acknowledging
      await first().end("SIGKILL")
      // In the table, and nobody says so before a worker has acknowledged it.
      const sql = `select 1 from ${TABLE} where key = '${write.key}'`
      expect(await postgres.sql(sql)).toHaveLength(1)
      expect(write.isCommitted).toBe(false)
      await first().start()
      await expectCommitted([sending])
    })
  })

  test("for commits, and workers die again and again: told once they are there", async () => {
    const writes = [...waiting("again", LONG_SECONDS)]
    for (let round = 0; round < 2; round++) {
      await Promise.race(writes)
      await Promise.all(stack().workers.map((worker) => worker.end("SIGKILL")))
      await Promise.all(stack().workers.map((worker) => worker.start()))
      writes.push(...waiting("more", LONG_SECONDS))
    }
    await expectCommitted(writes)
  })

  test.each([
    ["Redis is killed", "redis", "SIGKILL"],
    ["PostgreSQL crashes", "postgres", "SIGQUIT"],
  ] as const)(
    "for commits, and then %s: what was told is there, and told again",
    async (_, store, signal) => {
      const { oracle, postgres, down, up } = stack()
      const writes = waiting(store, LONG_SECONDS)
      await Promise.race(writes)
      await down(store, signal)
      await up(store)
      const told = (await Promise.all(writes)).filter(({ isCommitted }) => isCommitted)
      expect(told.length).toBeGreaterThan(0)
      const sql = `select version from ${TABLE} union all select version from events`
      // It may be starting still.
      const rows = await until("the rows", () =>
        postgres.sql<{ version: string }>(sql).catch(() => undefined),
      )
      const versions = new Set(rows.map(({ version }) => Number(version)))
      expect(told.filter(({ version }) => !versions.has(version))).toEqual([])
      const [write] = told as [Sent]
      const commits = oracle.commits()
      const once = `${write.key} ${write.isAppended}`
      // Refused until ingest is connected again.
      await until("told again", async () => {
        await oracle.send(write, { ...LONG, once })
        return oracle.commits() > commits
      })
    },
  )

  test("for commits while PostgreSQL is away: 202 in time, and 200 for those that wait on", async () => {
    const { oracle, down, up } = stack()
    await down("postgres", "SIGKILL")
    const patient = waiting("patient", LONG_SECONDS)
    const { answer, millis } = await timed(() => Promise.all(waiting("hasty", SHORT_SECONDS)))
    expect(new Set(answer.map(({ outcome }) => outcome))).toEqual(new Set(["ok"]))
    expect(answer.some(({ isCommitted }) => isCommitted)).toBe(false)
    expect(millis).toBeGreaterThanOrEqual(SHORT_SECONDS * 1_000)
    expect(millis).toBeLessThan(SHORT_SECONDS * 1_000 + LATE_MILLIS)
    expect(oracle.broken).toEqual([])
    await up("postgres")
    await expectCommitted(patient)
  })

  test("for commits while Redis is killed and started: 202 in time, and 200 for those that wait on", async () => {
    const { postgres, down, up } = stack()
    const unlock = await postgres.lock(`lock table ${TABLE}, events`)
    const patient = waiting("patient", LONG_SECONDS)
    const hasty = waiting("hasty", SHORT_SECONDS)
    await inFlight()
    const { answer, millis } = await timed(async () => {
      await down("redis", "SIGKILL")
      return await Promise.all(hasty)
    })
    expect(answer.some(({ isCommitted }) => isCommitted)).toBe(false)
    expect(new Set(answer.map(({ outcome }) => outcome))).toEqual(new Set(["ok"]))
    expect(millis).toBeLessThan(SHORT_SECONDS * 1_000 + LATE_MILLIS)
    await up("redis")
    await unlock()
    await expectCommitted(patient)
  })

  test("for commits among which PostgreSQL refuses some: each is told its own", async () => {
    const { oracle, postgres } = stack()
    await postgres.sql(POISON_SQL)
    const name = oracle.name("refused")
    const writes = Array.from({ length: 40 }, (_, index) =>
      rowOf(`${name}:${index}`, name, index % 4 === 1),
    )
    const many = writes.slice(30)
    await Promise.all([
      ...writes.slice(0, 30).map((write) => oracle.send(write, LONG)),
      oracle.sendMany(many, LONG),
    ])
    const found = writes.slice(0, 30).map(({ isCommitted }) => isCommitted)
    expect(found).toEqual(writes.slice(0, 30).map(({ poison }) => !poison))
    expect(many.some(({ isCommitted }) => isCommitted)).toBe(false)
    await stack().client.drained()
    await postgres.sql(`alter table ${TABLE} drop constraint no_poison`)
  })

  test("for its row while PostgreSQL writes nothing: 412 in time with what there is, then the row", async () => {
    const { postgres } = stack()
    const { old, newer } = await older("locked")
    const unlock = await postgres.lock(LOCK_WRITES)
    const write = await newer()
    const { answer, millis } = await timed(() => read(write, SHORT_SECONDS))
    expect(answer).toMatchObject({ status: 412, version: old.version })
    expect(millis).toBeGreaterThanOrEqual(SHORT_SECONDS * 1_000)
    expect(millis).toBeLessThan(SHORT_SECONDS * 1_000 + LATE_MILLIS)
    const reading = read(write, LONG_SECONDS)
    await unlock()
    expect(await reading).toMatchObject({ status: 200, version: write.version, value: write.value })
  })

  test.each([
    ["is down", () => stack().down("postgres", "SIGKILL"), () => stack().up("postgres")],
    ["is frozen", () => stack().postgres.freeze(), async () => stack().postgres.thaw()],
  ])("for its row while PostgreSQL %s: 503 in time, then the row", async (what, begin, end) => {
    const { newer } = await older(what)
    await begin()
    const write = await newer()
    const { answer, millis } = await timed(() =>
      Promise.all(Array.from({ length: 20 }, () => read(write, SHORT_SECONDS))),
    )
    expect(new Set(answer.map(({ status }) => status))).toEqual(new Set([503]))
    expect(millis).toBeLessThan(SHORT_SECONDS * 1_000 + LATE_MILLIS)
    const reading = read(write, LONG_SECONDS)
    await end()
    expect(await reading).toMatchObject({ status: 200, version: write.version, value: write.value })
  })

  test("for its row while workers and readers die: never an older one", async () => {
    const { oracle, reader } = stack()
    const name = oracle.name("read")
    let isDone = false
    const clients = Array.from({ length: 4 }, async (_, client) => {
      const statuses: number[] = []
      for (let round = 0; !isDone; round++) {
        const write = await oracle.post(`${name}:${client}`, `round ${round}`)
        const found = await read(write, 2).catch(() => ({ status: 0, version: 0 }))
        statuses.push(found.status)
        if (found.status === 200) expect(found.version).toBe(write.version)
      }
      return statuses
    })
    for (const member of [first(), reader, first()]) {
      await member.end("SIGKILL")
      await member.start()
    }
    isDone = true
    expect((await Promise.all(clients)).flat()).toContain(200)
  })
})
