import { describe, expect, test } from "vitest"
import { DeadlinePassed } from "./refusal.ts"
import { describeTrouble } from "./trouble.ts"

const CANARY = { detail: "canary", hint: "canary", query: "canary" }

/** As postgres.js throws what the server said of a statement, or of a whole session. */
const said = (code: string, severity = "ERROR") =>
  Object.assign(new Error("canary"), { name: "PostgresError", code, severity, ...CANARY })

describe("why PostgreSQL cannot be used", () => {
  test.each([
    [said("28P01", "FATAL"), "PostgreSQL refuses the password: mend DATABASE_URL (SQLSTATE 28P01)"],
    [said("42P01"), /^The table is missing, .*: run npm run migrate \(SQLSTATE 42P01\)$/],
    [said("42703"), /^A column is missing, .*: run npm run migrate \(SQLSTATE 42703\)$/],
    [said("42501"), /: grant insert and update on the table \(SQLSTATE 42501\)$/],
    [
      said("42501", "FATAL"),
      /^The role may not connect .*: grant connect on it \(SQLSTATE 42501\)$/,
    ],
    [said("99999"), "PostgreSQL cannot be used as it is (SQLSTATE 99999)"],
    [Object.assign(new Error("canary"), { code: "NO_TLS" }), /^PostgreSQL has no encryption/],
    [Object.assign(new Error("canary"), { code: "NO_PRIMARY" }), /^No host of DATABASE_URL is/],
    [Object.assign(new Error("canary"), { code: "EPIPE" }), "PostgreSQL does not answer (EPIPE)"],
    [new DeadlinePassed("canary"), "PostgreSQL does not answer (deadline passed)"],
    ["canary", "PostgreSQL does not answer (unknown error)"],
  ])("%o", (error, words) => {
    expect(describeTrouble(error)).toMatch(words)
    expect(describeTrouble(error)).not.toContain("canary")
  })

  test("is said in the caller's own words where it has some", () => {
    const own = [["42501", "Grant select"]] as const
    expect(describeTrouble(said("42501"), own)).toBe("Grant select (SQLSTATE 42501)")
    expect(describeTrouble(said("42P01"), own)).toContain("npm run migrate")
  })
})
