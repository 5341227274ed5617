/** Keys and versions as a URL names them, strictly: a row has one name. */
import type { Target } from "../../shared/http/target.ts"
import { integer } from "../../shared/table/column.ts"
import { keyColumn, type Table } from "../../shared/table/table.ts"
import { parseKey } from "../../shared/write.ts"

/** Names an appended row. */
const VERSION = integer({ min: 0 })

const MIN_VERSION = /^\d{1,19}$/

/** The key in its one form; null when no row of the table can have it. */
export const decodeKey = (table: Table, given: unknown): string | null => {
  if (keyColumn(table) === null) {
    const isVersion = VERSION.flaw(given, Number.POSITIVE_INFINITY) === null
    return isVersion ? String(VERSION.normalize(given)) : null
  }
  const key = parseKey(table, given)
  return key === null ? null : String(key)
}

/** The version that the answer has to show at least: 0 when it is not asked for, null when it is none. */
export const minVersionIn = (target: Target): number | null => {
  const [given = "0", ...more] = target.valuesOf("min_version")
  return more.length === 0 && MIN_VERSION.test(given ?? "") ? Number(given) : null
}
