/**
 * What the user of `npm start` sees: steps with their time, and the lines of the processes, each with
 * its name. Never throws: the reader may be gone (`npm start | head`, a closed window), and stopping
 * in order matters more than being read.
 */
import { print, printError } from "../../shared/output.ts"

/** The longest name of a process, "postgres". */
const NAME_WIDTH = 8

let isLineOpen = false

const closeLine = (): void => {
  if (isLineOpen) print("\n")
  isLineOpen = false
}

export const say = (line: string): void => {
  closeLine()
  print(`${line}\n`)
}

/** Why `npm start` does not start, or has stopped. */
export const complain = (line: string): void => {
  closeLine()
  printError(`${line}\n`)
}

/** A line of a process, marked with its name. */
export const sayFrom = (name: string) => (line: string) =>
  say(`${name.padEnd(NAME_WIDTH)} | ${line}`)

/** How long a step may be silent. */
const SILENT_LIMIT_MILLIS = 2_000

/** Says which step begins, and at its end how long it took; a step that takes long says `why`. */
export const step = async <A>(what: string, work: () => Promise<A>, why = ""): Promise<A> => {
  const begin = performance.now()
  closeLine()
  print(`${what} ... `)
  isLineOpen = true
  const timer = setTimeout(() => why && say(why), SILENT_LIMIT_MILLIS)
  const result = await work().finally(() => clearTimeout(timer))
  const seconds = `${((performance.now() - begin) / 1_000).toFixed(1)} s`
  // A process may have printed a line meanwhile.
  print(isLineOpen ? `${seconds}\n` : `${what} ... ${seconds}\n`)
  isLineOpen = false
  return result
}
