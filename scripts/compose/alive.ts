/**
 * The health check of a worker, which has no /health: exits with 0 when this one still answers (a process
 * that hangs does not), and a worker has sent a heartbeat to Redis within its lease.
 */
import { readFile } from "node:fs/promises"
import process from "node:process"
import { queueKeys } from "../../shared/queue/keys.ts"
import { closeRedis, openRedis, untilReady } from "../../shared/redis/redis.ts"

const QUEUE = "write_queue"

const { PORT, REDIS_URL_FILE = "" } = process.env
const { ok } = await fetch(`http://127.0.0.1:${PORT}/metrics`)

const redis = openRedis(await readFile(REDIS_URL_FILE, "utf8"), { name: "alive", slotOf: QUEUE })
await untilReady(redis)
// Deadlines are in the time of Redis, which in one stack is the time of the same machine.
const live = await redis.zrangebyscore(queueKeys(QUEUE).workers, Date.now(), "+inf")
closeRedis(redis)
process.exit(ok && live.length > 0 ? 0 : 1)
