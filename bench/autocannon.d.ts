/** The part of autocannon 9 that is used here; the package has no types of its own. */
declare module "autocannon" {
  import type { EventEmitter } from "node:events"

  namespace autocannon {
    interface Client extends EventEmitter {
      /** The bytes of the next request; written as they are. */
      getRequestBuffer(): Buffer
    }

    interface Options {
      readonly url: string
      readonly method: "POST" | "GET"
      readonly headers: Readonly<Record<string, string>>
      readonly body?: string
      readonly connections: number
      /** Seconds. */
      readonly duration: number
      /** Milliseconds; how soon after `duration` it ends. */
      readonly sampleInt: number
      readonly setupClient: (client: Client) => void
    }
  }

  const autocannon: (
    options: autocannon.Options,
    done: (error: Error | null) => void,
  ) => EventEmitter & { stop(): void }
  export default autocannon
}
