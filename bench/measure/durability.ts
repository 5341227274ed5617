/** Durability: accept-only throughput with the AOF of Redis off, synced every second, and always. */
import { untilRewritten } from "../backlog.ts"
import type { Options } from "../options.ts"
import type { DurabilityRound } from "../result.ts"
import type { Context, Stage } from "../stage.ts"
import { runTrial } from "../trial.ts"
import { type Lane, measureRounds } from "./rounds.ts"

const MODES: ReadonlyArray<DurabilityRound["mode"]> = ["off", "everysec", "always"]
const CONNECTIONS = 32
const START_SECONDS = 2
const WARM_SECONDS = 1
const OVERHEAD_SECONDS = 0.7

export const durabilitySeconds = ({ duration, rounds }: Options): number =>
  START_SECONDS + WARM_SECONDS + rounds * MODES.length * (duration + OVERHEAD_SECONDS)

const setMode = async ({ queue: redis }: Stage, mode: DurabilityRound["mode"]): Promise<void> => {
  await redis.config("SET", "appendonly", mode === "off" ? "no" : "yes")
  if (mode !== "off") await redis.config("SET", "appendfsync", mode)
  await untilRewritten(redis)
}

export const measureDurability = async (context: Context): Promise<void> => {
  const { stage, results, progress } = context
  // Valkey in WebAssembly has no AOF, and a Redis that was given is not ours to change.
  if (!stage.redis.isNative) return
  const { rounds, duration } = stage.options
  progress.step("warm up ingest", START_SECONDS + WARM_SECONDS)
  const contender = await stage.start("accept", "near")
  const trial = { contender, distance: "near", connections: CONNECTIONS } as const
  await runTrial(stage, { ...trial, round: 0, seconds: WARM_SECONDS })
  const lanes = MODES.map(
    (mode): Lane => ({
      title: `AOF ${mode}`,
      seconds: duration + OVERHEAD_SECONDS,
      measure: async (round) => {
        await setMode(stage, mode)
        const { perSecond, p50, p99 } = await runTrial(stage, {
          ...trial,
          round,
          seconds: duration,
        })
        results.durability.push({ round, mode, perSecond, p50, p99 })
      },
    }),
  )
  try {
    await measureRounds(context, rounds, lanes)
  } finally {
    await setMode(stage, "always")
  }
  await contender.stop()
}
