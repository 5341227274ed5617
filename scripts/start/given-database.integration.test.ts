import { afterAll, beforeAll, expect, test } from "vitest"
import { loadConfig } from "../../shared/config.ts"
import { temporaryDirectory } from "../servers/directory.ts"
import { freePort } from "../servers/port.ts"
import { startPostgres } from "../servers/postgres.ts"
import type { Store } from "../servers/store.ts"
import { openDatabaseStore } from "./stores.ts"

let store: Store
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  store = await startPostgres({ directory: directory.path, settings: { fsync: "off" } })
})
afterAll(async () => {
  await store?.stop()
  await directory?.remove()
})

/** What `npm start` says of a DATABASE_URL. */
const look = async (url: string): Promise<string> => {
  const config = loadConfig("start", { DATABASE_URL: url })
  return await openDatabaseStore(config, directory.path, () => {}).then(
    ({ description }) => description,
    (error: Error) => error.message,
  )
}

test("a PostgreSQL that answers is named by where it is", async () => {
  expect(await look(store.url)).toBe(`PostgreSQL at 127.0.0.1:${store.port} (DATABASE_URL)`)
})

test("what it says is told, and that nobody answers only when nobody does", async () => {
  const where = `the PostgreSQL at 127.0.0.1:${store.port}`
  const change = "correct the URL, or unset it to use the embedded one"
  expect(await look(`${store.url}_none`)).toBe(
    `DATABASE_URL: ${where} says: database "write_buffer_none" does not exist (3D000): ${change}`,
  )
  expect(await look(store.url.replace(":postgres@", ":secret@"))).toBe(
    `DATABASE_URL: ${where} says: password authentication failed for user "postgres" (28P01): ${change}`,
  )
  expect(await look(`${store.url}?sslmode=require`)).toBe(
    `DATABASE_URL: no encryption with ${where}: the server has no TLS (NO_TLS): ${change}`,
  )
  expect(await look(`${store.url}?target_session_attrs=standby`)).toBe(
    `DATABASE_URL: of ${where} no server is standby, as target_session_attrs asks: ${change}`,
  )
  const nobody = await freePort()
  const two = store.url.replace(`127.0.0.1:${store.port}`, `[::1]:${nobody},127.0.0.1:${nobody}`)
  expect(await look(two)).toMatch(
    `the PostgreSQL at [::1]:${nobody}, 127.0.0.1:${nobody} does not answer (ECONNREFUSED): start it`,
  )
})
