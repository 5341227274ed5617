import { expect, test } from "vitest"
import type { Sql } from "../postgres/postgres.ts"
import { TABLES } from "../tables.ts"
import type { Finding } from "./check.ts"
import { linesOf, requireFit, TableUnfit } from "./unfit.ts"

const finding = (number: number): Finding => ({
  sentence: `it lacks ${number}`,
  sql: `add\n  ${number}`,
})
const findings = (count: number) => Array.from({ length: count }, (_, index) => finding(index))

test("each finding is one line, with its SQL where there is any; beyond five they are counted", () => {
  expect(linesOf(TABLES.events, [finding(1), { sentence: "it is a view", sql: "" }])).toEqual([
    "it lacks 1: add 1",
    "it is a view",
  ])
  expect(linesOf(TABLES.events, findings(5))).toHaveLength(5)
  expect(linesOf(TABLES.events, findings(7)).slice(4)).toEqual([
    "it lacks 4: add 4",
    "and 2 more: npm run table -- events --sql",
  ])
})

const answering = (answer: Promise<unknown>) => (() => answer) as unknown as Sql
const failing = (error: object) => answering(Promise.reject(Object.assign(new Error(), error)))

test("a table that lacks something is an error with the lines", async () => {
  const none = answering(
    Promise.resolve([{ found: JSON.stringify({ kind: null, forbidden: null, elsewhere: null }) }]),
  )
  const error = await requireFit(none, TABLES.events).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(TableUnfit)
  expect((error as TableUnfit).message).toMatch(
    /^the table is missing .*: create table "events" \(/,
  )
})

test("a catalog that cannot be asked finds nothing, and a server that does not answer is an error", async () => {
  expect(await requireFit(failing({ severity: "ERROR", code: "42883" }), TABLES.events)).toBe(false)
  await expect(requireFit(failing({ code: "ECONNREFUSED" }), TABLES.events)).rejects.toMatchObject({
    code: "ECONNREFUSED",
  })
})
