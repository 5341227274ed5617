/** The door to Redis: which servers it does not let in, and what it says of them. */
import { once } from "node:events"
import { type AddressInfo, connect, createServer } from "node:net"
import { afterEach, expect, test, vi } from "vitest"
import { REDIS_KINDS, useRedis } from "../../services/testing/redis.ts"
import { openQueue } from "../queue/queue.ts"
import { leaveReplica, openRedis, redisErrorReason, untilReady } from "./redis.ts"

const QUEUE = "write_queue"
const NOT_READY_MILLIS = 300
const PASSWORD = "right"

const settings = { databases: "1", requirepass: PASSWORD }
const server = useRedis(REDIS_KINDS[0], { own: true, settings })
/** One that becomes ready is waited for on a busy machine too, and no longer than it takes. */
const READY_MILLIS = 10_000

const closing: Array<() => void> = []

afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const address = (password: string, port = server().port) =>
  `redis://${password && `:${password}@`}127.0.0.1:${port}`

/** Sends a write through a connection, and says why it was refused; null when it was not. */
const tried = async (url: string, limitMillis = NOT_READY_MILLIS) => {
  const redis = openRedis(url, { name: "test" })
  closing.push(() => redis.disconnect())
  await untilReady(redis, limitMillis)
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

test("nothing vaguer is said of it in between", async () => {
  const redis = openRedis(`${address(PASSWORD)}/1`, { name: "test" })
  closing.push(() => redis.disconnect())
  const said = new Set<string | null>()
  redis.on("error", () => said.add(redis.link.trouble))
  await untilReady(redis, NOT_READY_MILLIS)
  expect([...said]).toEqual(["Redis has no database of the number in REDIS_URL"])
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
  expect(await tried(address(PASSWORD, await startOlder("7.0")), READY_MILLIS)).toBeNull()
  expect(await waiting()).toBe(1)
})

test("a replica is not written to, and is used as soon as it is promoted", async () => {
  const operator = openRedis(address(PASSWORD), { name: "test" })
  const reader = openRedis(address(PASSWORD), { name: "test" })
  closing.push(operator.disconnect.bind(operator), reader.disconnect.bind(reader))
  await Promise.all([untilReady(operator), untilReady(reader)])
  const lost = once(reader, "error")
  await operator.replicaof("127.0.0.1", 1)
  expect(await tried(address(PASSWORD))).toBe("not connected: Redis is a replica, which only reads")
  // It was connected before, and what only looks is still answered.
  await leaveReplica(reader)
  await lost
  expect(reader.link.trouble).toBe("Redis is a replica, which only reads")
  await operator.replicaof("NO", "ONE")
  await untilReady(reader)
  expect([reader.status, reader.link.trouble]).toEqual(["ready", null])
  expect(await tried(address(PASSWORD), READY_MILLIS)).toBeNull()
})

test("a user who may not ask for INFO is let in, and the driver prints nothing", async () => {
  const operator = openRedis(address(PASSWORD), { name: "test" })
  closing.push(operator.disconnect.bind(operator))
  await untilReady(operator)
  await operator.call("ACL", "SETUSER", "blind", "on", ">blind", "~*", "+@all", "-info")
  const print = vi.spyOn(console, "warn")
  const redis = openRedis(address(PASSWORD).replace(`:${PASSWORD}@`, "blind:blind@"), {
    name: "test",
  })
  closing.push(redis.disconnect.bind(redis))
  await untilReady(redis)
  expect(redis.link).toMatchObject({ trouble: null, version: null, canAsk: false })
  expect(operator.link).toMatchObject({ canAsk: true, version: expect.any(String) })
  expect(print).not.toHaveBeenCalled()
  await expect(redis.info()).rejects.toThrow("NOPERM")
  print.mockRestore()
})
