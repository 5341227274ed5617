/** What the command line of the fault suite decides: which storm, for how long, and whether a minute is one. */
import process from "node:process"

const number = (name: string, fallback: number) => Number(process.env[name] || fallback)

/** The same seed makes the same faults in the same order; what they meet is up to the machine. */
export const SEED = number("FAULTS_SEED", Math.floor(Math.random() * 1_000_000))

export const STORM_SECONDS = number("FAULTS_SECONDS", 25)

/** How long PostgreSQL is down as the stand-in for hours. */
export const DOWN_SECONDS = number("FAULTS_DOWN_SECONDS", 8)
