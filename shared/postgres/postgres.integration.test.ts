import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { beforeEach, describe, expect, onTestFinished, test } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { startProxy } from "../../services/testing/proxy.ts"
import { DEFAULT_TABLE } from "../item.ts"
import { truncate } from "../table/baseline.ts"
import { selectHighestVersion, selectRows } from "../table/select.ts"
import { write } from "../table/statement.ts"
import { itemOf } from "../testing/write.ts"
import {
  type Database,
  DeadlinePassed,
  openDatabase,
  ping,
  STATEMENT_MARGIN_MILLIS,
} from "./postgres.ts"

const DEADLINE_MILLIS = 1_000
/** How late a call may end on a busy machine, and still not by another limit than its own. */
const LATE_MILLIS = 1_500

const postgres = usePostgres({ own: true })

const ANY = /(?:)/
const IGNORED = [() => {}, () => {}] as const

const open = (url = postgres().url, deadlineMillis = 10_000, maxConnections = 2): Database => {
  const database = openDatabase(url, { name: "test", maxConnections, deadlineMillis })
  onTestFinished(() => database.close())
  return database
}

describe("the table's statements", () => {
  let database: Database
  beforeEach(async () => {
    database = open()
    await database.run((sql) => truncate(sql, DEFAULT_TABLE))
  })

  const store = (version: number, ...keys: ReadonlyArray<string>) => {
    const items = keys.map((key) => itemOf(version, key, `${key}${version}`))
    return database.run((sql) => write(sql, DEFAULT_TABLE, items))
  }
  const read = async (key: string) =>
    (await database.run((sql) => selectRows(sql, DEFAULT_TABLE, [key]))).get(key)?.row
  const highest = () => database.run((sql) => selectHighestVersion(sql, [DEFAULT_TABLE]))

  test("a row tells its key, value, version, and when it was last changed", async () => {
    expect(await store(5, "a", "b")).toBe(2)
    const row = await read("a")
    expect(row).toEqual({ key: "a", value: "a5", version: 5, updated_at: expect.any(String) })
    const changedAt = new Date(String(row?.updated_at))
    expect(changedAt.toISOString()).toBe(row?.updated_at)
    expect(await read("A")).toBeUndefined()
    expect(await highest()).toBe(5)

    expect(await store(4, "a")).toBe(0)
    expect(await read("a")).toEqual(row)
    expect(await store(6, "a")).toBe(1)
    const later = await read("a")
    expect(later).toMatchObject({ value: "a6", version: 6 })
    expect(Date.parse(String(later?.updated_at))).toBeGreaterThanOrEqual(changedAt.getTime())
  })

  test("two batches that share keys wait for each other and both succeed", async () => {
    const keys = Array.from({ length: 200 }, (_, i) => `key ${i}`).sort()
    const versions = Array.from({ length: 20 }, (_, i) => i + 1)
    await Promise.all(versions.map((version) => store(version, ...keys)))
    expect(await highest()).toBe(20)
    expect(await read("key 7")).toMatchObject({ version: 20 })
  })
})

describe("openDatabase", () => {
  test("a session has the settings that bound what the server may do", async () => {
    const rows = await open().run(
      (sql) => sql`
        select name, setting from pg_settings where name in ('application_name', 'lock_timeout',
          'statement_timeout', 'client_connection_check_interval') order by name`,
    )
    expect(rows.map((row) => row.setting)).toEqual(["write-buffer-test", "1000", "3000", "8000"])
  })

  test("a statement that takes too long ends with a SQLSTATE, before the deadline", async () => {
    const database = open(postgres().url, STATEMENT_MARGIN_MILLIS + 300)
    const begin = performance.now()
    await expect(database.run((sql) => sql`select pg_sleep(30)`)).rejects.toMatchObject({
      name: "PostgresError",
      code: "57014",
    })
    expect(performance.now() - begin).toBeLessThan(STATEMENT_MARGIN_MILLIS)
    await database.run(ping)
  })

  test("more calls than connections are all answered", async () => {
    const database = open(postgres().url, 10_000, 1)
    const calls = Array.from({ length: 50 }, (_, i) =>
      database.run((sql) => sql`select ${i}::int as number`),
    )
    expect((await Promise.all(calls)).map(([row]) => row?.number)).toEqual([...calls.keys()])
  })

  test("a closed database fails what is asked of it", async () => {
    const database = openDatabase(postgres().url, {
      name: "test",
      maxConnections: 1,
      deadlineMillis: 5_000,
    })
    await database.run(ping)
    await database.close()
    await expect(database.run(ping)).rejects.toMatchObject({ code: "CONNECTION_ENDED" })
  })
})

