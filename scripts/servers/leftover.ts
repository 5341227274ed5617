/**
 * A store that an earlier start left running, because that start and the guard of the store were both
 * killed. It holds the data directory, so the next start stops it, by pid, after making sure that the
 * pid is not some other process by now.
 */
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"

const STOP_LIMIT_MILLIS = 20_000
const POLL_MILLIS = 20

/** The command line of a process, or "" when there is none. Slim containers have no `ps`. */
export const commandLine = async (pid: number): Promise<string> => {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ").trim()
  } catch {
    const ps = promisify(execFile)("ps", ["-ww", "-o", "command=", "-p", String(pid)])
    return await ps.then(({ stdout }) => stdout.trim()).catch(() => "")
  }
}

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // The process ended between the look and the signal.
  }
}

/** Whether a process of that pid runs and has `mark`, a path that is only ours, on its command line. */
export const runs = async (pid: number, mark: string): Promise<boolean> =>
  Number.isInteger(pid) && pid > 1 && (await commandLine(pid)).includes(mark)

/** Stops the process named in the first line of `pidFile`, if it is ours; resolves to its pid or null. */
export const stopLeftover = async (
  pidFile: string,
  mark: string,
  signal: NodeJS.Signals,
): Promise<number | null> => {
  const text = await readFile(pidFile, "utf8").catch(() => "")
  const pid = Number.parseInt(text, 10)
  if (!(await runs(pid, mark))) return null
  const deadline = Date.now() + STOP_LIMIT_MILLIS
  send(pid, signal)
  while (await runs(pid, mark)) {
    if (Date.now() > deadline) send(pid, "SIGKILL")
    if (Date.now() > deadline + STOP_LIMIT_MILLIS) throw new Error(`Process ${pid} does not stop`)
    await sleep(POLL_MILLIS)
  }
  return pid
}
