/**
 * Two hundred clients that are slow on purpose: half of them send their headers a byte at a time, the
 * others stall in the middle of a body. Nobody else notices, and they are gone soon.
 */
import { once } from "node:events"
import { connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, test } from "vitest"
import { requestText } from "../testing/connection.ts"
import { faults, useFaultStack } from "./testing/stack.ts"

const SLOW_EACH = 100
const DRIP_MILLIS = 1_000

/** The limits of `shared/http/listen.ts` end headers after 5 s and requests after 10 s. */
const GONE_LIMIT_MILLIS = 30_000
const P99_LIMIT_MILLIS = 1_000

const LENGTH = 100

faults("two hundred slow clients", () => {
  const stack = useFaultStack()

  test("leave a normal client's p99 under a second, and are gone in 30 seconds", async () => {
    const { oracle, ingest } = stack()
    const begin = performance.now()
    const head = requestText("POST /write HTTP/1.1", [
      "Content-Type: application/json",
      `Content-Length: ${LENGTH}`,
    ])
    const dripping = await Promise.all(
      Array.from({ length: SLOW_EACH }, () => openSlow(ingest.port, head.slice(0, 10))),
    )
    const stalled = await Promise.all(
      Array.from({ length: SLOW_EACH }, () => openSlow(ingest.port, `${head}{"key":"`)),
    )
    const slow = [...dripping, ...stalled]
    let isOver = false
    const drip = (async () => {
      for (let at = 10; !isOver; at++) {
        for (const { socket } of dripping) if (socket.writable) socket.write(head[at] ?? "x")
        await sleep(DRIP_MILLIS)
      }
    })()

    const millis: number[] = []
    const left = () => slow.filter(({ socket }) => !socket.destroyed).length
    while (left() > 0 && performance.now() - begin < GONE_LIMIT_MILLIS) {
      const asked = performance.now()
      const [write] = await oracle.once("normal", 1)
      millis.push(performance.now() - asked)
      expect(write?.outcome).toBe("ok")
      await sleep(20)
    }
    isOver = true
    await drip
    expect(left()).toBe(0)
    millis.sort((a, b) => a - b)
    expect(millis.length).toBeGreaterThan(50)
    expect(millis[Math.floor(millis.length * 0.99)]).toBeLessThan(P99_LIMIT_MILLIS)
    for (const { answers } of slow) {
      const text = answers()
      expect(text).toContain("408")
      expect(text).toContain("/problems/request-timeout")
    }
  })
})

/** A client that has said so much and takes its time for the rest. */
const openSlow = async (port: number, text: string) => {
  const socket = connect(port, "127.0.0.1")
  await once(socket, "connect")
  let heard = ""
  socket
    .setEncoding("utf8")
    .on("error", () => {})
    .on("data", (data: string) => {
      heard += data
    })
  socket.write(text)
  return { socket, answers: () => heard }
}
