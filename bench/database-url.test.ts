import { describe, expect, it } from "vitest"
import { parsePostgresUrl } from "../shared/postgres/url.ts"
import { serverOf, throughProxy, withDatabase } from "./database-url.ts"

const TCP = [
  "postgres://u:p@h:6000/db",
  "postgresql://u:p%23%2F%40@h/db?sslmode=require&application_name=a%20b",
  "postgres://u:p@[::1]:5433/db",
  "postgres://u:p@ignored/db?host=h&port=6000&dbname=other",
  "postgres:///db?user=u&password=p&pgbouncer=true",
]
const SOCKETS = ["postgres://u@/db?host=/run/pg&sslmode=require", "postgres://u@%2Frun%2Fpg/db?"]
const SEVERAL = "postgres://u:p@a,b:6000/db"
const NAMED = [
  "postgres://h/db?sslmode=verify-full",
  "postgres://h/db?sslmode=require&sslrootcert=system",
]

describe("withDatabase", () => {
  it.each([...TCP, ...SOCKETS, SEVERAL, ...NAMED])("changes the database of %s alone", (url) => {
    expect(parsePostgresUrl(withDatabase(url, "own"))).toEqual({
      ...parsePostgresUrl(url),
      database: "own",
    })
  })

  it("leaves the schema that only the given database has", () => {
    const { settings } = parsePostgresUrl(withDatabase("postgres://h/db?schema=app", "own"))
    expect(settings).toEqual({ search_path: "public" })
  })
})

describe("throughProxy", () => {
  it.each(TCP)("changes the server of %s alone", (url) => {
    expect(parsePostgresUrl(throughProxy(url, 7_000))).toEqual({
      ...parsePostgresUrl(url),
      addresses: [{ host: "127.0.0.1", port: 7_000 }],
    })
  })

  it.each(SOCKETS)("asks no encryption of the socket of %s", (url) => {
    expect(serverOf(url)).toEqual({ host: "/run/pg", port: 5_432 })
    expect(parsePostgresUrl(throughProxy(url, 7_000)).tls.mode).toBe("disable")
  })
})

describe("serverOf", () => {
  it.each([SEVERAL, ...NAMED])("refuses %s in a line that quotes nothing of it", (url) => {
    expect(() => serverOf(url)).toThrow(/^DATABASE_URL [^@/]*; allowed is [^@/]*$/)
  })
})
