/** Durability: accept-only throughput with the AOF of Redis off, synced every second, and always. */
import type { Contender } from "../contender.ts"
import type { Options } from "../options.ts"
import type { DurabilityRound } from "../result.ts"
import type { Context, Stage } from "../stage.ts"
import { runTrial } from "../trial.ts"

const MODES: ReadonlyArray<DurabilityRound["mode"]> = ["off", "everysec", "always"]
const CONNECTIONS = 32
const WARM_SECONDS = 1
const OVERHEAD_SECONDS = 0.7
const POLL_MILLIS = 20

export const durabilitySeconds = ({ duration, rounds }: Options): number =>
  2 + WARM_SECONDS + rounds * MODES.length * (duration + OVERHEAD_SECONDS)

/** Switching the AOF on writes it anew first, in another process. */
const setMode = async ({ queue: redis }: Stage, mode: DurabilityRound["mode"]): Promise<void> => {
  await redis.config("SET", "appendonly", mode === "off" ? "no" : "yes")
  if (mode !== "off") await redis.config("SET", "appendfsync", mode)
  while (/aof_rewrite_(in_progress|scheduled):1/.test(await redis.info("persistence"))) {
    await new Promise((resume) => setTimeout(resume, POLL_MILLIS))
  }
}

const measureMode = async (
  stage: Stage,
  contender: Contender,
  mode: DurabilityRound["mode"],
  round: number,
): Promise<DurabilityRound> => {
  await setMode(stage, mode)
  const seconds = stage.options.duration
  const trial = { contender, distance: "near", connections: CONNECTIONS, seconds, round } as const
  const { perSecond, p50, p99 } = await runTrial(stage, trial)
  return { round, mode, perSecond, p50, p99 }
}

export const measureDurability = async ({ stage, results, progress }: Context): Promise<void> => {
  // Valkey in WebAssembly has no AOF, and a Redis that was given is not ours to change.
  if (!stage.redis.isNative) return
  const { rounds, duration } = stage.options
  progress.step("warm up ingest", 2 + WARM_SECONDS)
  const contender = await stage.start("accept", "near")
  const warm = { contender, distance: "near", connections: CONNECTIONS, round: 0 } as const
  await runTrial(stage, { ...warm, seconds: WARM_SECONDS })
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const mode of round % 2 ? MODES : MODES.toReversed()) {
        progress.step(`round ${round}/${rounds}: AOF ${mode}`, duration + OVERHEAD_SECONDS)
        results.durability.push(await measureMode(stage, contender, mode, round))
      }
    }
  } finally {
    await setMode(stage, "always")
  }
  await contender.stop()
}
