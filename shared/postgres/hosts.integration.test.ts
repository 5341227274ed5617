import { describe, expect, onTestFinished, test } from "vitest"
import { freePort } from "../../scripts/servers/port.ts"
import { startProxy } from "../../services/testing/proxy.ts"
import { execute, useStandby } from "../../services/testing/standby.ts"
import { DEFAULT_TABLE } from "../item.ts"
import { write as writeRecords } from "../table/statement.ts"
import { itemOf } from "../testing/write.ts"
import { type OpenDatabaseOptions, openDatabase, ping, type Sql } from "./postgres.ts"

const servers = useStandby()

const DATABASE = "write_buffer"
const urlOf = (hosts: ReadonlyArray<string | number>, query = "") => {
  const all = hosts.map((host) => (typeof host === "number" ? `127.0.0.1:${host}` : host))
  return `postgres://postgres:postgres@${all.join(",")}/${DATABASE}?${query}`
}
const primary = () => servers.primary().port
const standby = () => servers.standby().port

const open = (url: string, options: Partial<OpenDatabaseOptions> = {}) => {
  const all = { name: "test", maxConnections: 2, deadlineMillis: 10_000, ...options }
  const database = openDatabase(url, all)
  onTestFinished(() => database.close())
  return database
}

const port = async (sql: Sql): Promise<number> => {
  const [row] = await sql<[{ port: number }]>`select inet_server_port() as port`
  return row.port
}

const write = (sql: Sql) => writeRecords(sql, DEFAULT_TABLE, [itemOf(1, "k")])

describe("several hosts", () => {
  test("are tried in turn: one where nobody listens, one that is no name, one that answers", async () => {
    const nobody = await freePort()
    const database = open(urlOf([nobody, "no-such-host.invalid", standby()]))
    expect(await database.run(port)).toBe(standby())
  })

  test("the last that was good is the first to be asked again", async () => {
    const dead = await startProxy(primary())
    onTestFinished(dead.stop)
    dead.closeAtOnce()
    const database = open(urlOf([dead.port, primary()]))
    await database.run(ping)
    expect(dead.accepted()).toBe(1)
    for (let i = 0; i < 3; i++) {
      database.renew()
      await database.run(ping)
    }
    expect(dead.accepted()).toBe(1)
  })

  test("one that is frozen costs one deadline", async () => {
    const silent = await startProxy(primary())
    onTestFinished(silent.stop)
    silent.silence()
    const database = open(urlOf([silent.port, primary()]), { deadlineMillis: 500 })
    await expect(database.run(ping)).rejects.toMatchObject({ name: "DeadlinePassed" })
    expect(await database.run(port)).toBe(primary())
  })

  test("one that is frozen is passed over for any role that is asked for", async () => {
    const silent = await startProxy(standby())
    onTestFinished(silent.stop)
    silent.silence()
    const url = urlOf([primary(), silent.port], "target_session_attrs=prefer-standby")
    const database = open(url, { deadlineMillis: 500 })
    await expect(database.run(ping)).rejects.toMatchObject({ name: "DeadlinePassed" })
    expect(await database.run(port)).toBe(primary())
  })

  test("answer again soon after an outage, however many queries it has failed", async () => {
    const gate = await startProxy(primary())
    onTestFinished(gate.stop)
    gate.refuse()
    const url = urlOf([await freePort(), gate.port], "target_session_attrs=prefer-standby")
    const database = open(url, { maxConnections: 10, deadlineMillis: 500 })
    for (let i = 0; i < 4; i++) {
      await Promise.allSettled(Array.from({ length: 20 }, () => database.run(ping)))
    }
    await gate.accept()
    await expect.poll(() => database.run(port).catch(() => null)).toBe(primary())
  })

  test("a failure of all of them says what one that answers said", async () => {
    const nobody = await freePort()
    const away = open(urlOf([nobody, nobody]))
    await expect(away.run(ping)).rejects.toMatchObject({ code: "ECONNREFUSED" })
    const wrong = open(urlOf([nobody, primary(), standby()]).replace(DATABASE, "none"))
    await expect(wrong.run(ping)).rejects.toMatchObject({ code: "3D000" })
    const standbys = open(urlOf([nobody, standby()], "target_session_attrs=primary"))
    await expect(standbys.run(ping)).rejects.toMatchObject({ code: "NO_PRIMARY" })
  })
})

