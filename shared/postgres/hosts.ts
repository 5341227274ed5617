/**
 * The hosts of a DATABASE_URL, tried in turn until one is reached that is of the kind that is asked for.
 * Connections are made at a bounded pace, and those that are being made can be cut.
 */
import type { Address } from "../store-url.ts"
import { type Connection, openConnection, type ServerState } from "./connection.ts"
import { codeOf, hasAnswered, isLoginRefused, isOfServer, isWayRefused } from "./refusal.ts"
import { type Encryption, RoleError, SocketError, WAYS } from "./socket.ts"
import { type PostgresUrl, parsePostgresUrl, type ServerRole } from "./url.ts"

export interface HostsOptions {
  /** Shown as application_name in pg_stat_activity. */
  readonly name: string
  /** Of several hosts those that cannot write are passed over. */
  readonly writes?: boolean
  /** The URL as it is now, asked for when the login is refused: secrets rotate. */
  readonly reread?: () => string | undefined
  readonly statementMillis: number
}

/** An endpoint that accepts and closes would be asked as fast as it can. */
const CONNECTS_PER_SECOND = 20

/** SQLSTATEs of a server that starts, stops, is full, or is a pooler's and not reached. */
const TRY_THE_NEXT = /^(57P|08|53)/

/** Whether a server is of the kind that a role asks for, as libpq sees it. */
const fits = (role: ServerRole, { isStandby, isReadOnly }: ServerState): boolean =>
  ({
    any: true,
    primary: !isStandby,
    "read-write": !isStandby && !isReadOnly,
    standby: isStandby,
    "read-only": isStandby || isReadOnly,
    "prefer-standby": isStandby,
  })[role]

/** The roles to look for, one after the other. A process that writes needs a primary, whatever suits readers. */
const rolesFor = ({ role, addresses }: PostgresUrl, writes = false): ReadonlyArray<ServerRole> => {
  if (role === "prefer-standby" && !writes) return ["standby", "any"]
  if (!writes || role === "read-write") return [role ?? "any"]
  return [role !== null || addresses.length > 1 ? "primary" : "any"]
}

const makePace = () => {
  let next = 0
  return async () => {
    const now = performance.now()
    const at = Math.max(now, next)
    next = at + 1_000 / CONNECTS_PER_SECOND
    if (at > now) await new Promise((resume) => setTimeout(resume, at - now))
  }
}

/** @throws {RoleError}, after closing the connection, when its server is of another kind. */
const demand = (connection: Connection, role: ServerRole): Connection => {
  if (fits(role, connection)) return connection
  void connection.close()
  const wanted = role.toUpperCase().replace("-", "_")
  throw new RoleError(`NO_${wanted}`, `no server is ${role}, as target_session_attrs asks`)
}

/** A connection to one server that is being made. */
interface Attempt {
  readonly begun: number
  cut: () => void
}

/** @throws {UrlError} when the URL cannot be read. */
export const openHosts = (first: string, options: HostsOptions) => {
  const pace = makePace()
  const attempts = new Set<Attempt>()
  let text = first
  let url = parsePostgresUrl(text)
  /** The host to begin with: the last that was good, or the one after one that was not. */
  let turn = 0

  const openBy = async (way: Encryption, address: Address, check: () => void) => {
    const attempt: Attempt = { begun: performance.now(), cut: () => {} }
    const paced = async () => {
      await pace()
      check()
    }
    attempts.add(attempt)
    try {
      return await openConnection(url, address, way, { ...options, pace: paced }, (socket) => {
        attempt.cut = () => socket.destroy()
      })
    } finally {
      attempts.delete(attempt)
    }
  }

  /** libpq's second way to a host: when the server refuses the first, or its encryption fails. */
  const openHost = async (address: Address, check: () => void): Promise<Connection> => {
    const [way, other] = WAYS[url.tls.mode]
    try {
      return await openBy(way, address, check)
    } catch (error) {
      if (other === undefined || !isWayRefused(error)) throw error
      return await openBy(other, address, check)
    }
  }

  const openInTurn = async (check: () => void): Promise<Connection> => {
    const { addresses } = url
    const begin = turn
    let failure: unknown
    for (const role of rolesFor(url, options.writes)) {
      for (let step = 0; step < addresses.length; step++) {
        check()
        const index = (begin + step) % addresses.length
        try {
          const connection = demand(await openHost(addresses[index] as Address, check), role)
          turn = index
          return connection
        } catch (error) {
          if (isOfServer(error) && !TRY_THE_NEXT.test(codeOf(error))) throw error
          // What a server that answered is like says more than that another is away.
          if (failure === undefined || hasAnswered(error)) failure = error
        }
      }
    }
    throw failure
  }

  /** Whether there is another URL than the one that was used. */
  const hasChanged = (used: string): boolean => {
    const now = options.reread?.() ?? text
    if (now !== text) {
      text = now
      url = parsePostgresUrl(now)
    }
    return text !== used
  }

  return {
    /**
     * Stops before the next host when the connection is not wanted any more.
     * @throws what the most telling of the hosts said.
     */
    connect: async (isWanted: () => boolean): Promise<Connection> => {
      const check = () => {
        if (!isWanted()) throw new SocketError("CONNECTION_CLOSED", "it is not wanted any more")
      }
      const used = text
      try {
        return await openInTurn(check)
      } catch (error) {
        if (!isLoginRefused(error) || !hasChanged(used)) throw error
        return await openInTurn(check)
      }
    },
    /** Begins with the next host: the one that was good is not any more. */
    pass: () => {
      turn = (turn + 1) % url.addresses.length
    },
    /** Gives up the hosts that are asked since then or longer; `connect` goes on with the next. */
    cut: (since: number): boolean => {
      const late = [...attempts].filter(({ begun }) => begun <= since)
      for (const { cut } of late) cut()
      return late.length > 0
    },
  }
}
