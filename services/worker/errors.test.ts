import { describe, expect, test } from "vitest"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { DeadlinePassed } from "../../shared/postgres/postgres.ts"
import { TABLES } from "../../shared/tables.ts"
import { BatchFailed, blameDatabase, classify, isOfRows, isOfTable, isSlow } from "./errors.ts"

/** As postgres.js throws what the server said. */
const sqlstate = (code: string, fields: object = { constraint_name: "rule" }) =>
  Object.assign(new Error("duplicate key (key)=(secret)"), {
    ...{ name: "PostgresError", code },
    ...fields,
  })

const network = (code: string) => Object.assign(new Error("connect 10.0.0.7:5432"), { code })

const SQLSTATES = {
  DatabaseUnavailable: [
    ["08000", "08001", "08003", "08004", "08006", "08007"],
    ["57P01", "57P02", "57P03", "57P04", "57P05", "53300"],
  ],
  BatchFailed: [
    ["40000", "40001", "40002", "40003", "40P01", "55P03", "55006"],
    ["53000", "53100", "53200", "53400", "57014", "25P03", "26000"],
    ["58000", "58030", "58P01", "58P02"],
  ],
  WriteRejected: [
    ["21000", "22000", "22001", "22003", "22021", "22P02", "22P05"],
    ["23000", "23502", "23503", "23505", "23514", "54000", "54001"],
  ],
  DatabaseMisconfigured: [["28000", "28P01", "3D000", "25006", "08P01", "25001", "25P02"]],
  // What a trigger, a policy or the database's state may say of one row or of all.
  StatementRefused: [
    ["42P01", "42501", "42601", "42703", "42804", "42883", "3F000", "44000", "P0001", "P0002"],
    ["0A000", "XX000", "XX001", "55000", "57000", "F0000", "72000", "99999", "20000", "U0001"],
  ],
} as const

