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

test.each([
  ...[
    "*",
    "https://shop.example",
    "http://localhost:3000",
    "https://[::1]:8443",
    "http://10.0.0.1",
  ],
  ...["https://a.example,https://b.example", "https://a.example , http://b.example:81"],
  ...["https://xn--bcher-kva.example", "chrome-extension://abc", "capacitor://localhost"],
])("takes %j for origins", (text) => {
  expect(loadConfig("ingest", { ALLOWED_ORIGINS: text }).ALLOWED_ORIGINS).toBe(text)
})

test.each([
  ...["shop.example", "https://shop.example/", "https://shop.example/path", "https://Shop.example"],
  ...["https://shop.example:443", "http://shop.example:80", "https://*.shop.example", "null"],
  ...[
    "https://a.example,",
    "https://a.example https://b.example",
    "*,https://a.example",
    "//a.example",
  ],
  ...[
    "https://user@a.example",
    "https://a.example?",
    "https://bücher.example",
    "https://",
    "javascript:x",
  ],
  Array.from({ length: 101 }, (_, index) => `https://${index}.example`).join(),
])("takes %j, which no browser says or which is none, for no origins", (text) => {
  expect(linesOf({ ALLOWED_ORIGINS: text })).toEqual([
    expect.stringMatching(/^ALLOWED_ORIGINS is ".*"; allowed is \* or up to 100 origins such as /),
  ])
})
