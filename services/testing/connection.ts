/** A client without manners for tests: it sends the bytes it is given, whatever HTTP says to them. */
import { once } from "node:events"
import { connect } from "node:net"

/** Above every limit of the servers, such as the 5 s that a stop gives to an upload. */
const LIMIT_MILLIS = 8_000

export interface Answer {
  readonly status: number
  readonly headers: string
  readonly body: string
}

/** The answers in what a server has sent; each has its Content-Length. */
const parse = (text: string): ReadonlyArray<Answer> => {
  const answers: Answer[] = []
  let rest = text
  while (rest !== "") {
    const [headers = ""] = rest.split("\r\n\r\n", 1)
    const length = Number(/content-length: (\d+)/i.exec(headers)?.[1] ?? 0)
    const at = headers.length + 4
    const status = Number(headers.slice("HTTP/1.1 ".length).slice(0, 3))
    answers.push({ status, headers, body: rest.slice(at, at + length) })
    rest = rest.slice(at + length)
  }
  return answers
}

/** Opens a connection, and collects what comes back on it. */
export const openConnection = async (port: number) => {
  const socket = connect(port, "127.0.0.1")
  await once(socket, "connect")
  let text = ""
  socket.setEncoding("utf8").on("data", (data: string) => {
    text += data
  })
  // Servers may close while a client still sends; what came back before counts.
  socket.on("error", () => {})
  const closed = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("still open")), LIMIT_MILLIS)
    socket.once("close", () => {
      clearTimeout(timer)
      resolve()
    })
  })
  closed.catch(() => socket.destroy())
  return {
    socket,
    send: (...parts: ReadonlyArray<string | Uint8Array>) => {
      for (const part of parts) socket.write(part)
    },
    /** The same, and rejects when the server has reset the connection. */
    write: async (...parts: ReadonlyArray<string | Uint8Array>) => {
      for (const part of parts) {
        await new Promise<void>((resolve, reject) => {
          socket.write(part, (error) => (error ? reject(error) : resolve()))
        })
      }
    },
    /** The first so many answers, as soon as they are there. */
    answers: async (count = 1): Promise<ReadonlyArray<Answer>> => {
      const end = performance.now() + LIMIT_MILLIS
      while (parse(text).length < count) {
        if (performance.now() > end) throw new Error(`${count} answers: only ${text.length} bytes`)
        await Promise.race([once(socket, "data"), closed])
      }
      return parse(text)
    },
    /** All answers, when the server has closed the connection. */
    end: async (): Promise<ReadonlyArray<Answer>> => {
      await closed
      return parse(text)
    },
  }
}

/** A request in one piece. `headers` are lines; Host is there unless it is given. */
export const requestText = (line: string, headers: ReadonlyArray<string> = [], body = "") =>
  `${line}\r\n${["Host: localhost", ...headers].map((header) => `${header}\r\n`).join("")}\r\n${body}`
