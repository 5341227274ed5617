/**
 * A child process that this one owns. A child runs in a process group of its own, so a terminal's Ctrl-C
 * reaches only the parent, which then stops its children in order. Promises: `stop` ends in bounded
 * time with the child gone, and a child never outlives its parent, even one killed with SIGKILL.
 * What a child is, and when it is ready, is its caller's business.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"

/** How much of a child's output an error quotes. */
const LAST_LINES = 12
const KILLED_LIMIT_MILLIS = 5_000
/** For a child whose user will not wait. Enough for a worker to give back the writes it has claimed. */
const HURRIED_LIMIT_MILLIS = 1_000
/** PostgreSQL gives its own processes 5 s before it kills them, frozen ones as well. */
const URGENT_LIMIT_MILLIS = 7_000
/** A last line may still sit in the pipe when the exit is known; a grandchild may hold the pipe open. */
const OUTPUT_LIMIT_MILLIS = 200

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Child {
  readonly name: string
  readonly pid: number
  readonly exited: Promise<Exit>
  /** The last lines it printed, oldest first. */
  output(): string
  kill(signal: NodeJS.Signals): void
  /** Waits for a line of output. When the child exits or the time passes first, stops it and throws. */
  printed(pattern: RegExp, limitMillis: number): Promise<void>
  /**
   * Sends the signal once, waits (after `hurried` aborts no longer than a second), then kills. Resolves
   * when the child is gone, also when it already was.
   */
  stop(limitMillis: number, hurried?: AbortSignal): Promise<void>
}

export interface Launch {
  readonly name: string
  readonly cwd?: string | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Run as this user, when this process is root. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined
  /** What asks the child to stop. */
  readonly signal?: NodeJS.Signals
  /** What ends the child at once, and its own children, which a SIGKILL to it would leave behind. */
  readonly urgentSignal?: NodeJS.Signals
  readonly onLine?: ((line: string) => void) | undefined
}

/** Resolves true when the promise settles in time. Once `hurried` aborts, a second is left. */
export const within = async (
  promise: Promise<unknown>,
  limitMillis: number,
  hurried?: AbortSignal,
): Promise<boolean> => {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timers = [setTimeout(resolve, limitMillis, false)]
  const hurry = () => timers.push(setTimeout(resolve, HURRIED_LIMIT_MILLIS, false))
  if (hurried?.aborted) hurry()
  else hurried?.addEventListener("abort", hurry)
  return await Promise.race([promise.then(() => true), late]).finally(() => {
    hurried?.removeEventListener("abort", hurry)
    for (const timer of timers) clearTimeout(timer)
  })
}

/**
 * A shell of 1 MB that waits for this process to end (its standard input closes, however that
 * happens) and then stops the child: the signal, 15 s, SIGKILL. A PostgreSQL left behind would keep
 * the data directory locked and its port taken.
 */
const guard = (pid: number, signal: NodeJS.Signals): ChildProcess => {
  const script = `read -r _
    kill -s "$2" "$1" && kill -s CONT "$1" || exit 0
    i=0; while [ $i -lt 15 ] && kill -s 0 "$1"; do sleep 1; i=$((i + 1)); done
    kill -s KILL "$1"`
  const shell = spawn("sh", ["-c", script, "guard", String(pid), signal.replace("SIG", "")], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  })
  // Neither the shell nor the pipe to it may keep this process alive: the guard waits for its end.
  shell.unref()
  const { stdin } = shell as unknown as { stdin: { unref(): void } }
  stdin.unref()
  return shell
}

/**
 * Starts a child and resolves when it runs.
 * @throws what `spawn` says when the program cannot be run.
 */
export const launch = async (
  program: string,
  parameters: ReadonlyArray<string>,
  options: Launch,
): Promise<Child> => {
  const { name, signal = "SIGTERM", onLine } = options
  const child = spawn(program, parameters, {
    cwd: options.cwd,
    env: options.env,
    ...options.account,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  })
  const lines: string[] = []
  const patterns = new Map<RegExp, () => void>()
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (line) => {
      lines.push(line)
      if (lines.length > LAST_LINES) lines.shift()
      for (const [pattern, seen] of patterns) if (pattern.test(line)) seen()
      onLine?.(line)
    })
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }))
  })
  const closed = new Promise<void>((resolve) => child.once("close", resolve))
  await once(child, "spawn")
  const pid = child.pid as number
  const watch = guard(pid, signal)
  exited.then(() => watch.kill("SIGKILL"))

  const stop = async (limitMillis: number, hurried?: AbortSignal): Promise<void> => {
    if (child.kill(signal)) child.kill("SIGCONT")
    if (await within(exited, limitMillis, hurried)) return
    if (options.urgentSignal && child.kill(options.urgentSignal)) {
      if (await within(exited, URGENT_LIMIT_MILLIS)) return
    }
    child.kill("SIGKILL")
    if (!(await within(exited, KILLED_LIMIT_MILLIS)))
      throw new Error(`${name} (${pid}) does not die`)
  }
  const printed = async (pattern: RegExp, limitMillis: number): Promise<void> => {
    const seen = new Promise<true>((resolve) => patterns.set(pattern, () => resolve(true)))
    const inTime = await within(Promise.race([seen, exited]), limitMillis)
    patterns.delete(pattern)
    if (inTime && (await Promise.race([seen, exited])) === true) return
    await stop(0)
    await within(closed, OUTPUT_LIMIT_MILLIS)
    const reason = inTime
      ? "stopped while it started"
      : `was not ready after ${limitMillis / 1_000} s`
    throw new Error(`${name} ${reason}:\n${lines.join("\n")}`)
  }
  return {
    name,
    pid,
    exited,
    output: () => lines.join("\n"),
    kill: (signal) => void child.kill(signal),
    printed,
    stop,
  }
}
