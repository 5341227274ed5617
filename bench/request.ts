/** What a load asks for: one request for each kind of work, with the marks of its rows as they stand in it. */
import type { ContenderName } from "./contender.ts"
import type { Account, Ledger } from "./ledger.ts"
import { MARKED, type Marked, readPath } from "./mark.ts"
import type { Work } from "./result.ts"

/** Of a request in bulk, and how many clients send them. */
export const BULK_ROWS = 1_000
export const BULK_CONNECTIONS = 4

/** What is measured once is measured with so many clients, if so many are asked for. */
export const USUAL_CONNECTIONS = 100

/** Writes a second with many shards: about a third of what one ingest accepts. */
export const SCALE_RATE = 4_000

/** So many rows are read in turn. */
export const READ_ROWS = 2_000

/** Two clients read other rows at the same time. */
const READ_STRIDE = 37

/** Less than autocannon waits. */
const WAIT_SECONDS = 8

export interface Request {
  readonly method: "POST" | "GET"
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** The status that promises what was asked for; any other is a refusal. */
  readonly status: number
  /** The marks in it, which those of a client's rows are written over. */
  readonly marks: ReadonlyArray<string>
  /** Whose mark a client's next request has at this place, and its number. */
  readonly next: (account: Account, row: number) => readonly [client: number, number: number]
  /** The answer to a read has the mark that was asked for. */
  readonly isEchoed: boolean
}

export const rowsOf = (work: Work): number => (work === "bulk" ? BULK_ROWS : 1)

/** Where rows of this work go: fewer than it needs when there are no such tables. */
export const tablesOf = (work: Work, marked: Marked): ReadonlyArray<Marked> => {
  const all = [...MARKED.values()]
  if (work === "append") return all.filter(({ table }) => table.mode === "append").slice(0, 1)
  if (work === "mixed") return [marked, ...all.filter((other) => other !== marked).slice(0, 1)]
  return [marked]
}

/** Whether the declared tables are enough for it. */
export const isPossible = (work: Work, marked: Marked): boolean =>
  tablesOf(work, marked).length === (work === "mixed" ? 2 : 1)

const statusOf = (name: ContenderName, work: Work): number =>
  name === "sync" || work === "wait" || work === "read" ? 200 : 202

/** The request of a load on this contender, whose rows are on record in the ledger. */
export const requestOf = (
  name: ContenderName,
  work: Work,
  marked: Marked,
  ledger: Ledger,
): Request => {
  const marks = Array.from({ length: rowsOf(work) }, (_, row) => ledger.mark(0, row))
  const status = statusOf(name, work)
  if (work === "read") {
    return {
      ...{ method: "GET", path: `${readPath(marked)}/${marks[0]}`, headers: {} },
      ...{ status, marks, isEchoed: true },
      next: ({ client, sent }) => [0, (client * READ_STRIDE + sent) % READ_ROWS],
    }
  }
  const rows = marks.map((mark) => JSON.stringify(marked.write(mark).row))
  const isBulk = work === "bulk"
  return {
    method: "POST",
    path: isBulk ? marked.path.replace("write", "writes") : marked.path,
    headers: {
      "content-type": isBulk ? "application/x-ndjson" : "application/json",
      ...(work === "wait" && { prefer: `wait=${WAIT_SECONDS}` }),
    },
    body: rows.join("\n"),
    ...{ status, marks, isEchoed: false },
    next: ({ client, sent }, row) => [client, sent * marks.length + row],
  }
}
