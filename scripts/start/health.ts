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

/** How many accepted writes are not in PostgreSQL yet. */
export const countWaiting = async (stats: string): Promise<number | null> => {
  const found = await ask<{ queue_depth: number; in_flight: number }>(`${stats}/stats`)
  return found && found.queue_depth + found.in_flight
}
