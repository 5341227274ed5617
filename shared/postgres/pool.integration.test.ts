import { describe, expect, onTestFinished, test } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { startProxy } from "../../services/testing/proxy.ts"
import { type Database, type OpenDatabaseOptions, openDatabase, type Sql } from "./postgres.ts"

const server = usePostgres()

const open = (options: Partial<OpenDatabaseOptions> = {}, url = server().url) => {
  const all = { name: "test", maxConnections: 3, deadlineMillis: 10_000, ...options }
  const database = openDatabase(url, all)
  onTestFinished(() => database.close())
  return database
}

const pid = async (sql: Sql): Promise<number> => {
  const [row] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`
  return row.pid
}

/** Which driver a query was given, and how many queries on it overlapped with this one at most. */
const makeBusy = () => {
  const running = new Map<Sql, number>()
  const most = new Map<Sql, number>()
  const query = async (sql: Sql) => {
    const count = (running.get(sql) ?? 0) + 1
    running.set(sql, count)
    most.set(sql, Math.max(most.get(sql) ?? 0, count))
    await sql`select pg_sleep(0.02)`
    running.set(sql, (running.get(sql) ?? 0) - 1)
  }
  return { query, most }
}

/** So many connections are opened: each query waits until the others run as well. */
const openAll = async (database: Database, count: number) => {
  const running = new Set<Sql>()
  const all = Promise.withResolvers<void>()
  const query = async (sql: Sql) => {
    running.add(sql)
    if (running.size === count) all.resolve()
    await all.promise
  }
  await Promise.all(Array.from({ length: count }, () => database.run(query)))
}

describe("the connections of a database", () => {
  test("are drivers' pools of one, as many as are needed and no more than allowed", async () => {
    const database = open()
    const { query, most } = makeBusy()
    await database.run(query)
    await database.run(query)
    expect(most.size).toBe(1)
    await Promise.all(Array.from({ length: 12 }, () => database.run(query)))
    expect(most.size).toBe(3)
    for (const sql of most.keys()) expect(sql.options.max).toBe(1)
  })

  test("share what is asked at once: each query goes where the fewest are in flight", async () => {
    const database = open()
    await openAll(database, 3)
    const { query, most } = makeBusy()
    await Promise.all(Array.from({ length: 12 }, () => database.run(query)))
    expect([...most.values()]).toEqual([4, 4, 4])
  })

  test("a query is not sent behind one that waits while another connection is free", async () => {
    const database = open({ maxConnections: 2 })
    const locked = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const waiting = database.run((sql) =>
      sql.begin(async () => {
        locked.resolve()
        await release.promise
      }),
    )
    await locked.promise
    const first = await database.run(pid)
    for (let i = 0; i < 5; i++) expect(await database.run(pid)).toBe(first)
    release.resolve()
    await waiting
  })

  test("are new ones after renew, and what runs on the old ones ends there", async () => {
    const database = open({ maxConnections: 1 })
    const old = await database.run(pid)
    const running = database.run(async (sql) => {
      await sql`select pg_sleep(0.05)`
      return await pid(sql)
    })
    database.renew()
    const next = await database.run(pid)
    expect(next).not.toBe(old)
    expect(await running).toBe(old)
    expect(await database.run(pid)).toBe(next)
  })

  test("one that the server ends is replaced by the next query", async () => {
    const database = open({ maxConnections: 1 })
    const old = await database.run(pid)
    const other = open({ maxConnections: 1 })
    await other.run((sql) => sql`select pg_terminate_backend(${old}, 1000)`)
    const next = await database.run(pid).catch(() => database.run(pid))
    expect(next).not.toBe(old)
  })

  test("a statement that fails costs no connection", async () => {
    const database = open({ maxConnections: 1 })
    const old = await database.run(pid)
    await expect(database.run((sql) => sql`select 1 / 0`)).rejects.toMatchObject({ code: "22012" })
    expect(await database.run(pid)).toBe(old)
  })

  test("a query whose deadline passed before its connection was made is not sent later", async () => {
    const other = open()
    await other.run((sql) => sql`create table sent ()`)
    // The third connection is made after 100 ms, as 20 a second are.
    const database = open({ deadlineMillis: 80 })
    const calls = await Promise.allSettled([
      database.run((sql) => sql`select pg_sleep(1)`),
      database.run((sql) => sql`select pg_sleep(1)`),
      database.run((sql) => sql`insert into sent default values`),
    ])
    expect(calls.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"])
    await expect.poll(() => database.run(pid).catch(() => null)).not.toBeNull()
    expect(await other.run((sql) => sql`select from sent`)).toHaveLength(0)
  })
})

describe("while a new connection cannot be made", () => {
  const serve = async (...[options]: Parameters<typeof open>) => {
    const proxy = await startProxy(server().port)
    onTestFinished(proxy.stop)
    const database = open(options, server().url.replace(`:${server().port}/`, `:${proxy.port}/`))
    return { database, proxy }
  }

  test("because the server is full, all queries are answered on those that are open", async () => {
    const other = open()
    await other.run((sql) =>
      sql.unsafe("create role few login password 'few' connection limit 1").simple(),
    )
    const database = open({}, server().url.replace("postgres:postgres@", "few:few@"))
    const { query, most } = makeBusy()
    await Promise.all(Array.from({ length: 12 }, () => database.run(query)))
    expect(most.size).toBe(1)
  })

  test("because new ones hang, the next query takes the first that is free", async () => {
    const { database, proxy } = await serve({ deadlineMillis: 3_000 })
    const { proxy: silent } = await serve()
    silent.silence()
    const good = await database.run(pid)
    proxy.lead(silent.port)
    const busy = Promise.withResolvers<void>()
    const first = database.run(() => busy.promise)
    const second = database.run(pid)
    await expect.poll(silent.accepted).toBe(1)
    busy.resolve()
    await first
    expect(await second).toBe(good)
  })

  test("a query that waited for a connection, and then ran out of time, does not cost it", async () => {
    const { database, proxy } = await serve({ deadlineMillis: 500 })
    const { proxy: silent } = await serve()
    silent.silence()
    const good = await database.run(pid)
    proxy.lead(silent.port)
    const busy = Promise.withResolvers<void>()
    const late = Promise.withResolvers<void>()
    const first = database.run(() => busy.promise)
    const second = database.run(() => late.promise)
    busy.resolve()
    await first
    await expect(second).rejects.toMatchObject({ name: "DeadlinePassed" })
    late.resolve()
    expect(await database.run(pid)).toBe(good)
  })

  test("because the server is away, one query asks it for all", async () => {
    const { database, proxy } = await serve()
    proxy.closeAtOnce()
    const calls = await Promise.allSettled(Array.from({ length: 5 }, () => database.run(pid)))
    expect(calls.map(({ status }) => status)).toEqual(Array.from(calls, () => "rejected"))
    expect(proxy.accepted()).toBe(1)
  })

  test("a query that is not answered in time costs only connections that were silent", async () => {
    const { database, proxy } = await serve({ deadlineMillis: 500, maxConnections: 2 })
    await openAll(database, 2)
    const held = proxy.trap(/stuck/, "hold")
    let isStuck = true
    const stuck = database
      .run((sql) => sql`select 'stuck'`)
      .finally(() => {
        isStuck = false
      })
    stuck.catch(() => {})
    await held
    const pids = new Set<number>()
    while (isStuck) pids.add(await database.run(pid))
    await expect(stuck).rejects.toMatchObject({ name: "DeadlinePassed" })
    pids.add(await database.run(pid))
    expect(pids.size).toBe(1)
    await openAll(database, 2)
    expect(proxy.accepted()).toBe(3)
  })
})
