import { expect, test } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { loadConfig } from "../../shared/config.ts"
import { freePort } from "../servers/port.ts"
import { openDatabaseStore } from "./stores.ts"

// Of its own, whose database has the usual name.
const postgres = usePostgres({ own: true })

/** What `npm start` says of a DATABASE_URL. */
const look = async (url: string): Promise<string> => {
  const config = loadConfig("start", { DATABASE_URL: url })
  return await openDatabaseStore(config, "unused", () => {}).then(
    ({ description }) => description,
    (error: Error) => error.message,
  )
}

test("a PostgreSQL that answers is named by where it is", async () => {
  expect(await look(postgres().url)).toBe(
    `PostgreSQL at 127.0.0.1:${postgres().port} (DATABASE_URL)`,
  )
})

test("what it says is told, and that nobody answers only when nobody does", async () => {
  const where = `the PostgreSQL at 127.0.0.1:${postgres().port}`
  const change = "correct the URL, or unset it to use the embedded one"
  expect(await look(`${postgres().url}_none`)).toBe(
    `DATABASE_URL: ${where} says: database "write_buffer_none" does not exist (3D000): ${change}`,
  )
  expect(await look(postgres().url.replace(":postgres@", ":secret@"))).toBe(
    `DATABASE_URL: ${where} says: password authentication failed for user "postgres" (28P01): ${change}`,
  )
  expect(await look(`${postgres().url}?sslmode=require`)).toBe(
    `DATABASE_URL: no encryption with ${where}: the server has no TLS (NO_TLS): ${change}`,
  )
  expect(await look(`${postgres().url}?target_session_attrs=standby`)).toBe(
    `DATABASE_URL: of ${where} no server is standby, as target_session_attrs asks: ${change}`,
  )
  const nobody = await freePort()
  const two = postgres().url.replace(
    `127.0.0.1:${postgres().port}`,
    `[::1]:${nobody},127.0.0.1:${nobody}`,
  )
  expect(await look(two)).toMatch(
    `the PostgreSQL at [::1]:${nobody}, 127.0.0.1:${nobody} does not answer (ECONNREFUSED): start it`,
  )
})
