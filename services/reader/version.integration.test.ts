/** Reads of what was written, from PostgreSQL: while it is written, locked, frozen. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { CONTRACT } from "../../shared/contract.ts"
import { DEFAULT_TABLE, makeItem } from "../../shared/item.ts"
import { write } from "../../shared/table/statement.ts"
import { itemOf } from "../../shared/testing/write.ts"
import { deletionOf } from "../../shared/write.ts"
import { asking } from "../testing/app.ts"
import { usePostgres } from "../testing/postgres.ts"
import { makeApp } from "./app.ts"
import { openReads } from "./database.ts"
import type { Read } from "./group.ts"
import { makeReach } from "./version.ts"

const MANY = 1_000

/** A wait that ends with a read that is as late as a read may be. */
const WAIT_SECONDS = 1
const WAIT_LIMIT_MILLIS = WAIT_SECONDS * 1_000 + 3_000

const postgres = usePostgres({ own: true })
let reads: ReturnType<typeof openReads>
let looks = 0
let send: ReturnType<typeof asking>

beforeAll(() => {
  reads = openReads(postgres().url)
  const counted: Read = (table, keys) => {
    looks += 1
    return reads.read(table, keys)
  }
  const { reach } = makeReach(counted)
  send = asking(makeApp({ ...reads, reach, report: () => {} }), CONTRACT.reader)
})
afterAll(() => reads?.close())

let version = 0

/** Writes the next version of a key, or its deletion; resolves when PostgreSQL has it. */
const store = async (key: string, isDeletion = false) => {
  version += 1
  const deletion = deletionOf(DEFAULT_TABLE, key)
  const item =
    isDeletion && deletion ? makeItem(version, deletion) : itemOf(version, key, `${version}`)
  await postgres().run((sql) => write(sql, DEFAULT_TABLE, [item]))
}

const read = (key: string, from: number, wait = 0) =>
  send(`/read/${key}?min_version=${from}`, { headers: { prefer: `wait=${wait}` } })

const later = (millis: number) => new Promise((resume) => setTimeout(resume, millis))

describe("a read from some version on", () => {
  test("never shows an older row, while a writer goes on", async () => {
    const keys = ["a", "b", "c", "d", "e"]
    /** Of each key the version that is being written, and which of them are deletions. */
    const latest = new Map(keys.map((key) => [key, 0]))
    const deletions = new Map<string, Set<number>>(keys.map((key) => [key, new Set()]))
    let isOver = false
    const writing = (async () => {
      for (let round = 0; round < 400; round++) {
        const key = keys[round % keys.length] ?? ""
        const isDeletion = round % 7 === 3
        latest.set(key, version + 1)
        if (isDeletion) deletions.get(key)?.add(version + 1)
        await store(key, isDeletion)
      }
      isOver = true
    })()
    const statuses = new Map<number, number>()
    const readUntilOver = async (key: string, wait: number) => {
      while (!isOver) {
        const from = latest.get(key) ?? 0
        const { status, body } = await read(key, from, wait)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status === 200) expect(body.version).toBeGreaterThanOrEqual(from)
        else if (status === 412) expect(body.version ?? 0).toBeLessThan(from)
        else {
          expect(status).toBe(404)
          const isDeleted = [...(deletions.get(key) ?? [])].some((deleted) => deleted >= from)
          expect(isDeleted || from === 0).toBe(true)
        }
        if (wait > 0) expect(status).not.toBe(412)
      }
    }
    await Promise.all([
      writing,
      ...keys.flatMap((key) => [readUntilOver(key, 0), readUntilOver(key, 20)]),
    ])
    expect([...statuses.keys()].toSorted()).toEqual([200, 404, 412])
  })

  test("that a thousand clients wait for costs a query a tick, whatever their number", async () => {
    const from = version + 1
    const waiting = Array.from({ length: MANY }, (_, index) => read(`many ${index}`, from, 20))
    await later(200)
    looks = 0
    const begun = performance.now()
    await later(1_000)
    expect(looks).toBeLessThan((performance.now() - begun) / 4)
    const items = Array.from({ length: MANY }, (_, index) => itemOf(from, `many ${index}`))
    await postgres().run((sql) => write(sql, DEFAULT_TABLE, items))
    version = from
    for (const { status, body } of await Promise.all(waiting)) {
      expect([status, body.version]).toEqual([200, from])
    }
  })

  test("is answered after a table was locked for longer than a query may take", async () => {
    const unlock = await postgres().lock()
    const waiting = read("locked", version + 1, 20)
    await later(1_500)
    await unlock()
    await store("locked")
    const { status, headers } = await waiting
    expect([status, headers.get("preference-applied")]).toEqual([200, "wait"])
  })

  test("of a frozen server is 503 a read later than it waits, and goes on where it waits for longer", async () => {
    const { millis, short, long } = await postgres().frozen(async () => {
      const begun = performance.now()
      const long = Array.from({ length: 30 }, () => read("thawed", version + 1, 20))
      const short = await Promise.all(long.map(() => read("a", version + 1, WAIT_SECONDS)))
      return { millis: performance.now() - begun, short, long: { answers: Promise.all(long) } }
    })
    expect(new Set(short.map(({ status }) => status))).toEqual(new Set([503]))
    expect(millis).toBeLessThan(WAIT_LIMIT_MILLIS)
    await store("thawed")
    const found = await long.answers
    expect(new Set(found.map(({ status }) => status))).toEqual(new Set([200]))
  })
})
