/**
 * The life of `npm start` and `npm run stores`: up, until a signal or the death of a child, and down
 * again. Promises that all that was started is gone when it resolves, whatever the reason for the end.
 */
import { once } from "node:events"
import process from "node:process"
import { shutDown } from "./shutdown.ts"
import { makeStack, type Stack } from "./stack.ts"
import { complain, say } from "./terminal.ts"

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/** The terminal sends a Ctrl-C to us and to `npm`, which hands it on: we get it twice, a few ms apart. */
const SAME_SIGNAL_MILLIS = 300

/** The shell that `npm` starts us in dies of a SIGTERM, or a SIGKILL, without passing it on. */
const PARENT_POLL_MILLIS = 500

const listenForSignals = () => {
  const first = new AbortController()
  const second = new AbortController()
  let at = 0
  const onSignal = () => {
    const isSame = first.signal.aborted && Date.now() - at < SAME_SIGNAL_MILLIS
    at = Date.now()
    if (isSame) return
    const next = first.signal.aborted ? second : first
    next.abort()
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  const parent = process.ppid
  // Only under npm: a user who runs us with nohup from a shell may close that shell.
  if (process.env.npm_lifecycle_event !== undefined) {
    const watch = setInterval(() => {
      if (process.ppid === parent) return
      clearInterval(watch)
      onSignal()
    }, PARENT_POLL_MILLIS)
  }
  return { first: first.signal, second: second.signal }
}

/** The user asked for the end during the start. */
class Interrupted extends Error {}

/**
 * `start` fills the stack and resolves to the banner. Between its steps it calls `check`, which throws when
 * there is a reason not to go on. Resolves to the exit code: 0 when the user asked for the end, else 1, after
 * saying the reason.
 */
export const live = async (
  start: (stack: Stack, check: () => void) => Promise<string>,
): Promise<0 | 1> => {
  const { first, second } = listenForSignals()
  const stack = makeStack()
  const check = () => {
    if (stack.fallen !== null) throw new Error(stack.fallen)
    if (first.aborted) throw new Interrupted()
  }
  try {
    say(await start(stack, check))
    stack.isUp = true
    const ended = AbortSignal.any([first, stack.fall.signal])
    if (!ended.aborted) await once(ended, "abort")
    if (stack.fallen !== null) throw new Error(stack.fallen)
    await shutDown(stack, true, second)
    if (stack.fallen !== null) complain(stack.fallen)
    return stack.fallen === null ? 0 : 1
  } catch (error) {
    const asked = error instanceof Interrupted
    if (!asked) complain((error as Error).message)
    await shutDown(stack, false, second)
    return asked ? 0 : 1
  }
}
