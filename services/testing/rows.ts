/** What is wrong with what is stored, given all that was sent. */
import { TABLE } from "../../shared/testing/table.ts"
import type { TestPostgres } from "./postgres.ts"
import { APPENDED, CANARY, type Sent } from "./sent.ts"

export interface Row {
  readonly key: string
  /** Null of a tombstone. */
  readonly value: string | null
  readonly version: string
}

/** Tombstones included. */
export const storedRows = (postgres: TestPostgres) =>
  postgres.sql<Row>(`select key, value, version from ${TABLE}`)

/** Those of a key as appended rows have it: their type. */
const appendedRows = (postgres: TestPostgres) =>
  postgres.sql<Pick<Row, "key" | "version">>(
    `select type as key, version from ${APPENDED} where starts_with(type, '${CANARY}')`,
  )

const groupBy = <A extends { readonly key: string }>(all: ReadonlyArray<A>) => {
  const groups = new Map<string, A[]>()
  for (const one of all) {
    const group = groups.get(one.key)
    if (group) group.push(one)
    else groups.set(one.key, [one])
  }
  return groups
}

/** Of a key whose row each write replaces. */
const judgeRow = (key: string, writes: ReadonlyArray<Sent>, row: Row | undefined) => {
  const accepted = writes.filter(({ outcome, poison }) => outcome === "ok" && !poison)
  const newest = Math.max(0, ...accepted.map(({ version }) => version))
  if (!row) return accepted.length > 0 ? [`${key}: accepted and lost`] : []
  const version = Number(row.version)
  if (version < newest) return [`${key}: has an older version than was accepted`]
  const same = writes.filter(({ value }) => value === row.value)
  // Of some that are accepted, the version is not told.
  const isKnown = same.some(
    (write) => write.outcome === "ok" && (write.version || version) === version,
  )
  const isPossible = version > newest && same.some(({ outcome }) => outcome === "unknown")
  return isKnown || isPossible ? [] : [`${key}: has what nobody wrote, or what was refused`]
}

/** Of an appended row: one write, one row, however often it was sent. */
const judgeAppended = (
  { key, outcome, version }: Sent,
  versions: ReadonlyArray<number>,
): ReadonlyArray<string> => {
  const [first] = versions
  if (versions.length > 1) return [`${key}: appended ${versions.length} times`]
  if (first === undefined) return outcome === "ok" ? [`${key}: accepted and lost`] : []
  if (outcome === "refused") return [`${key}: refused, and there`]
  return (version || first) === first ? [] : [`${key}: has another version than was told`]
}

export const judgeRows = async (
  postgres: TestPostgres,
  sent: ReadonlyArray<Sent>,
): Promise<ReadonlyArray<string>> => {
  const [rows, appended] = await Promise.all([storedRows(postgres), appendedRows(postgres)])
  const stored = new Map(rows.map((row) => [row.key, row]))
  const writes = groupBy(sent.filter(({ isAppended }) => !isAppended))
  const appends = groupBy(sent.filter(({ isAppended }) => isAppended))
  const found = groupBy(appended)
  return [
    ...[...writes].flatMap(([key, all]) => judgeRow(key, all, stored.get(key))),
    ...[...appends].flatMap(([key, [write]]) =>
      judgeAppended(
        write as Sent,
        (found.get(key) ?? []).map(({ version }) => Number(version)),
      ),
    ),
    ...[...stored.keys()].filter((key) => !writes.has(key)).map((key) => `${key}: nobody wrote it`),
    ...[...found.keys()].filter((key) => !appends.has(key)).map((key) => `${key}: nobody sent it`),
  ]
}

/** Of keys that have one writer each, who waited for each answer: the versions rise as they were accepted. */
export const judgeOrder = (sent: ReadonlyArray<Sent>): ReadonlyArray<string> =>
  [...groupBy(sent.filter(({ isAppended }) => !isAppended))].flatMap(([key, writes]) => {
    const versions = writes.flatMap(({ outcome, version }) => (outcome === "ok" ? [version] : []))
    const isRising = versions.every((version, at) => version > (versions[at - 1] ?? 0))
    return isRising ? [] : [`${key}: a later write has an older version`]
  })
