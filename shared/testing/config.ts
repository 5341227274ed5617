import { type ConfigError, type Environment, loadConfig } from "../config.ts"

/** What a start says of an environment that it refuses. */
export const linesOf = (environment: Environment): ReadonlyArray<string> => {
  try {
    loadConfig("start", environment)
    return []
  } catch (error) {
    return (error as ConfigError).lines
  }
}
