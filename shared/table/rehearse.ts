/**
 * Rehearses a write: whether a table takes a row that it has taken before. What is written is undone.
 */
import { type Item, makeItem } from "../item.ts"
import type { Sql } from "../postgres/postgres.ts"
import { rowsOf, type Selected } from "./select.ts"
import { finder, once, quoted, template, write } from "./statement.ts"
import { keyColumn, type Table } from "./table.ts"

/** How much of a table is looked at for a row to rehearse with. */
const WITNESSES_MAX = 100

/** The row of a key, or any other where there is none. */
const witnessOf = once((table) => {
  const { name, type } = finder(table)
  const key = quoted(name)
  const row = `select ${rowsOf(table).selected} from ${quoted(table.name)} as stored
    where ${table.deletes ? "deleted_at is null" : "true"}`
  const isAppended = table.mode === "append"
  const some = isAppended ? "order by stored.version desc limit 1" : `limit ${WITNESSES_MAX}`
  return template(
    `select * from ((${row} and ${key} = nullif(`,
    `, '')::${type}) union all (${row} ${some})) as witnesses order by ${key} = `,
    " desc, version::bigint desc limit 1",
  )
})

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
const writeSimilar = async (sql: Sql, { version, write: { table, row, isDelete } }: Item) => {
  const name = keyColumn(table)
  const column = name === null ? undefined : table.columns[name]
  if (name === null || column === undefined) return
  const similar = { ...row, [name]: column.similar(row[name]) }
  try {
    await write(sql, table, [makeItem(version, { table, row: similar, isDelete })])
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
  const [stored] = await sql<[Selected?]>(witnessOf(table), preferred, preferred)
  if (stored === undefined) return false
  const row = rowsOf(table).read(stored)
  const witness = makeItem(row.version + 1, { table, row, isDelete: false })
  await sql`begin`
  try {
    await write(sql, table, [witness])
    await sql`set constraints all immediate`
    // A trigger may see inserts alone.
    const isRemoved = await remove(sql, table, stored[finder(table).name] ?? "")
    await (isRemoved ? write(sql, table, [witness]) : writeSimilar(sql, witness))
  } finally {
    await sql`rollback`
  }
  return true
}
