/** The table during a run: emptied before a load, and held against the ledger after it. */
import type { Database } from "../shared/postgres/postgres.ts"
import type { Ledger } from "./ledger.ts"

export const clearRows = async (database: Database): Promise<void> => {
  await database.run((sql) => sql`truncate key_values`)
}

/** How many accepted writes of a load are not in the table: any but 0 is a lost write. */
export const countMissing = async (database: Database, ledger: Ledger): Promise<number> => {
  const clients = ledger.accounts.map(({ client }) => client)
  const sent = ledger.accounts.map((account) => account.sent)
  const absent = await database.run(
    (sql) => sql<{ client: number; number: number }[]>`
      select client, number
      from unnest(${`{${clients}}`}::int[], ${`{${sent}}`}::int[]) as account (client, sent),
        generate_series(0, sent - 1) as number
      where not exists (
        select from key_values
        where key = concat_ws(
          ':', ${ledger.label}::text, lpad(client::text, 3, '0'), lpad(number::text, 8, '0'))
      )`,
  )
  return absent.filter(({ client, number }) => !ledger.accounts[client]?.unpromised.has(number))
    .length
}
