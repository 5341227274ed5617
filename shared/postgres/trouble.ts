/**
 * Why PostgreSQL cannot be used, in plain words for logs, health and the page: what it is, what to repair, and
 * the code to search for. Never its own message, which may quote values, and no host.
 */
import { codeOf, databaseErrorReason, isOfServer, isOfStatement, poolerAdvice } from "./refusal.ts"

/** Sentences by the beginning of a SQLSTATE or code; the first that begins it counts. */
export type Sentences<A = string> = ReadonlyArray<readonly [string, A]>

const UNKNOWN_HOST = "The name of PostgreSQL's host is not known"

/** Why nothing can be asked or written, and where somebody has to, what to repair. */
const OF_DATABASES: Sentences = [
  ["08P01", "A proxy like PgBouncer does not take our settings of a session"],
  ["2200H", "A sequence that a trigger or the table uses is at its end: raise its maximum"],
  ["23514", "A check refuses the rows that wait, or the table has no partition for them: make it"],
  ["23", "A constraint refuses the rows that wait, of the table or of one that a trigger writes"],
  ["25006", "PostgreSQL only reads: it is a standby, or default_transaction_read_only is on"],
  ["28P01", "PostgreSQL refuses the password: mend DATABASE_URL"],
  ["28", "PostgreSQL refuses the login: mend DATABASE_URL or pg_hba.conf"],
  ["3D000", "The database does not exist: mend DATABASE_URL, or create it"],
  ["3F000", "A schema is missing, of the table or in a trigger: create it, or run npm run migrate"],
  ["40", "Batches get in each other's way again and again"],
  [
    "42501",
    "A right is missing, or a policy refuses all rows: grant insert and update on the table",
  ],
  ["42703", "A column is missing, of the table or in a trigger: run npm run migrate"],
  ["42704", "PostgreSQL does not know a setting or a type: mend the parameters of DATABASE_URL"],
  ["42883", "A function that a trigger uses is missing: create it"],
  ["42P01", "The table is missing, or one that a trigger uses: run npm run migrate"],
  ["53100", "The disk of PostgreSQL is full: make room"],
  ["53200", "PostgreSQL has no memory left"],
  ["53300", "PostgreSQL has no connection to spare: raise max_connections or the role's limit"],
  ["55P03", "Rows or the table stay locked: see pg_locks"],
  ["57014", "PostgreSQL is too slow for even one row"],
  ["57P", "PostgreSQL stops, starts or closes connections"],
  ["58", "PostgreSQL cannot read or write its files: see its log"],
  ["P0", "A trigger refuses the rows that wait"],
  ["NO_TLS", "PostgreSQL has no encryption, and DATABASE_URL asks for it: mend sslmode"],
  ["NO_STANDBY", "No host of DATABASE_URL is a standby, as target_session_attrs asks"],
  ["NO_", "No host of DATABASE_URL is the server that writes: a failover goes on, or has failed"],
  ["ECONNREFUSED", "PostgreSQL is not running, or not at the address in DATABASE_URL"],
  ["ENOTFOUND", UNKNOWN_HOST],
  ["EAI_AGAIN", UNKNOWN_HOST],
  ["SASL", "PostgreSQL refuses the password: mend DATABASE_URL"],
]

export const byCode = <A>(table: Sentences<A>, code: string): A | undefined =>
  table.find(([prefix]) => code.startsWith(prefix))?.[1]

/** What is known of an error; undefined where that is nothing. `code` is its SQLSTATE or its own code. */
export const databaseSentence = (error: unknown, code = codeOf(error)): string | undefined =>
  poolerAdvice(error) ?? byCode(OF_DATABASES, code)

const NO_RIGHT = "42501"

/** `PostgreSQL refuses the password: mend DATABASE_URL (SQLSTATE 28P01)`; the caller's own words first. */
export const describeTrouble = (error: unknown, own: Sentences = []): string => {
  const code = codeOf(error)
  const isAnswer = isOfServer(error)
  const what =
    // What ends a session is no statement's right, whatever the caller knows of its statements.
    code === NO_RIGHT && !isOfStatement(error)
      ? "The role may not connect to the database: grant connect on it"
      : (byCode(own, code) ??
        databaseSentence(error) ??
        (isAnswer ? "PostgreSQL cannot be used as it is" : "PostgreSQL does not answer"))
  return `${what} (${isAnswer ? `SQLSTATE ${code}` : databaseErrorReason(error)})`
}
