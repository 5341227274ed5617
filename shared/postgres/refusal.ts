/**
 * What an error at the door to PostgreSQL is, and how it is said. To a log only codes, for messages of
 * PostgreSQL may quote keys; to whoever starts something also what the server said when it was connected to.
 */
import { RoleError, TlsError } from "./socket.ts"

/** A query was not answered in time. It may have had its effect, or have it later. */
export class DeadlinePassed extends Error {
  override readonly name = "DeadlinePassed"
}

/** SQLSTATEs: a server that only reads; a login that is refused; one without the right password. */
const READ_ONLY = "25006"
const LOGIN = /^28/
const PASSWORD = "28P01"

/** PgBouncer has one SQLSTATE for all it has to say; until 1.20 for passwords as well. */
const POOLER = "08P01"
const POOLER_LOGIN = /^(password authentication failed|no such user)/
const POOLER_SETTING = /^unsupported startup parameter(?: in options)?: (\w{1,63})/

export const codeOf = (error: unknown): string =>
  String((error as { code?: unknown } | null)?.code ?? "")

const messageOf = (error: unknown): string => (error as Error | null)?.message ?? ""

/** Of the server or of a pooler: it was reached, and this is what it said. */
export const isOfServer = (error: unknown): boolean =>
  (error as Error | null)?.name === "PostgresError"

/** After any failure but that of a statement, nobody knows what the connection would do next. */
export const isOfStatement = (error: unknown): boolean =>
  (error as { severity?: unknown } | null)?.severity === "ERROR"

export const isReadOnly = (error: unknown): boolean => codeOf(error) === READ_ONLY

/** Another password, user or way of encryption might be accepted. */
export const isLoginRefused = (error: unknown): boolean =>
  LOGIN.test(codeOf(error)) || (codeOf(error) === POOLER && POOLER_LOGIN.test(messageOf(error)))

/** libpq tries another way of encryption then. */
export const isWayRefused = (error: unknown): boolean =>
  error instanceof TlsError || (LOGIN.test(codeOf(error)) && codeOf(error) !== PASSWORD)

/** What to do when PgBouncer does not take our settings of a session; null for any other error. */
export const poolerAdvice = (error: unknown): string | null => {
  if (codeOf(error) !== POOLER) return null
  const [, setting] = POOLER_SETTING.exec(messageOf(error)) ?? []
  if (setting === undefined) return null
  return `PgBouncer refuses the setting ${setting}: add pgbouncer=true to DATABASE_URL`
}

/** A short reason for a log line: a code, and nothing that could quote a key. */
export const databaseErrorReason = (error: unknown): string =>
  error instanceof DeadlinePassed
    ? "deadline passed"
    : (poolerAdvice(error) ?? (codeOf(error) || "unknown error"))

/** There is a server, and it is not what the URL takes it for. */
export const hasAnswered = (error: unknown): boolean =>
  isOfServer(error) || error instanceof TlsError || error instanceof RoleError

/** Why a database that `where` names could not be used, in a line for whoever starts something. */
export const describeFailure = (where: string, error: unknown): string => {
  const advice = poolerAdvice(error)
  if (advice !== null) return advice
  if (isOfServer(error)) {
    return `the PostgreSQL at ${where} says: ${messageOf(error)} (${codeOf(error)})`
  }
  if (error instanceof TlsError) {
    return `no encryption with the PostgreSQL at ${where}: ${messageOf(error)} (${codeOf(error)})`
  }
  if (error instanceof RoleError) return `of the PostgreSQL at ${where} ${messageOf(error)}`
  return `the PostgreSQL at ${where} does not answer (${databaseErrorReason(error)})`
}
