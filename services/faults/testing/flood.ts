/**
 * More requests than a polite client makes: writes in pipelines over raw sockets, which costs the sender so
 * little that two cores are left for what is flooded.
 */
import { execFile } from "node:child_process"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { connect } from "node:net"
import { promisify } from "node:util"
import { CANARY } from "../../testing/sent.ts"

const SOCKETS = 8

/** Requests on their way on one socket. */
const PIPELINE = 32

/** A socket that hears nothing for so long will hear nothing any more. */
const SILENT_MILLIS = 20_000

const request = (key: string) => {
  const body = JSON.stringify({ key: `${CANARY} ${key}`, value: CANARY.repeat(10) })
  return `POST /write HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

export interface Flooded {
  /** How many answers had each status. */
  readonly statuses: ReadonlyMap<number, number>
  /** The Retry-After of all that had one. */
  readonly retryAfter: ReadonlySet<number>
}

/** Sends so many writes to the ports in turn, each with a key of its own. */
export const flood = async (
  ports: ReadonlyArray<number>,
  name: string,
  count: number,
): Promise<Flooded> => {
  const statuses = new Map<number, number>()
  const retryAfter = new Set<number>()
  let sent = 0

  const pour = async (index: number) => {
    const socket = connect(ports[index % ports.length] as number, "127.0.0.1")
    await once(socket, "connect")
    const closed = Promise.withResolvers<void>()
    socket.setTimeout(SILENT_MILLIS, () => socket.destroy(new Error("the server went silent")))
    socket.once("error", closed.reject).once("close", () => closed.resolve())
    let text = ""
    let waiting = 0
    const next = () => {
      const batch = Math.min(PIPELINE, count - sent)
      if (batch === 0) return socket.end()
      const requests: string[] = []
      for (let index = 0; index < batch; index++) requests.push(request(`${name} ${sent++}`))
      waiting = batch
      socket.write(requests.join(""))
    }
    socket.setEncoding("latin1").on("data", (data: string) => {
      text += data
      const heads = [...text.matchAll(/HTTP\/1\.1 (\d{3})[\s\S]*?\r\n\r\n/g)]
      if (heads.length < waiting) return
      for (const [head, status] of heads) {
        statuses.set(Number(status), (statuses.get(Number(status)) ?? 0) + 1)
        const after = /retry-after: (\d+)/i.exec(head)?.[1]
        if (after) retryAfter.add(Number(after))
      }
      text = ""
      next()
    })
    next()
    await closed.promise
  }
  await Promise.all(Array.from({ length: SOCKETS }, (_, index) => pour(index)))
  return { statuses, retryAfter }
}

/** What a process has in memory, in MiB. */
export const residentMiB = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(async () => {
    const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)])
    return `VmRSS: ${stdout}`
  })
  return Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]) / 1_024
}