describe("the role of a server", () => {
  test.each([
    ["", "standby"],
    ["target_session_attrs=any", "standby"],
    ["target_session_attrs=primary", "primary"],
    ["target_session_attrs=read-write", "primary"],
    ["target_session_attrs=standby", "standby"],
    ["target_session_attrs=read-only", "standby"],
    ["target_session_attrs=prefer-standby", "standby"],
  ])("with a standby before a primary, ?%s reads from the %s", async (query, which) => {
    const wanted = which === "primary" ? primary() : standby()
    expect(await open(urlOf([standby(), primary()], query)).run(port)).toBe(wanted)
    expect(await open(urlOf([primary(), standby()], query)).run(port)).toBe(
      query === "" || query.endsWith("any") ? primary() : wanted,
    )
  })

  test("prefer-standby takes a primary when there is nothing else", async () => {
    const url = urlOf([primary()], "target_session_attrs=prefer-standby")
    expect(await open(url).run(port)).toBe(primary())
  })

  test.each(["", "target_session_attrs=prefer-standby", "target_session_attrs=any"])(
    "?%s or not, whoever writes passes a standby over",
    async (query) => {
      const database = open(urlOf([standby(), primary()], query), { writes: true })
      expect(await database.run(port)).toBe(primary())
      await database.run(write)
    },
  )

  test("read-write passes a primary over whose sessions only read", async () => {
    await execute(
      servers.primary().url,
      "create role looker login password 'postgres'",
      "alter role looker set default_transaction_read_only = on",
    )
    const url = urlOf([primary()], "target_session_attrs=read-write")
    const database = open(url.replace("postgres:postgres@", "looker:postgres@"))
    await expect(database.run(ping)).rejects.toMatchObject({ code: "NO_READ_WRITE" })
  })
})

describe("a switch-over that leaves old sessions on the old server", () => {
  test("whoever writes goes on with the next query after 25006", async () => {
    const proxy = await startProxy(standby())
    onTestFinished(proxy.stop)
    const database = open(urlOf([proxy.port]), { writes: true })
    await expect(database.run(write)).rejects.toMatchObject({ code: "25006" })
    await expect(database.run(write)).rejects.toMatchObject({ code: "25006" })
    await database.run(ping)
    proxy.lead(primary())
    // The session that is there answers what it can.
    await expect(database.run(write)).rejects.toMatchObject({ code: "25006" })
    await database.run(write)
  })

  test("what is being made at a renew is made anew", async () => {
    const proxy = await startProxy(standby())
    onTestFinished(proxy.stop)
    const database = open(urlOf([proxy.port]), { deadlineMillis: 5_000 })
    const held = proxy.trap(/write_buffer/, "hold")
    const answer = database.run(port)
    await held
    proxy.lead(primary())
    database.renew()
    expect(await answer).toBe(primary())
  })

  test("whoever reads leaves a server that tells it that it only reads from now on", async () => {
    const proxy = await startProxy(primary())
    onTestFinished(proxy.stop)
    const database = open(urlOf([proxy.port]), { maxConnections: 1 })
    expect(await database.run(port)).toBe(primary())
    const readOnly = (value: string) => [
      "set default_transaction_read_only = off",
      `alter system set default_transaction_read_only = ${value}`,
      "select pg_reload_conf()",
    ]
    await execute(servers.primary().url, ...readOnly("on"))
    proxy.lead(standby())
    await expect.poll(() => database.run(port)).toBe(standby())
    await execute(servers.primary().url, ...readOnly("default"))
  })
})
