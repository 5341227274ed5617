import { afterAll, beforeAll, expect, test } from "vitest"
import { usePostgres } from "../testing/postgres.ts"
import { makeApp } from "./app.ts"
import { openReads } from "./database.ts"
import { makeReach } from "./version.ts"

const postgres = usePostgres()
let reads: ReturnType<typeof openReads>
beforeAll(() => {
  reads = openReads(postgres().url)
})
afterAll(() => reads?.close())

const health = async () => {
  const response = await makeApp({ ...reads, ...makeReach(reads.read), report: () => {} }).request(
    "/health",
  )
  return { status: response.status, body: await response.json() }
}

test("a table that cannot be read degrades the health, and names what mends it", async () => {
  expect(await health()).toEqual({ status: 200, body: { status: "healthy", postgres: "up" } })
  await postgres().sql("alter table events drop column payload")
  expect(await health()).toEqual({
    status: 200,
    body: {
      ...{ status: "degraded", postgres: "up" },
      reason:
        "events: the column payload is missing (SQLSTATE 42703): " +
        'alter table "events" add column "payload" jsonb',
    },
  })
  await postgres().sql("alter table events add column payload jsonb")
  // That it holds less than what is declared is a worker's concern.
  await postgres().sql(
    "alter table events alter column type type varchar(3), drop constraint events_pkey",
  )
  expect(await health()).toMatchObject({ status: 200, body: { status: "healthy" } })
})

test("without the table of the reads it is down, and says of what", async () => {
  await postgres().sql("alter table key_values rename column value to other")
  expect(await health()).toEqual({
    status: 503,
    body: {
      ...{ status: "unhealthy", postgres: "down" },
      reason:
        "A column of the table is missing: run npm run migrate (SQLSTATE 42703)\n" +
        "key_values: the column value is missing (SQLSTATE 42703): " +
        'alter table "key_values" add column "value" text',
    },
  })
  await postgres().sql("alter table key_values rename column other to value")
  expect(await health()).toMatchObject({ status: 200 })
})
