/** A rule that cannot fail is none: each of the layout's is broken here once, and kept once beside it. */
import { expect, test } from "vitest"
import { breaches as look } from "./rules.ts"

const importing = (name: string) => `import { a } from "${name}"\n`

test.each([
  ["shared/log.ts", "../services/ingest/app.ts", "shared imports nothing of ours but shared"],
  ["shared/log.ts", "../scripts/servers/port.ts", "shared imports nothing of ours but shared"],
  ["services/stats/app.ts", "../../scripts/servers/port.ts", "services import shared and nothing"],
  ["services/reader/app.ts", "../ingest/app.ts", "no service imports another"],
  ["services/stats/page/a.js", "../../worker/log.ts", "no service imports another"],
  [
    "scripts/start.ts",
    "../services/ingest/app.ts",
    "scripts import shared and nothing else of ours",
  ],
  ["services/worker/queue.ts", "ioredis", "shared/redis alone opens Redis"],
  ["shared/postgres/pool.ts", "postgres", "shared/postgres/connection.ts alone opens PostgreSQL"],
  ["services/ingest/one.ts", "../../shared/tracing/tracer.ts", "what makes traces is loaded by"],
  ["bench/stage.ts", "../services/testing/until.ts", "only tests import what is made for tests"],
  ["services/worker/app.ts", "./testing/worker-memory.ts", "only tests import what is made for"],
  ["bench/main.ts", "./ledger.test.ts", "only tests import what is made for tests"],
  ["scripts/servers/port.test.ts", "../../bench/load.ts", "only bench imports bench"],
  [
    "services/together/flow.suite.ts",
    "./ingest/main.ts",
    "main.ts wires and starts; nobody imports it",
  ],
])("%s may not import %s", (file, name, why) => {
  const [first = "", ...others] = look(file, importing(name))
  expect(first).toMatch(`${file}:1: `)
  expect(first).toMatch(why)
  expect(others).toEqual([])
})

test.each([
  ["shared/log.ts", "./output.ts"],
  ["shared/log.test.ts", "../services/testing/until.ts"],
  ["services/reader/app.ts", "../../shared/log.ts"],
  ["services/stats/operations/list.ts", "../queue.ts"],
  ["services/testing/stack.ts", "../../scripts/servers/service.ts"],
  ["services/faults/oracle.ts", "../../services/testing/client.ts"],
  ["scripts/start.ts", "../shared/config.ts"],
  ["shared/redis/redis.ts", "ioredis"],
  ["shared/redis/connector.ts", "ioredis"],
  ["shared/redis/seeds.ts", "ioredis"],
  ["shared/postgres/connection.ts", "postgres"],
  ["services/worker/database.ts", "../../shared/postgres/postgres.ts"],
  ["services/ingest/one.ts", "../../shared/tracing/context.ts"],
  ["shared/tracing/open.ts", "./tracer.ts"],
  ["bench/ceiling.ts", "../services/ingest/app.ts"],
])("%s may import %s", (file, name) => {
  expect(look(file, importing(name))).toEqual([])
})

test("an import is seen however it is written, and none in a comment", () => {
  const ways = [
    'import "ioredis"',
    'import type { Redis } from "ioredis"',
    'import {\n  Redis,\n} from "ioredis"',
    'export { Redis } from "ioredis/built/Redis.js"',
    'await import("ioredis")',
    'await import(\n  "ioredis"\n)',
  ]
  for (const way of ways) expect(look("bench/load.ts", way)).toHaveLength(1)
  expect(look("bench/load.ts", ' * import "ioredis"\n  // from "ioredis"\n')).toEqual([])
  expect(look("bench/load.ts", '\n/**\n * Why.\n */\nimport "ioredis"\n')).toEqual([
    "bench/load.ts:5: ioredis: shared/redis alone opens Redis",
  ])
})

test.each([
  ["services/reader/app.ts", 'read("key_values")', "shared/item.ts"],
  ["scripts/migrate.ts", "const name = 'events'", "shared/tables.ts"],
  ["shared/contract.ts", "quoted(`events`)", "shared/table/select.ts"],
  ["shared/crash.ts", "Effect.runPromise(work)", "services/worker/main.ts"],
  ["services/worker/hold.ts", "Date.now()", "services/worker/main.ts"],
])("%s may not say %s, and %s may", (file, line, home) => {
  expect(look(file, `\n${line}\n`)).toEqual([expect.stringContaining(`${file}:2: `)])
  expect(look(file, `// ${line}\n`)).toEqual([])
  expect(look(home, line)).toEqual([])
  expect(look(file.replace(".ts", ".test.ts"), line)).toEqual([])
})

test("tables and columns of somebody's own may be called as anything is in this code", () => {
  const declared = `
    page_views: upsert({
      key: "id",
      columns: { id: uuid(), url: text(), visited_at: timestamp(), referrer: text(), at: json() },
    }),
    worker: append({ columns: { type: text(), value: text(), duration_ms: integer() } }),`
  expect(look("shared/tables.ts", declared)).toEqual([])
  const code = `row.url ?? item.at; row.value; "at"; "type"; "worker"; config.url; TABLES.key_values
    new EventSource("events/stream"); import "./events.ts"; "page_views"`
  for (const file of ["shared/log.ts", "services/stats/app.ts", "scripts/start.ts"]) {
    expect(look(file, code)).toEqual([])
  }
})

test("a file of more than 250 lines is asked whether it is two nouns", () => {
  expect(look("bench/load.ts", "\n".repeat(250))).toEqual([])
  expect(look("bench/load.test.ts", "\n".repeat(251))).toHaveLength(1)
})
