/**
 * Any row that ingest accepts comes back as the same JSON: random rows of every kind of column go over HTTP
 * into items of the queue, from there by the worker's statement into real tables, and by the reader's query
 * over HTTP back. What cannot come back the same is refused. The queue between is an array.
 */
import { Result } from "effect"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { CONTRACT } from "../../shared/contract.ts"
import { decodeItem, encodeWrite, type Item } from "../../shared/item.ts"
import type { Column } from "../../shared/table/column.ts"
import { createTable } from "../../shared/table/create.ts"
import { write } from "../../shared/table/statement.ts"
import { keyColumn, type Table } from "../../shared/table/table.ts"
import { makeApp as makeIngest } from "../ingest/app.ts"
import { makeApp as makeReader } from "../reader/app.ts"
import { openReads } from "../reader/database.ts"
import { makeReach } from "../reader/version.ts"
import { asking } from "../testing/app.ts"
import { usePostgres } from "../testing/postgres.ts"
import { KINDS } from "./testing/kinds.ts"
import { canonical, REFUSED, SAME, type Value, valuesOf } from "./testing/values.ts"

vi.mock("../../shared/tables.ts", async (original) => {
  const { TABLES } = await original<typeof import("../../shared/tables.ts")>()
  const { KINDS: kinds } = await import("./testing/kinds.ts")
  return { TABLES: { ...TABLES, ...kinds } }
})

/** The same values in every run; another seed searches elsewhere. */
const SEED = Number(process.env.TABLES_SEED || 17)
const RUNS = 10
const ROWS_EACH = 20
const VALUE_MAX_BYTES = 4_096

const postgres = usePostgres()
let reads: ReturnType<typeof openReads>
let ask: Readonly<Record<"ingest" | "reader", ReturnType<typeof asking>>>

/** What ingest has queued, in its order; the version is in front, as the script puts it. */
const queue: string[] = []
let version = 1_795_327_495_123_456

beforeAll(async () => {
  for (const table of Object.values(KINDS)) await postgres().sql(createTable(table))
  reads = openReads(postgres().url)
  const report = (error: unknown) => {
    throw error
  }
  const ingest = makeIngest({
    put: async (one) => {
      version += 1
      const depth = queue.push(`{"version":${version},${encodeWrite(one).slice(1)}`)
      return { version, depth }
    },
    commits: async () => null,
    probe: async () => ({ status: "healthy", redis: "up" }),
    valueMaxBytes: VALUE_MAX_BYTES,
    report,
  })
  const reader = makeReader({ ...reads, ...makeReach(reads.read), report })
  ask = { ingest: asking(ingest, CONTRACT.ingest), reader: asking(reader, CONTRACT.reader) }
})
afterAll(() => reads?.close())

/** Each as the worker reads it. */
const claimed = () => queue.splice(0).map((text) => Result.getOrThrow(decodeItem(text)))

const store = (table: Table, items: ReadonlyArray<Item>) =>
  postgres().run((sql) => write(sql, table, items))

