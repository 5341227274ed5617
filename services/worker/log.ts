/** Effect's log lines in the format of every other process. */
import { Cause, Layer, Logger, References } from "effect"
import { type Fields, type Level, type Log, makeSparingLog } from "../../shared/log.ts"

const LEVELS: Readonly<Record<string, Level>> = {
  Fatal: "error",
  Error: "error",
  Warn: "warn",
  Info: "info",
  Debug: "debug",
  Trace: "debug",
}

/** What each shard of a node that is away says about once a second, and one line is to say for all. */
export const NO_QUEUE = "no queue"

/** The class of a failure; its message may quote a key. */
export const kindOf = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.name : "unknown"
}

/** A message and the annotations around it; of a cause only its kind, for it may quote a value. */
export const layerLog = (log: Log) => {
  const sparing = makeSparingLog(log)
  return Layer.merge(
    Logger.layer([
      Logger.make(({ logLevel, message, cause, fiber }) => {
        const fields = fiber.getRef(References.CurrentLogAnnotations) as Fields
        const text = Array.isArray(message) ? message.join(" ") : String(message)
        const kind = cause.reasons.length > 0 ? { cause: kindOf(cause) } : {}
        const write = text === NO_QUEUE ? sparing : log
        write(LEVELS[logLevel] ?? "info", text, { ...fields, ...kind })
      }),
    ]),
    Layer.succeed(References.MinimumLogLevel, "Debug"),
  )
}
