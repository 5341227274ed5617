/** The door to Redis: which servers it does not let in, and what it says of them. */
import { once } from "node:events"
import { type AddressInfo, connect, createServer } from "node:net"
import { afterEach, expect, test } from "vitest"
import { REDIS_KINDS, useRedis } from "../../services/testing/redis.ts"
import { openQueue } from "../queue/queue.ts"
import { openRedis, redisErrorReason, untilReady } from "./redis.ts"

const QUEUE = "write_queue"
const NOT_READY_MILLIS = 300
const PASSWORD = "right"

const settings = { databases: "1", requirepass: PASSWORD }
const server = useRedis(REDIS_KINDS[0], { own: true, settings })
const closing: Array<() => void> = []

afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const address = (password: string, port = server().port) =>
  `redis://${password && `:${password}@`}127.0.0.1:${port}`

/** Sends a write through a connection, and says why it was refused; null when it was not. */
const tried = async (url: string) => {
  const redis = openRedis(url, { name: "test" })
  closing.push(() => redis.disconnect())
  await untilReady(redis, NOT_READY_MILLIS)
  const writes = ['{"key":"a","value":"v"}']
  return await openQueue(redis, QUEUE)
    .enqueue({ most: 10, isFirst: true, writes })
    .then(
      () => null,
      (error) => redisErrorReason(error, redis.link),
    )
}

const waiting = () => server().connection.llen(QUEUE)

/** What this Redis would be if it were of that version. */
const startOlder = async (version: string) => {
  const older = createServer((client) => {
    const upstream = connect(server().port, "127.0.0.1")
    client.on("error", () => upstream.destroy()).pipe(upstream)
    upstream.on("error", () => client.destroy())
    upstream.on("data", (bytes) =>
      client.write(
        bytes.toString("latin1").replace(/(redis_version:)\d\.\d/, `$1${version}`),
        "latin1",
      ),
    )
    upstream.on("close", () => client.destroy())
  }).listen(0, "127.0.0.1")
  await once(older, "listening")
  closing.push(() => older.close())
  return (older.address() as AddressInfo).port
}

test("a database that Redis does not have is not replaced by another", async () => {
  expect(await tried(`${address(PASSWORD)}/1`)).toBe(
    "not connected: Redis has no database of the number in REDIS_URL",
  )
  expect(await waiting()).toBe(0)
})

test("a refused login is told by the first word of Redis' answer", async () => {
  expect(await tried(address("wrong"))).toBe("not connected: WRONGPASS")
  expect(await tried(address(""))).toBe("not connected: NOAUTH")
})

test("a Redis that is too old is not written to, for no worker could claim there", async () => {
  const port = await startOlder("6.2")
  expect(await tried(address(PASSWORD, port))).toMatch(
    /^not connected: Redis is 6\.2\.\d+, and 7 or newer is needed$/,
  )
  expect(await waiting()).toBe(0)
})

test("one that is fit takes the write", async () => {
  expect(await tried(address(PASSWORD, await startOlder("7.0")))).toBeNull()
  expect(await waiting()).toBe(1)
})
