import { expect, test } from "vitest"
import { leftOut, loadConfig } from "./config.ts"
import { linesOf } from "./testing/config.ts"

test("says of a URL what cannot be read or is not supported, once, without a part of it", () => {
  const lines = linesOf({
    DATABASE_URL: "postgres://user:secret#rest@host/db",
    REDIS_URL: "redis://:secret@host/queue?cluster=secret",
  })
  expect(lines).toEqual([
    expect.stringMatching(/^DATABASE_URL: it cannot be read: .* encode # as %23/),
    "REDIS_URL: its path is the number of a database, such as /0",
  ])
  expect(lines.join()).not.toMatch(/secret|rest|host/)
  const url = "postgres://u:p@h/db?require_auth=none"
  const line =
    "DATABASE_URL: its parameter require_auth is not supported: it protects the connection, so " +
    "leave it out only when you can do without"
  expect(linesOf({ DATABASE_URL: url })).toEqual([line])
})

test("refuses the one variable of libpq that the driver would misread", () => {
  expect(linesOf({ PGTARGETSESSIONATTRS: "any" })).toEqual([
    "PGTARGETSESSIONATTRS is not read: DATABASE_URL has target_session_attrs",
  ])
})

test("names the parameters of other clients, for a line in the log", () => {
  const config = loadConfig("reader", {
    DATABASE_URL: "postgres://h/db?sslmode=require&channel_binding=require&connect_timeout=10",
  })
  expect(leftOut(config)).toEqual([
    { variable: "DATABASE_URL", parameters: "channel_binding, connect_timeout" },
  ])
  expect(leftOut(loadConfig("start", {}))).toEqual([])
})
