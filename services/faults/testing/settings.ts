/** What the command line of the fault suite decides: which storm, for how long, and whether a minute is one. */
import process from "node:process"
import type { Runtime } from "../../../scripts/servers/service.ts"

const number = (name: string, fallback: number) => Number(process.env[name] || fallback)

/** The same seed makes the same faults in the same order; what they meet is up to the machine. */
export const SEED = number("FAULTS_SEED", Math.floor(Math.random() * 1_000_000))

export const STORM_SECONDS = number("FAULTS_SECONDS", 25)

/** How long PostgreSQL is down as the stand-in for hours. */
export const DOWN_SECONDS = number("FAULTS_DOWN_SECONDS", 8)

/**
 * How long after healing all may take to drain: the lease of whoever is silent and the heartbeat that
 * finds it (2 s), the backoff's cap (6 s), one batch (a statement's deadline, 12 s), and a busy machine.
 */
export const DRAIN_LIMIT_MILLIS = number("FAULTS_DRAIN_SECONDS", 25) * 1_000

/** How often `npm run test:failover` tries each row of its table. */
export const FAILOVER_ROUNDS = number("FAILOVER_ROUNDS", 5)

/** What all processes run on. */
export const RUNTIME: Runtime = process.env.FAULTS_RUNTIME === "deno" ? "deno" : "node"
