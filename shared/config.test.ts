import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type ConfigError, type Environment, loadConfig } from "./config.ts"

const URL_OF_FILE = "postgres://worker:secret@database:5432/write_buffer"

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "write-buffer-config-"))
  await writeFile(join(directory, "url"), `${URL_OF_FILE}\n`)
  await writeFile(join(directory, "empty"), " \n")
})
afterAll(() => rm(directory, { recursive: true }))

const file = (name: string) => join(directory, name)

const linesOf = (environment: Environment) => {
  try {
    loadConfig("worker", environment)
    return []
  } catch (error) {
    return (error as ConfigError).lines
  }
}

describe("NAME_FILE", () => {
  test("names a file whose trimmed content is the value", () => {
    expect(loadConfig("worker", { DATABASE_URL_FILE: file("url") }).DATABASE_URL).toBe(URL_OF_FILE)
  })

  test("works for the service's own port as well", async () => {
    await writeFile(file("port"), "8123\n")
    expect(loadConfig("ingest", { PORT_FILE: file("port") }).PORT).toBe(8123)
  })

  test("counts as unset when it is empty, like every variable", () => {
    const environment = { DATABASE_URL: URL_OF_FILE, DATABASE_URL_FILE: "" }
    expect(loadConfig("worker", environment).DATABASE_URL).toBe(URL_OF_FILE)
  })

  test("is refused together with NAME, and neither is shown", () => {
    const environment = { DATABASE_URL: URL_OF_FILE, DATABASE_URL_FILE: file("url") }
    expect(linesOf(environment)).toEqual([
      "DATABASE_URL and DATABASE_URL_FILE are both set; allowed is one of them",
    ])
  })

  test("is refused when there is no such file, or nothing in it", () => {
    const environment = { DATABASE_URL_FILE: file("none"), REDIS_URL_FILE: file("empty") }
    expect(linesOf(environment)).toEqual([
      "DATABASE_URL_FILE names a file that cannot be read (ENOENT)",
      "REDIS_URL_FILE names an empty file; allowed is a file with a value",
    ])
  })

  test("has its content held to the rules of the variable", () => {
    expect(linesOf({ REDIS_URL_FILE: file("url") })).toEqual([
      "REDIS_URL is (not shown); allowed is a URL that starts with redis:// or rediss://",
    ])
  })
})
