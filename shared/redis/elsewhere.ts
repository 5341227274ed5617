/** Whether another server is the master now, by what the one that a connection leads to answers. */

/**
 * A node of a cluster that hears no majority refuses everything, and clients may hear it all the same. The others
 * promote a replica meanwhile. Sooner, it is over in a moment, and a reconnect would only take longer.
 */
const DOWN_LIMIT_MILLIS = 1_000

export const makeIsElsewhere = () => {
  let downSince: number | null = null
  return {
    /** A new connection may be to another one. */
    onConnect: () => {
      downSince = null
    },
    isElsewhere: ({ message }: Error): boolean => {
      // ASK and TRYAGAIN are over in a moment.
      if (!message.startsWith("CLUSTERDOWN")) return /^(READONLY|MOVED|UNBLOCKED)\b/.test(message)
      const now = performance.now()
      downSince ??= now
      return now - downSince > DOWN_LIMIT_MILLIS
    },
  }
}
