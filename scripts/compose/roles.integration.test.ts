import { readFile } from "node:fs/promises"
import { describe, expect, test } from "vitest"
import { usePostgres } from "../../services/testing/postgres.ts"
import { tryRole } from "./permissions.ts"
import { FORBIDDEN_SQL, rolesSql } from "./roles.ts"

type Role = keyof typeof FORBIDDEN_SQL

/** Roles belong to a whole server. */
const server = usePostgres({ own: true })

/** What psql does: `\gexec` runs the statements that the one before it has selected. */
const runScript = async (script: string) => {
  const { sql } = server()
  const parts = script.split(/^\\gexec$/m)
  const last = parts.pop() ?? ""
  for (const part of parts) {
    const results = (await sql(part)) as unknown[]
    const rows = (Array.isArray(results[0]) ? results.at(-1) : results) as Record<string, string>[]
    for (const row of rows) for (const statement of Object.values(row)) await sql(statement)
  }
  await sql(last)
}

describe("the roles of the stack", () => {
  test("may do what their services do with every declared table, and nothing else", async () => {
    const template = await readFile(new URL("roles.sql", import.meta.url), "utf8")
    const script = rolesSql(template, (role) => `password of ${role}`)
    expect(script).not.toContain("{{")
    await server().sql("create role owner")
    // Again after each migration.
    await runScript(script)
    await runScript(script)
    for (const role of Object.keys(FORBIDDEN_SQL) as Role[]) {
      const url = new URL(server().url)
      Object.assign(url, { username: role, password: `password of ${role}` })
      expect(await tryRole(url.href, role)).toBeGreaterThan(6)
    }
  })
})
