import { describe, expect, test } from "vitest"
import { rowReason } from "./bury.ts"
import { refusal } from "./testing/kit.ts"

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
    expect(rowReason(refusal(code, { ...IN_TABLE, ...fields }))).toBe(`${words} (SQLSTATE ${code})`)
  })

  test("never quotes what a function raised, in whatever field, nor a statement of its context", () => {
    const raised = {
      ...{ routine: "exec_stmt_raise", constraint_name: "canary", table_name: "canary" },
      ...{ column_name: "canary", where: "SQL statement \"select 'canary'\"" },
    }
    for (const code of ["23514", "23502", "23505", "42501", "P0001", "54000", "99999"]) {
      expect(rowReason(refusal(code, raised))).not.toContain("canary")
    }
  })
})
