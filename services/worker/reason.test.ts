import { describe, expect, test } from "vitest"
import { classify } from "./errors.ts"
import { holdReason, rowReason } from "./reason.ts"

/** As postgres.js throws what the server said; everything that may quote a row has the canary. */
const error = (code: string, fields: Readonly<Record<string, string>> = {}) =>
  classify(
    Object.assign(new Error("canary"), {
      ...{ name: "PostgresError", code, detail: "canary", hint: "canary", query: "canary" },
      ...fields,
    }),
  )

const IN_TABLE = { table_name: "items" }

describe("why a write was buried", () => {
  test.each([
    ["23514", { constraint_name: "no_markup" }, 'violates check constraint "no_markup" of items'],
    ["23505", { constraint_name: "u" }, 'violates unique constraint "u" of items'],
    ["23503", { constraint_name: "f" }, 'violates foreign key "f" of items'],
    ["23P01", { constraint_name: "e" }, 'violates exclusion constraint "e" of items'],
    ["23502", { column_name: "kind" }, 'has no value for column "kind" of items'],
    ["23000", {}, "violates a constraint of items"],
    ["22003", {}, "has a number that is out of range"],
    ["22P02", {}, "has text that its column's type cannot read"],
    ["22999", {}, "has a value that the database cannot store"],
    ["54000", { constraint_name: "i" }, 'is too large for index "i" of items'],
    ["54000", { table_name: "" }, "is too large for an index"],
    ["42501", {}, "is refused by a row-level policy or a missing right of items"],
    [
      "42883",
      { where: "PL/pgSQL function audit() line 3" },
      "needs a function that is missing, in the function audit",
    ],
    [
      "P0001",
      { where: "PL/pgSQL function guard() line 1 at RAISE" },
      "is refused by the function guard",
    ],
    ["P0001", {}, "is refused by a trigger"],
    ["U0001", {}, "is refused by a trigger"],
  ])("SQLSTATE %s %j", (code, fields, words) => {
    expect(rowReason(error(code, { ...IN_TABLE, ...fields }))).toBe(`${words} (SQLSTATE ${code})`)
  })

  test("never quotes what a function raised, in whatever field, nor a statement of its context", () => {
    const raised = {
      ...{ routine: "exec_stmt_raise", constraint_name: "canary", table_name: "canary" },
      ...{ column_name: "canary", where: "SQL statement \"select 'canary'\"" },
    }
    for (const code of ["23514", "23502", "23505", "42501", "P0001", "54000", "99999"]) {
      expect(rowReason(error(code, raised))).not.toContain("canary")
    }
  })
})

describe("why writes are held", () => {
  test("names the setting that PgBouncer refuses, with what to set instead", () => {
    const refused = error("08P01", { message: "unsupported startup parameter: statement_timeout" })
    expect(holdReason(refused)).toMatch(
      /^PgBouncer refuses the setting statement_timeout: add pgbouncer=true to DATABASE_URL \(SQLSTATE 08P01\)/,
    )
  })

  test.each([
    [
      { code: "CONNECT_TIMEOUT" },
      /^PostgreSQL does not answer \(CONNECT_TIMEOUT\); nothing is lost; it goes on by itself$/,
    ],
    [
      { code: "ECONNREFUSED" },
      /^PostgreSQL is not running, .* \(ECONNREFUSED\); nothing is lost; it goes on by itself$/,
    ],
    [{ code: "ENOTFOUND" }, /host is not known \(ENOTFOUND\)/],
    [
      { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
      /^PostgreSQL cannot be used as it is \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    ],
  ])("%j", (cause, words) => {
    expect(holdReason(classify(cause))).toMatch(words)
  })

  test.each([
    ["42P01", "run npm run migrate"],
    ["42501", "grant insert and update"],
    ["25006", "only reads"],
    ["28P01", "refuses the password"],
    ["28000", "refuses the login"],
    ["3D000", "does not exist"],
    ["08P01", "A proxy like PgBouncer"],
    ["53100", "disk of PostgreSQL is full"],
    ["53300", "raise max_connections"],
    ["57P03", "stops, starts or closes"],
    ["P0001", "A trigger refuses the rows that wait"],
    ["99999", "PostgreSQL refuses the rows that wait"],
  ])("SQLSTATE %s says what it is, what to repair, and the code", (code, words) => {
    const reason = holdReason(error(code, { table_name: "canary" }))
    expect(reason).toContain(words)
    expect(reason).toContain(`(SQLSTATE ${code}); `)
    expect(reason).not.toContain("canary")
  })
})
