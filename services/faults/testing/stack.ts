/**
 * A stack on which faults are tried: native Redis with AOF always, and stores of its own. After every test all
 * of it is healed, drains within a limit, and is held against the oracle.
 */
import { afterAll, afterEach, beforeAll, describe } from "vitest"
import { nativeRedis } from "../../../scripts/servers/redis.ts"
import { CANARY } from "../../testing/sent.ts"
import {
  LEASE_MILLIS,
  type Stack,
  type StackOptions,
  startStack,
  useStack,
} from "../../testing/stack.ts"
import { DRAIN_LIMIT_MILLIS, RUNTIME } from "./settings.ts"

/** Two heartbeats may be lost before a lease is; the third finds the leases that others have lost. */
export const TAKEOVER_MILLIS = LEASE_MILLIS + LEASE_MILLIS / 3

/** What of a request tells which script it calls: only claim has the limit of bytes, acknowledge the dead. */
export const CLAIM = /4194304/
export const ACKNOWLEDGE = /\{write_queue\}:dead/

/** A statement that writes: what a fault test writes has the word in it, and nothing else sends it. */
export const STATEMENT = new RegExp(CANARY)

export const ADMIN_TOKEN = `${CANARY}-token-${"0123456789".repeat(3)}`

type FaultOptions = Omit<StackOptions, "redis" | "own">

/** AOF, `kill -9` and a truncated log need a server of the machine's; without one nothing here can run. */
export const faults = describe.runIf(nativeRedis() !== null)

const withFaults = ({ env, ...options }: FaultOptions): StackOptions => ({
  ...{ redis: "native", own: true, runtime: RUNTIME },
  ...options,
  env: { WORKER_POLL_INTERVAL: "0.02", LOG_LEVEL: "debug", ADMIN_TOKEN, ...env },
})

export const startFaultStack = (options: FaultOptions = {}) => startStack(withFaults(options))

/** A stack for the tests of a block; after each of them it is healed and held against the oracle. */
export const useFaultStack = (options: FaultOptions = {}): (() => Stack) => {
  const stack = useStack(withFaults(options))
  beforeAll(async () => {
    const { oracle, workers } = stack()
    oracle.watch()
    // The first claim of a Redis' life asks for the table's versions; faults come after it.
    if (workers.length > 0) await oracle.once("first", 1)
    await oracle.check(DRAIN_LIMIT_MILLIS)
  })
  afterEach(async () => {
    await stack().heal()
    await stack().oracle.check(DRAIN_LIMIT_MILLIS)
  })
  afterAll(() => stack()?.oracle.end())
  return stack
}