/** A server that is none: what it does with a connection is the test's. */
const serve = async (onConnection: (socket: Socket) => void): Promise<string> => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    onConnection(socket)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `postgres://postgres:postgres@127.0.0.1:${(server.address() as AddressInfo).port}/x`
}

describe("a server that does not answer", () => {
  test("frozen: each call ends by its deadline, and the first after the thaw succeeds", async () => {
    const database = open(postgres().url, DEADLINE_MILLIS)
    await Promise.all([database.run(ping), database.run(ping)])
    await postgres().frozen(async () => {
      const begin = performance.now()
      const calls = await Promise.allSettled([database.run(ping), database.run(ping)])
      expect(calls.map(({ status }) => status)).toEqual(["rejected", "rejected"])
      expect(performance.now() - begin).toBeLessThan(DEADLINE_MILLIS + LATE_MILLIS)
      // The connections of the new pool find nobody either.
      await expect(database.run(ping)).rejects.toBeInstanceOf(DeadlinePassed)
    })
    await database.run(ping)
  })

  test("it accepts and says nothing: the call ends by its deadline, and so does the next", async () => {
    const database = open(await serve(() => {}), DEADLINE_MILLIS)
    for (let i = 0; i < 2; i++) {
      const begin = performance.now()
      await expect(database.run(ping)).rejects.toBeInstanceOf(DeadlinePassed)
      expect(performance.now() - begin).toBeLessThan(DEADLINE_MILLIS + LATE_MILLIS)
    }
  })

  test("only one connection is dead: it is replaced, so the next call is answered", async () => {
    let connections = 0
    const url = await serve((socket) => {
      connections += 1
      if (connections === 1) return
      const server = connect(postgres().port, "127.0.0.1").on("error", () => {})
      socket.pipe(server).pipe(socket)
    })
    const database = open(url.replace(/x$/, "write_buffer"), DEADLINE_MILLIS, 1)
    await expect(database.run(ping)).rejects.toBeInstanceOf(DeadlinePassed)
    await database.run(ping)
    expect(connections).toBe(2)
  })

  test("it goes away at each point of a start: the call fails, the next one works, nobody dies", async () => {
    const proxy = await startProxy(postgres().port)
    onTestFinished(proxy.stop)
    const url = postgres().url.replace(`:${postgres().port}/`, `:${proxy.port}/`)
    let cuts = 0
    // Each round lets one request more pass before the connection is reset: start-up, password, query.
    for (let passed = 0; cuts === passed; passed++) {
      const database = open(url, 5_000, 1)
      const cut = (async () => {
        for (let left = passed; left > 0; left--) await proxy.trap(ANY, "pass")
        await proxy.trap(ANY, "cut")
        cuts += 1
      })()
      const call = database.run((sql) => write(sql, DEFAULT_TABLE, [itemOf(passed + 1, "k")]))
      await Promise.race([call.then(...IGNORED), cut])
      await call.then(...IGNORED)
      proxy.heal()
      await database.run(ping).catch(() => database.run(ping))
      await database.close()
    }
    expect(cuts).toBeGreaterThan(3)
  })

  test("it accepts and closes: calls fail at once, and it is asked about 20 times a second", async () => {
    let connections = 0
    const url = await serve((socket) => {
      connections += 1
      socket.destroy()
    })
    const database = open(url, 10_000, 3)
    const begin = performance.now()
    while (performance.now() - begin < 1_000) {
      await expect(Promise.all([database.run(ping), database.run(ping)])).rejects.toThrow()
    }
    expect(connections).toBeGreaterThan(10)
    expect(connections).toBeLessThanOrEqual(25)
  })
})
