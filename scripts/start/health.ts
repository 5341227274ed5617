/** What the services of this start say of themselves, over HTTP. Null for a service that does not answer 200. */

const ANSWER_LIMIT_MILLIS = 3_000

const ask = async <A>(url: string): Promise<A | null> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MILLIS) })
    return response.ok ? ((await response.json()) as A) : null
  } catch {
    return null
  }
}

export interface Health {
  readonly status: string
  readonly worker_active?: boolean
  readonly durability?: string
  readonly warnings?: ReadonlyArray<string>
  /** An operator's pause outlives a restart. */
  readonly paused?: true
  /** Why nothing is written. */
  readonly held?: ReadonlyArray<string>
}

export const askHealth = (service: string): Promise<Health | null> => ask(`${service}/health`)

interface Figures {
  readonly queue_depth: number
  readonly in_flight: number
  readonly paused: boolean
  readonly held: ReadonlyArray<string>
}

/** How many accepted writes are not in PostgreSQL yet, and why none of them goes; "" when they go. */
export const askWaiting = async (stats: string) => {
  const found = await ask<Figures>(`${stats}/stats`)
  if (found === null) return null
  const reason = found.paused ? "an operator paused the workers" : (found.held[0] ?? "")
  return { writes: found.queue_depth + found.in_flight, reason }
}
