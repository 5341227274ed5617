/**
 * Rehearses a write: whether a table takes a row that it has taken before. What is written is undone.
 */
import type { Sql } from "../postgres/postgres.ts"
import { finder, once, quoted, template, write } from "./statement.ts"
import { keyColumn, type Row, type Table } from "./table.ts"

/** How much of a table is looked at for a row to rehearse with. */
const WITNESSES_MAX = 100

/** A stored row as a record that is newer by one, and its key as text. */
const witnessOf = once((table) => {
  const { name: key, type } = finder(table)
  const columns = Object.keys(table.columns).map((name) => `'${name}', ${quoted(name)}`)
  const record = `json_build_object(${[...columns, "'version', version + 1"].join(", ")})`
  const from = `from ${quoted(table.name)}${table.deletes ? " where deleted_at is null" : " where true"}`
  const row = `select ${quoted(key)}::text as key, version, ${record}::text as record ${from}`
  const some = table.mode === "append" ? "order by version desc limit 1" : `limit ${WITNESSES_MAX}`
  return template(
    `select key, record from (
      (${row} and ${quoted(key)} = nullif(`,
    `, '')::${type}) union all (${row} ${some})
    ) as witnesses order by key = `,
    " desc, version desc limit 1",
  )
})

interface Witness {
  readonly key: string
  readonly record: string
}

/** Makes room for a row with the same key. False when the role may not, or a rule of the table forbids it. */
const remove = async (sql: Sql, table: Table, key: string): Promise<boolean> => {
  await sql`savepoint before_removal`
  try {
    const { name, type } = finder(table)
    const one = template(
      `delete from ${quoted(table.name)} where ${quoted(name)} = `,
      `::text::${type}`,
    )
    const { count } = await sql(one, key)
    return count > 0
  } catch {
    await sql`rollback to before_removal`
    return false
  }
}

/**
 * Writes the row under a key like its own that hardly any row has: what rules ask of keys, it mostly
 * fulfils as well. A constraint of the table's own that it violates says nothing of other rows.
 */
const writeSimilar = async (sql: Sql, table: Table, { record }: Witness) => {
  const name = keyColumn(table)
  const column = name === null ? undefined : table.columns[name]
  if (name === null || column === undefined) return
  const row = JSON.parse(record) as Row
  const similar = JSON.stringify({ ...row, [name]: column.similar(row[name]) })
  try {
    await write(sql, table, [similar])
  } catch (error) {
    const { code, table_name } = error as { code?: string; table_name?: string }
    if (!code?.startsWith("23") || table_name !== table.name) throw error
  }
}

/**
 * Writes a stored row as a newer one and as one that was not there, and undoes both: shows whether the
 * table takes rows, with every trigger, policy and constraint that a row of the queue meets. The row of
 * the key `preferred`, or any other when there is none; false when the table is empty. Needs a connection
 * that nothing else uses: what another query wrote on it would be undone as well.
 * @throws what refuses the row.
 */
export const rehearse = async (sql: Sql, table: Table, preferred: string): Promise<boolean> => {
  const [witness] = await sql<[Witness?]>(witnessOf(table), preferred, preferred)
  if (witness === undefined) return false
  await sql`begin`
  try {
    await write(sql, table, [witness.record])
    await sql`set constraints all immediate`
    // A trigger may see inserts alone.
    if (await remove(sql, table, witness.key)) await write(sql, table, [witness.record])
    else await writeSimilar(sql, table, witness)
  } finally {
    await sql`rollback`
  }
  return true
}