describe("classify", () => {
  for (const [kind, codes] of Object.entries(SQLSTATES)) {
    test.each(codes.flat())(`SQLSTATE %s is a ${kind}`, (code) => {
      const error = classify(sqlstate(code))
      expect(error).toMatchObject({ _tag: kind, sqlstate: code, reason: `SQLSTATE ${code}` })
    })
  }

  test.each([
    ["of a parameter", "22021", { where: "unnamed portal parameter $1" }],
    ["of the JSON of a parameter", "22P05", { where: 'JSON data, line 1: [{"key":"\\u0000...' }],
    ["of the same in German", "22P05", { where: 'JSON-Daten, Zeile 1: [{"key":"\\u0000...' }],
    ["of the table", "23514", { table_name: "key_values", constraint_name: "rule" }],
    ["of a column of every write", "23502", { table_name: "key_values", column_name: "value" }],
  ])("the value or constraint %s is the row's own fault (%s)", (_, code, fields) => {
    expect(classify(sqlstate(code, fields), DEFAULT_TABLE)._tag).toBe("WriteRejected")
  })

  test.each([
    ["of another table", "23514", { table_name: "audit", constraint_name: "rule" }],
    ["of another table", "54000", { table_name: "audit" }],
    ["in a trigger", "22P02", { where: "PL/pgSQL function f() line 1 at assignment" }],
    [
      "in a trigger's statement",
      "23505",
      { where: 'SQL statement "insert … ($1)"\nPL/pgSQL function f() line 1 at SQL statement' },
    ],
    [
      "of JSON in a trigger",
      "22P05",
      { where: 'JSON data, line 1: {"a":"$1...\nPL/pgSQL function f() line 1 at assignment' },
    ],
    ["of a trigger's function for JSON", "22P05", { where: 'PL/pgSQL function "JSON"() line 1' }],
    ["of a sequence", "2200H", {}],
    ["of a partition that is missing", "23514", { table_name: "key_values" }],
    ["of a column that no write has", "23502", { table_name: "key_values", column_name: "kind" }],
  ])("the value or constraint %s may be the database's fault (%s)", (_, code, fields) => {
    expect(classify(sqlstate(code, fields), DEFAULT_TABLE)._tag).toBe("StatementRefused")
  })

  test.each([
    ...["ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EPIPE", "ENOTFOUND", "EAI_AGAIN", "NO_PRIMARY"],
    ...["EHOSTUNREACH", "ENETUNREACH", "ECONNABORTED"],
    ...["CONNECT_TIMEOUT", "CONNECTION_CLOSED", "CONNECTION_ENDED", "CONNECTION_DESTROYED"],
  ])("%s is a DatabaseUnavailable without a SQLSTATE", (code) => {
    expect(classify(network(code))).toMatchObject({
      _tag: "DatabaseUnavailable",
      sqlstate: null,
      reason: code,
    })
  })

  test("no partition for appended rows is the table's fault: no client chooses their versions", () => {
    const fields = { table_name: "events" }
    const error = classify(sqlstate("23514", fields), TABLES.events)
    expect([error._tag, isOfTable(error), isOfRows(error)]).toEqual([
      ...["DatabaseMisconfigured", true, false],
    ])
    // One that is partitioned by what clients send meets rows that no partition should take.
    const byTime = { ...TABLES.events, key: ["version", "at"] }
    expect(classify(sqlstate("23514", fields), byTime)._tag).toBe("StatementRefused")
    const checked = { ...fields, constraint_name: "rule" }
    expect(classify(sqlstate("23514", checked), TABLES.events)._tag).toBe("WriteRejected")
  })

  test("a passed deadline is a DatabaseUnavailable", () => {
    expect(classify(new DeadlinePassed("no answer"))).toMatchObject({
      _tag: "DatabaseUnavailable",
      sqlstate: null,
      reason: "deadline passed",
    })
  })

  test("a driver that was used wrongly, a certificate and a surprise are DatabaseMisconfigured", () => {
    const causes = [
      network("UNDEFINED_VALUE"),
      network("SASL_SIGNATURE_MISMATCH"),
      network("CERT_HAS_EXPIRED"),
      network("DEPTH_ZERO_SELF_SIGNED_CERT"),
      // A code that looks like a SQLSTATE proves nothing when the server did not send it.
      network("22021"),
      network("42P01"),
      new TypeError("not a function"),
      Object.assign(new Error(), { code: 7 }),
      "a string",
      null,
      undefined,
    ]
    for (const cause of causes) {
      expect(classify(cause)).toMatchObject({
        _tag: "DatabaseMisconfigured",
        sqlstate: null,
        cause,
      })
    }
  })

  test("a reason never quotes the message, which may hold a value", () => {
    expect(classify(sqlstate("23505")).reason).not.toContain("secret")
    expect(classify(network("ECONNREFUSED")).reason).not.toContain("10.0.0.7")
    expect(classify(new Error("secret")).reason).toBe("unknown error")
  })

  test("only 57014 is slow", () => {
    expect(isSlow(classify(sqlstate("57014")))).toBe(true)
    expect(isSlow(classify(sqlstate("57P01")))).toBe(false)
    expect(isSlow(classify(new DeadlinePassed("no answer")))).toBe(false)
  })
})

describe("an error of one table", () => {
  const late = new BatchFailed({ reason: "batch deadline passed", sqlstate: null })
  const missing = (code: string) => blameDatabase(classify(sqlstate(code)))

  test.each(["P0001", "42501", "42P01", "XX000", "55P03", "57014"])(
    "SQLSTATE %s of a statement with rows is its rows', whatever one without them says",
    (code) => {
      const error = classify(sqlstate(code))
      expect([isOfRows(error), isOfTable(error)]).toEqual([true, true])
    },
  )

  test("a batch that is too late is one", () => {
    expect([isOfRows(late), isOfTable(late)]).toEqual([true, true])
  })

  test.each(["42P01", "42501", "42703", "3F000"])(
    "SQLSTATE %s of a statement without rows is the table's",
    (code) => expect([isOfRows(missing(code)), isOfTable(missing(code))]).toEqual([false, true]),
  )

  test.each(["40P01", "53100", "53300", "57P01", "58030", "08006", "25006", "28P01", "3D000"])(
    "SQLSTATE %s is the whole database's",
    (code) => expect(isOfTable(classify(sqlstate(code)))).toBe(false),
  )

  test("so is what no server said", () => {
    const causes = [network("ECONNREFUSED"), network("CERT_HAS_EXPIRED"), new DeadlinePassed("-")]
    for (const cause of causes) expect(isOfTable(classify(cause))).toBe(false)
  })
})