const post = (table: Table, body: string) =>
  ask.ingest(`/write/${table.name}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  })

type RowValues = Readonly<Record<string, Value>>

/** A row of the table; where it has a key, one that a path can name. */
const rowOf = (table: Table): fc.Arbitrary<RowValues> =>
  fc.record(
    Object.fromEntries(
      Object.entries(table.columns).map(([name, { kind, isNullable }]) => {
        const values = valuesOf(kind, isNullable)
        const isKey = name === keyColumn(table)
        return [name, isKey ? values.filter(({ sent }) => !/^\.{0,2}$/.test(String(sent))) : values]
      }),
    ),
  )

const sentOf = (row: RowValues) =>
  JSON.stringify(Object.fromEntries(Object.entries(row).map(([name, { sent }]) => [name, sent])))

const answeredOf = (row: RowValues) =>
  Object.fromEntries(Object.entries(row).map(([name, { answered }]) => [name, answered]))

interface Answer {
  readonly key: string | null
  readonly version: number
}

/** What stands in a path for a row: its key in the answer to its write, or its version. */
const nameOf = ({ key, version: number }: Answer) => key ?? String(number)

/** What the reader says of a row, beside when it was written. */
const plain = (row: Record<string, unknown>) => {
  const { success: _, updated_at: at, ...columns } = row
  if (at !== undefined) expect(at).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  return canonical(columns)
}

const search = async (table: Table, check: (rows: ReadonlyArray<RowValues>) => Promise<void>) => {
  const key = keyColumn(table)
  const rows = fc.uniqueArray(rowOf(table), {
    ...{ minLength: ROWS_EACH, maxLength: ROWS_EACH },
    selector: (row) => (key === null ? row : String(row[key]?.answered)),
  })
  const property = fc.asyncProperty(rows, check)
  await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true })
}

describe.each(Object.values<Table>(KINDS))("the table $name", (table) => {
  test("gives back every row that it takes, one by one and all at once", async () => {
    await search(table, async (rows) => {
      const answers: Answer[] = []
      for (const row of rows) {
        const { status, body } = await post(table, sentOf(row))
        expect([status, body.table]).toEqual([202, table.name])
        answers.push(body)
      }
      expect(await store(table, claimed())).toBe(rows.length)
      const expected = rows.map((row, index) =>
        canonical({ ...answeredOf(row), version: answers[index]?.version }),
      )
      for (const [index, answer] of answers.entries()) {
        const path = `/read/${table.name}/${encodeURIComponent(nameOf(answer))}`
        expect(plain((await ask.reader(path)).body)).toBe(expected[index])
      }
      const query = new URLSearchParams(answers.map((answer) => ["key", nameOf(answer)]))
      const { body } = await ask.reader(`/read/${table.name}?${query}`)
      expect(body.rows.map(plain)).toEqual(expected)
    })
  })

  test("changes nothing when a row is delivered again", async () => {
    const [row] = fc.sample(rowOf(table), { seed: SEED, numRuns: 1 })
    await post(table, sentOf(row as RowValues))
    const items = claimed()
    expect([await store(table, items), await store(table, items)]).toEqual([1, 0])
  })
})

describe.each(Object.values<Table>(KINDS).filter(({ deletes }) => deletes))(
  "a key of $name",
  (table) => {
    const key = keyColumn(table) ?? ""
    const steps = fc.array(fc.tuple(fc.boolean(), rowOf(table)), { minLength: 1, maxLength: 6 })

    test("has the row of its last write or deletion, however often and in whatever order they come", async () => {
      const property = fc.asyncProperty(
        rowOf(table),
        steps,
        fc.infiniteStream(fc.nat()),
        async (first, others, chance) => {
          const id = first[key] as Value
          const path = `${table.name}/${encodeURIComponent(String(id.sent))}`
          for (const [isDelete, row] of others) {
            const { status } = isDelete
              ? await ask.ingest(`/write/${path}`, { method: "DELETE" })
              : await post(table, sentOf({ ...row, [key]: id }))
            expect(status).toBe(202)
          }
          const last = version
          const items = claimed()
          const deliveries = [...items, ...items]
            .map((item) => ({ item, order: chance.next().value as number }))
            .toSorted((a, b) => a.order - b.order)
          for (const { item } of deliveries) await store(table, [item])
          const { status, body } = await ask.reader(`/read/${path}`)
          const [isDeleted, row] = others.at(-1) as [boolean, RowValues]
          if (isDeleted) expect(status).toBe(404)
          else
            expect(plain(body)).toBe(
              canonical({ ...answeredOf({ ...row, [key]: id }), version: last }),
            )
        },
      )
      await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true })
    })
  },
)

describe("a value", () => {
  const [valid] = fc.sample(rowOf(KINDS.kinds), { seed: SEED, numRuns: 1 })
  const columns = Object.entries<Column>(KINDS.kinds.columns)
  /** The same row with this text of JSON in one of its columns. */
  const bodyWith = (name: string, text: string) => {
    const members = Object.entries(JSON.parse(sentOf(valid as RowValues)))
      .filter(([other]) => other !== name)
      .map(([other, value]) => `${JSON.stringify(other)}:${JSON.stringify(value)}`)
    return `{${[...members, `${JSON.stringify(name)}:${text}`].join(",")}}`
  }

  test.each(columns)("of %s that cannot come back the same is refused", async (name, column) => {
    const refused = [...(REFUSED[column.kind] ?? []), ...(column.isNullable ? [] : ["null"])]
    expect(refused.length).toBeGreaterThan(4)
    for (const text of refused) {
      const { status, body } = await post(KINDS.kinds, bodyWith(name, text))
      const errors = [{ pointer: `/${name}`, detail: expect.any(String) }]
      expect({ text, status, errors: body.errors }).toEqual({ text, status: 422, errors })
    }
    expect(queue).toEqual([])
  })

  test.each(columns)("of %s in another form is the same value", async (name, column) => {
    for (const [sent, same] of SAME[column.kind] ?? []) {
      const { body } = await post(KINDS.kinds, bodyWith(name, sent))
      await store(KINDS.kinds, claimed())
      const read = await ask.reader(`/read/kinds/${body.version}`)
      expect([sent, canonical(read.body[name])]).toEqual([sent, canonical(JSON.parse(same))])
    }
  })

  test("may be as large as the limit, and all of a row no larger", async () => {
    const { json: _, ...others } = JSON.parse(sentOf(valid as RowValues))
    const left = { ...others, text: "", toString: null, Order: null }
    const sizeOf = (length: number) =>
      post(KINDS.kinds, JSON.stringify({ ...left, json: ["x".repeat(length)] }))
    // Brackets and quotes are part of the text of JSON.
    expect((await sizeOf(VALUE_MAX_BYTES - 4)).status).toBe(202)
    expect((await sizeOf(VALUE_MAX_BYTES - 3)).body.errors).toMatchObject([{ pointer: "/json" }])
    const two = { ...left, json: ["x".repeat(VALUE_MAX_BYTES - 4)], text: "é" }
    const { status, body } = await post(KINDS.kinds, JSON.stringify(two))
    expect([status, body.errors]).toMatchObject([422, [{ pointer: "" }]])
    expect(claimed()).toHaveLength(1)
  })
})
