/**
 * Standard output and error, for processes that do not end because nobody reads them: a reader that is gone
 * (EPIPE) or a disk that is full (ENOSPC) costs lines, and no more. With room again, lines come again.
 */
import process from "node:process"

/** What waits for a reader that has stopped reading; lines beyond it are left out. On Deno it waits itself. */
const UNREAD_MAX_BYTES = 1_048_576

for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})

const write = (stream: NodeJS.WriteStream, text: string): void => {
  if (stream.writableLength > UNREAD_MAX_BYTES) return
  try {
    stream.write(text)
  } catch {
    // Node tells it by the event "error", Deno of a file also by throwing.
  }
}

export const print = (text: string): void => write(process.stdout, text)
export const printError = (text: string): void => write(process.stderr, text)
