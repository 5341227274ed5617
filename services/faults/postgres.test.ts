/**
 * PostgreSQL's faults (reliability 4.4): while it is away or refuses everybody, writes are held, none is
 * tried in vain or buried, however long it lasts; and all goes on by itself when it is back.
 */
import { expect, test } from "vitest"
import { HIDE_TABLE, onEachRow, SHOW_TABLE, TABLE } from "../../shared/testing/table.ts"
import { POISON_SQL } from "../testing/sent.ts"
import type { Member } from "../testing/stack.ts"
import { until } from "../testing/until.ts"
import { DOWN_SECONDS } from "./testing/settings.ts"
import { faults, STATEMENT, useFaultStack } from "./testing/stack.ts"

/** The hold asks at least every 4 s, times up to 1.2; then a batch, on a busy machine. */
const DRAIN_STARTS_LIMIT_MILLIS = 4_800 + 4_000

/** A reader's own deadline is 2.5 s. */
const READ_LIMIT_MILLIS = 3_500

/** Longer than the lock_timeout of 3 s. */
const LOCKED_SECONDS = 4

faults("PostgreSQL", () => {
  const stack = useFaultStack()
  const worker = () => stack().workers[0] as Member
  const sleep = (seconds: number) => new Promise((resume) => setTimeout(resume, seconds * 1_000))

  const held = (reason: RegExp) =>
    until(`held: ${reason}`, async () => {
      const health = await stack().client.health()
      return reason.test(health.held?.join() ?? "") && health
    })

  /** Breaks it, sees that writes are held for the reason and none is buried, mends it, and waits. */
  const holds = async (
    reason: RegExp,
    breakIt: () => Promise<unknown>,
    mend: () => Promise<unknown>,
  ) => {
    const { oracle, client } = stack()
    const before = await client.stats()
    await breakIt()
    try {
      await oracle.once("held", 20)
      expect((await held(reason)).status).not.toBe("healthy")
      const now = await client.stats()
      expect(now.queue_depth + now.in_flight).toBe(20)
    } finally {
      await mend()
    }
    const after = await client.drained(DRAIN_STARTS_LIMIT_MILLIS)
    expect(after.writes_failed).toBe(before.writes_failed)
    expect(after.redelivered).toBe(before.redelivered)
  }

  test("stopped at once, as by a crash, amid batches: they are written again", async () => {
    const { oracle, down, up } = stack()
    const writing = oracle.once("crash", 300, 4)
    await oracle.once("before", 20)
    await down("postgres", "SIGQUIT")
    await oracle.once("down", 20)
    await up("postgres")
    expect((await writing).map(({ outcome }) => outcome)).not.toContain("refused")
  })

  test("stopped in good order: the depth shows what waits, and nothing is tried", () =>
    holds(
      /./,
      () => stack().down("postgres", "SIGINT"),
      () => stack().up("postgres"),
    ))

  test("down for long: writes go on, reads say 503, and it drains within the backoff's cap", async () => {
    const { oracle, client, down, up } = stack()
    const [read] = await oracle.once("read", 1)
    await client.drained()
    const before = await client.stats()
    await down("postgres", "SIGKILL")
    await oracle.once("down", 200)
    await sleep(DOWN_SECONDS)
    const found = await client.read(read?.key as string)
    expect(found.status).toBe(503)
    expect(await client.stats()).toMatchObject({ queue_depth: 200, in_flight: 0 })
    await up("postgres")
    await client.drained(DRAIN_STARTS_LIMIT_MILLIS)
    const after = await client.stats()
    expect(after.writes_failed).toBe(before.writes_failed)
    expect(after.redelivered).toBe(before.redelivered)
    expect((await client.read(read?.key as string)).status).toBe(200)
  })

  test("frozen: reads end by their deadline, writes are held by theirs, and no wedge is left", async () => {
    const { oracle, postgres, client } = stack()
    const [read] = await oracle.once("read", 1)
    await client.drained()
    await postgres.freeze()
    try {
      await oracle.once("frozen", 20)
      const asked = performance.now()
      expect((await client.read(read?.key as string)).status).toBe(503)
      expect(performance.now() - asked).toBeLessThan(READ_LIMIT_MILLIS)
      expect((await client.health()).code).toBe(503)
      await held(/deadline passed/)
    } finally {
      postgres.thaw()
    }
    await client.drained()
    expect((await client.read(read?.key as string)).status).toBe(200)
  })

  test("its reply after the commit is lost: written again, without effect, and counted once", async () => {
    const { oracle, client } = stack()
    const before = await client.stats()
    const lost = worker().postgres.trap(STATEMENT, "lose")
    const [write] = await oracle.once("lost", 1)
    await lost
    const row = await client.read(write?.key as string)
    worker().postgres.heal()
    const after = await client.drained()
    expect(await client.read(write?.key as string)).toEqual(row)
    expect(after.writes_processed).toBe(before.writes_processed + 1)
  })

  test("a statement is cut off on its way: written again", async () => {
    const { oracle } = stack()
    for (let round = 0; round < 3; round++) {
      const cut = worker().postgres.trap(STATEMENT, "cut")
      await oracle.once("cut", 10)
      await cut
    }
  })

  test("accepts and closes: it is not asked in a hot loop, and writes are held", async () => {
    const { oracle, client, members } = stack()
    await oracle.once("before", 10)
    await client.drained()
    for (const { postgres } of members) postgres.closeAtOnce()
    await oracle.once("closed", 20)
    await held(/./)
    const before = worker().postgres.accepted()
    await sleep(3)
    // The door to PostgreSQL lets 20 a second through; the hold asks ever more rarely.
    expect(worker().postgres.accepted() - before).toBeLessThanOrEqual(3 * 20)
    expect((await client.health()).code).toBe(503)
    for (const { postgres } of members) postgres.heal()
    await client.drained(DRAIN_STARTS_LIMIT_MILLIS)
  })

  test("locked for longer than a statement waits: tried again, and nothing buried", async () => {
    const { oracle, postgres, client } = stack()
    const before = await client.stats()
    const unlock = await postgres.lock()
    await oracle.once("locked", 10)
    await sleep(LOCKED_SECONDS)
    await unlock()
    expect((await client.drained()).writes_failed).toBe(before.writes_failed)
  })

  test("ends sessions five times a second: progress goes on", async () => {
    const { oracle, client } = stack()
    const before = await client.stats()
    const writing = oracle.once("terminated", 200, 2)
    for (let round = 0; round < 15; round++) {
      await stack().terminate()
      await sleep(0.2)
    }
    await writing
    await client.drained(DRAIN_STARTS_LIMIT_MILLIS)
    expect((await client.stats()).writes_failed).toBe(before.writes_failed)
  })

  const run = (statement: string) => () => stack().postgres.sql(statement)

  /** For what only new sessions meet. */
  const runAnew = (statement: string) => async () => {
    await stack().postgres.sql(statement)
    await stack().terminate()
  }

  test("out of connections for the role: held", () =>
    holds(
      /53300/,
      runAnew("alter role services connection limit 0"),
      run("alter role services connection limit -1"),
    ))

  test("its table is renamed: held, and none is buried", () =>
    holds(/42P01/, run(HIDE_TABLE), run(SHOW_TABLE)))

  test("the permission to write is revoked: held, and none is buried", () =>
    holds(
      /42501/,
      run(`revoke insert, update on ${TABLE} from services`),
      run(`grant insert, update on ${TABLE} to services`),
    ))

  test("its trigger misses a function for every row: held, and none is buried", () =>
    holds(
      /42883/,
      run(onEachRow("guard", "perform missing()")),
      run("drop function guard cascade"),
    ))

  test("it only reads: held, and none is buried", () =>
    holds(
      /25006/,
      runAnew("alter role services set default_transaction_read_only = on"),
      runAnew("alter role services reset default_transaction_read_only"),
    ))

  test("the password is changed: held, and none is buried", () => {
    const become = (password: string) => runAnew(`alter role services password '${password}'`)
    return holds(/28P01/, become("another"), become(stack().password))
  })

  test("a row is rejected amid others: it alone is buried, and no log quotes it", async () => {
    const { oracle, postgres, client } = stack()
    const before = await client.stats()
    await postgres.sql(POISON_SQL)
    const name = oracle.name("poison")
    await Promise.all([
      oracle.once("neighbours", 40),
      ...Array.from({ length: 5 }, (_, index) => oracle.post(`${name}:${index}`, "bad", true)),
    ])
    const after = await client.drained()
    await postgres.sql(`alter table ${TABLE} drop constraint no_poison`)
    expect(after.writes_failed).toBe(before.writes_failed + 5)
  })
})
