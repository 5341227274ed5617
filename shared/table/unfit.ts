/** A table that is not as declared, as an error; and its findings in lines for logs, health and the page. */
import type { Sql } from "../postgres/postgres.ts"
import { isOfStatement } from "../postgres/refusal.ts"
import { checkTables, type Finding } from "./check.ts"
import { write } from "./statement.ts"
import type { Table } from "./table.ts"

/** Each is a line of a page; who mends a table from here on is better served by the command. */
const FINDINGS_MAX = 5

/** `the column url is missing (SQLSTATE 42703): alter table "page_views" add column "url" text`. */
export const linesOf = (
  { name }: Table,
  findings: ReadonlyArray<Finding>,
): ReadonlyArray<string> => {
  const lines = findings
    .slice(0, FINDINGS_MAX)
    .map(({ sentence, sql }) => (sql === "" ? sentence : `${sentence}: ${sql}`))
  const more = findings.length - lines.length
  const rest = more > 0 ? [`and ${more} more: npm run table -- ${name} --sql`] : []
  return [...lines, ...rest].map((line) => line.replaceAll(/\s+/g, " "))
}

/** Writes of the table would be refused, or changed. */
export class TableUnfit extends Error {
  override readonly name = "TableUnfit"
  readonly code = "TABLE_UNFIT"
  readonly lines: ReadonlyArray<string>
  constructor(table: Table, findings: ReadonlyArray<Finding>) {
    const lines = linesOf(table, findings)
    super(lines.join("\n"))
    this.lines = lines
  }
}

/**
 * Resolves when writes of the table can be stored, as far as its catalog says. False when it cannot say: some
 * systems that speak PostgreSQL's protocol have less of a catalog, and still take the writes.
 * @throws {TableUnfit} when the table is not as declared, and what ends a query without the server's answer.
 */
export const requireFit = async (sql: Sql, table: Table): Promise<boolean> => {
  const found = await checkTables(sql, [table], "write").catch((error: unknown) => {
    if (isOfStatement(error)) return null
    throw error
  })
  const [findings = []] = found ?? []
  if (findings.length > 0) throw new TableUnfit(table, findings)
  return found !== null
}

/** Fails as every write of the table would, or with what would change one. */
export const attempt = async (sql: Sql, table: Table): Promise<void> => {
  await requireFit(sql, table)
  await write(sql, table, [])
}
